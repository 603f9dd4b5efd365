import { Instant, OneOf, QueryWords } from '../../platform/rest/fields.js';
import { GROUPS, INTERVALS, type Group, type Interval } from './usage.query.js';

/** What to sum up. */
export class UsageQuery {
  @QueryWords(GROUPS, { description: 'One item for each combination of these; without it one for each interval' })
  groupBy?: Group[];

  @OneOf(INTERVALS, { optional: true, description: 'hour unless told; hours and days are UTC' })
  interval?: Interval;

  @Instant({ optional: true, description: '24 hours before `to` unless told' })
  from?: string;

  @Instant({ optional: true, description: 'Now unless told; at most 400 days after `from`' })
  to?: string;
}
