import { Instant, OneOf } from '../../platform/rest/fields.js';
import { PageQuery } from '../../platform/rest/page.js';
import { idItem, QueryAnyOf, textItem, wordItem } from '../../platform/rest/query-list.js';
import { EVENT_TYPES } from '../event-log/events/meanings.js';
import { FILTER_COLUMNS, type ColumnFilters } from './columns.js';
import { EXPORT_FORMATS, type ExportFormat } from './export.js';

/** A page of a list with a query parameter for each column that is a filter. */
const ColumnFilterQuery = class extends PageQuery {} as new () => PageQuery & ColumnFilters;
for (const { member, filter, about } of FILTER_COLUMNS)
  QueryAnyOf(filter, about)(ColumnFilterQuery.prototype as object, member);

/** A search of the audit log: a record must match every parameter, and of a repeated one any value. */
export class EventsQuery extends ColumnFilterQuery {
  @OneOf(['asc', 'desc'], { optional: true, description: 'asc (the default): oldest first; desc: newest first' })
  order?: 'asc' | 'desc';

  @Instant({ optional: true, description: 'Recorded (recordedAt) at this time or later' })
  from?: string;

  @Instant({ optional: true, description: 'Recorded (recordedAt) before this time' })
  to?: string;

  @QueryAnyOf(wordItem(EVENT_TYPES))
  type?: readonly string[];

  @QueryAnyOf(idItem('evt'), 'The id of the event: a refusal shows it as `id` in `_meta["io.toolgate/decision"]`')
  id?: readonly string[];

  @QueryAnyOf(idItem('pol'), 'Decisions by this policy, and changes that name it')
  policyId?: readonly string[];

  @QueryAnyOf(textItem(200), 'Who made a change: the id of a member, an API key or a grant, or a part of Toolgate')
  actorId?: readonly string[];

  @QueryAnyOf(textItem(1000), 'The exact rule of a decision: a JSON Pointer into the policy document')
  rule?: readonly string[];

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
      'ndjson: the items of GET /v1/audit/events, one a line; csv: RFC 4180 with a header, the last column being ' +
      'the whole event; ocsf: OCSF 1.8.0 and ecs: Elastic Common Schema 9.5, one JSON object a line; cef: CEF 0, one ' +
      'line a record',
  })
  format!: ExportFormat;

  @Instant({ optional: true, description: 'Recorded (recordedAt) at this time or later' })
  from?: string;

  @Instant({ optional: true, description: 'Recorded (recordedAt) before this time' })
  to?: string;
}
