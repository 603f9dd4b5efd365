import { Instant, OneOf, Text } from '../../platform/rest/fields.js';
import { PageQuery } from '../../platform/rest/page.js';
import { FILTER_COLUMNS, type ColumnFilters } from './columns.js';
import { EXPORT_FORMATS } from './export.js';

/** A page of a list with a query parameter for each column that is a filter. */
const ColumnFilterQuery = class extends PageQuery {} as new () => PageQuery & ColumnFilters;
for (const { member, filter } of FILTER_COLUMNS) filter(ColumnFilterQuery.prototype as object, member);

/** A search of the audit log; a record must match all of it. */
export class EventsQuery extends ColumnFilterQuery {
  @Instant({ optional: true, description: 'Recorded (recordedAt) at this time or later' })
  from?: string;

  @Instant({ optional: true, description: 'Recorded (recordedAt) before this time' })
  to?: string;

  @Text(1, 200, { optional: true, description: 'The exact type of event, such as toolCall.decided' })
  type?: string;

  @OneOf(['differs'], {
    optional: true,
    description: 'differs: decisions that the shadow policy of their grant would have made otherwise',
  })
  shadow?: 'differs';
}

/** An export of the audit log. */
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
