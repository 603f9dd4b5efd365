import { IdOf, Instant, OneOf, Text } from '../../platform/rest/fields.js';
import { PageQuery } from '../../platform/rest/page.js';
import { EXPORT_FORMATS } from './export.js';

/** What to search the audit log for; all of it must match. */
export class EventsQuery extends PageQuery {
  @Instant({ optional: true, description: 'Recorded (recordedAt) at this time or later' })
  from?: string;

  @Instant({ optional: true, description: 'Recorded (recordedAt) before this time' })
  to?: string;

  @OneOf(['allow', 'deny', 'hold'], { optional: true })
  effect?: string;

  @IdOf('idn', { optional: true })
  identityId?: string;

  @IdOf('grt', { optional: true })
  grantId?: string;

  @IdOf('srv', { optional: true })
  serverId?: string;

  @Text(1, 1000, {
    optional: true,
    description: 'The exact name of a tool; long names compare by their first 200 characters',
  })
  tool?: string;

  @Text(1, 200, { optional: true, description: 'The exact type of event, such as toolCall.decided' })
  type?: string;

  @OneOf(['differs'], {
    optional: true,
    description: 'differs: decisions that the shadow policy of their grant would have made otherwise',
  })
  shadow?: 'differs';
}

/** What to export, and how. */
export class ExportQuery {
  @OneOf(EXPORT_FORMATS, {
    description:
      'ndjson: the items of GET /v1/audit/events, one a line; csv: RFC 4180 with a header, the last ' +
      'column being the whole event',
  })
  format!: string;

  @Instant({ optional: true, description: 'Recorded (recordedAt) at this time or later' })
  from?: string;

  @Instant({ optional: true, description: 'Recorded (recordedAt) before this time' })
  to?: string;
}
