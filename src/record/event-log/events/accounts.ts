import type { EventOf } from './envelope.js';
import type { MeaningLines } from './meaning.js';

declare module '../../../platform/crypto/ids.js' {
  interface IdPrefixes {
    org: true;
    usr: true;
    key: true;
    inv: true;
    rst: true;
  }
}

export type MemberRole = 'admin' | 'policy_manager' | 'approver' | 'auditor' | 'viewer';

export type OrganizationBody =
  | EventOf<'organization.created', { name: string }>
  | Readonly<{ type: 'organization.disabled' }>
  | Readonly<{ type: 'organization.enabled' }>
  | EventOf<'organization.deletionScheduled', { deletesAt: string }>
  | Readonly<{ type: 'organization.deletionCancelled' }>
  | Readonly<{ type: 'organization.deleted' }>;

export type MemberBody =
  | EventOf<'member.joined', { userId: string; email: string; role: MemberRole }>
  | EventOf<'member.roleChanged', { userId: string; role: MemberRole }>
  | EventOf<'member.removed', { userId: string }>
  | EventOf<'member.erased', { userId: string }>;

/** Facts about people and credentials; they have no state of an organization or a member behind them. */
export type AccountFact =
  | EventOf<'apiKey.issued', { apiKeyId: string; name: string; role: MemberRole; expiresAt: string | null }>
  | EventOf<'apiKey.revoked', { apiKeyId: string }>
  | EventOf<'invitation.sent', { invitationId: string; email: string; role: MemberRole }>
  | EventOf<'member.signedIn', { userId: string; email: string; sessionId: string }>
  | EventOf<'member.signedOut', { userId: string; email: string; sessionId: string }>
  | EventOf<
      'member.signInFailed',
      {
        /** Null for failures at several accounts. */
        userId: string | null;
        email: string | null;
        count: number;
        users: number;
        addresses: readonly string[];
        addressCount: number;
        from: string;
        to: string;
      }
    >
  | EventOf<'member.passwordChanged', { userId: string }>
  | EventOf<'member.secondFactorChanged', { userId: string; enabled: boolean }>
  | EventOf<'member.passwordResetIssued', { userId: string }>
  | EventOf<'invitation.withdrawn', { invitationId: string; email: string; reason: 'withdrawn' | 'replaced' }>
  | Readonly<{ type: 'organization.exported' }>
  | EventOf<'member.dataExported', { userId: string }>;

/** The events of accounts. */
export type AccountEvents = OrganizationBody | MemberBody | AccountFact;

/** What they mean. The compiler refuses this table when it misses one. */
export const accountMeanings: MeaningLines<AccountEvents> = {
  'organization.created': ['Organization created', 'organization', 'create'],
  'organization.disabled': ['Organization disabled', 'organization', 'disable', 'medium'],
  'organization.enabled': ['Organization enabled', 'organization', 'enable'],
  'organization.exported': ['Organization exported', 'organization', 'read', 'medium'],
  'organization.deletionScheduled': ['Deletion of the organization scheduled', 'organization', 'update', 'high'],
  'organization.deletionCancelled': ['Deletion of the organization cancelled', 'organization', 'update', 'medium'],
  'organization.deleted': ['Organization deleted', 'organization', 'delete', 'high'],
  'member.joined': ['Member joined', 'member', 'create'],
  'member.roleChanged': ['Role of a member changed', 'member', 'update', 'low'],
  'member.removed': ['Member removed', 'member', 'delete', 'low'],
  'member.erased': ['Personal data of a member erased', 'member', 'delete', 'medium'],
  'member.dataExported': ['Personal data of a member exported', 'member', 'read', 'low'],
  'member.signedIn': ['Signed in', 'signIn', 'signIn'],
  'member.signedOut': ['Signed out', 'signIn', 'signOut'],
  'member.signInFailed': ['Sign-in failed', 'signIn', 'signIn', 'medium', true],
  'member.passwordChanged': ['Password changed', 'member', 'setPassword'],
  'member.secondFactorChanged': ['Second factor changed', 'member', 'update', 'low'],
  'member.passwordResetIssued': ['Password reset issued', 'member', 'resetPassword', 'low'],
  'invitation.sent': ['Invitation sent', 'invitation', 'create'],
  'invitation.withdrawn': ['Invitation withdrawn', 'invitation', 'delete'],
  'apiKey.issued': ['API key issued', 'apiKey', 'create', 'low'],
  'apiKey.revoked': ['API key revoked', 'apiKey', 'delete'],
};
