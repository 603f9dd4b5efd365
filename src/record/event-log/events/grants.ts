import type { EventOf } from './envelope.js';
import type { MeaningLines } from './meaning.js';

declare module '../../../platform/crypto/ids.js' {
  interface IdPrefixes {
    idn: true;
    grt: true;
  }
}

export type IdentityBody =
  | EventOf<
      'identity.created',
      {
        identityId: string;
        name: string;
        kind: 'human' | 'agent' | 'service';
        memberId: string | null;
        externalId: string | null;
        attributes: Readonly<Record<string, unknown>>;
      }
    >
  | EventOf<
      'identity.changed',
      {
        identityId: string;
        name?: string;
        memberId?: string | null;
        externalId?: string | null;
        attributes?: Readonly<Record<string, unknown>>;
      }
    >
  | EventOf<'identity.disabled', { identityId: string }>
  | EventOf<'identity.enabled', { identityId: string }>
  | EventOf<'identity.deleted', { identityId: string }>;

export type GrantBody =
  | EventOf<
      'grant.issued',
      {
        grantId: string;
        identityId: string;
        serverId: string;
        policyId: string | null;
        shadowPolicyId?: string | null;
        label: string | null;
        expiresAt: string | null;
        /** A member signed a client in; absent for a grant whose token was handed out. */
        via?: 'oauth';
        clientId?: string;
        clientName?: string;
      }
    >
  | EventOf<'grant.renewed', { grantId: string; identityId: string; serverId: string; expiresAt: string }>
  | EventOf<
      'grant.changed',
      {
        grantId: string;
        identityId: string;
        serverId: string;
        policyId?: string | null;
        shadowPolicyId?: string | null;
        label?: string | null;
        expiresAt?: string | null;
      }
    >
  | EventOf<'grant.disabled', { grantId: string; identityId: string; serverId: string }>
  | EventOf<'grant.enabled', { grantId: string; identityId: string; serverId: string }>
  | EventOf<'grant.rotated', { grantId: string; identityId: string; serverId: string; graceSeconds: number }>
  | EventOf<
      'grant.revoked',
      {
        grantId: string;
        identityId: string;
        serverId: string;
        reason: 'revoked' | 'server_deleted' | 'identity_deleted' | 'signed_out' | 'token_reused' | 'member_removed';
      }
    >;

/** The events of identities and grants. */
export type GrantEvents = IdentityBody | GrantBody;

/** What they mean. The compiler refuses this table when it misses one. */
export const grantMeanings: MeaningLines<GrantEvents> = {
  'identity.created': ['Identity created', 'identity', 'create'],
  'identity.changed': ['Identity changed', 'identity', 'update'],
  'identity.disabled': ['Identity disabled', 'identity', 'disable'],
  'identity.enabled': ['Identity enabled', 'identity', 'enable'],
  'identity.deleted': ['Identity deleted', 'identity', 'delete'],
  'grant.issued': ['Grant issued', 'grant', 'create', 'low'],
  'grant.renewed': ['Tokens of a sign-in issued', 'grant', 'update'],
  'grant.changed': ['Grant changed', 'grant', 'update', 'low'],
  'grant.disabled': ['Grant disabled', 'grant', 'disable'],
  'grant.enabled': ['Grant enabled', 'grant', 'enable'],
  'grant.rotated': ['Token of a grant rotated', 'grant', 'update'],
  'grant.revoked': ['Grant revoked', 'grant', 'delete'],
};
