import { COLLECTION_QUOTA, STREAM_QUOTA } from '../../platform/fair-shares/data-plane-quotas.js';
import { Quota } from '../../platform/fair-shares/quota.js';

/**
 * How many standing streams, and how many other requests that no policy decides, each organization and grant has open
 * on this node.
 */
export class GatewayQuotas {
  readonly streams = new Quota(STREAM_QUOTA);
  readonly collections = new Quota(COLLECTION_QUOTA);
}
