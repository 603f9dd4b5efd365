import type { EventOf } from './envelope.js';
import type { MeaningLines } from './meaning.js';

declare module '../../../platform/crypto/ids.js' {
  interface IdPrefixes {
    pol: true;
  }
}

/** The definition hashes of the server's tools at the publication, by name, and the server's acceptances by then. */
export type PolicyPins = Readonly<{ pins: Readonly<Record<string, string>>; acceptances: number }>;

export type PolicyBody =
  | EventOf<
      'policy.published',
      {
        policyId: string;
        serverId: string;
        name: string;
        policyVersion: number;
        document: Readonly<Record<string, unknown>>;
        /** The document as the text that was sent; absent where it was sent as a value. */
        source?: string;
      } & Partial<PolicyPins>
    >
  | EventOf<'policy.deleted', { policyId: string; serverId: string }>;

/** What they mean. The compiler refuses this table when it misses one. */
export const policyMeanings: MeaningLines<PolicyBody> = {
  'policy.published': ['Policy published', 'policy', 'update', 'low'],
  'policy.deleted': ['Policy deleted', 'policy', 'delete', 'low'],
};
