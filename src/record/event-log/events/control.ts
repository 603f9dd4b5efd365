import type { RecordedTransport } from '../../../platform/runtime/transport.js';
import type { Actor, Envelope } from './envelope.js';
import type { LogStreamBody, LogStreamFact } from './log-streams.js';

export type MemberRole = 'admin' | 'policy_manager' | 'approver' | 'auditor' | 'viewer';
/** Where a server is reached. The values of a command's environment are secrets and never in an event. */
export type Transport = RecordedTransport;
/** How we sign in to the upstream; header values are secrets and never in an event. */
export type UpstreamAuth =
  Readonly<{ type: 'none' }> | Readonly<{ type: 'headers'; names: readonly string[] }> | Readonly<{ type: 'oauth' }>;
/** An era of MCP that a server speaks. */
export type ServerEra = 'legacy' | 'modern';
export type ServerStatus = 'ready' | 'unreachable' | 'needs_sign_in' | 'disabled';
/**
 * A tool as discovered: its definition as the upstream gave it, and a hash over name, title, description, schemas and
 * annotations.
 */
export type DiscoveredTool = Readonly<{
  name: string;
  definitionHash: string;
  definition: Readonly<Record<string, unknown>>;
}>;

type Of<T extends string, Body> = Readonly<{ type: T }> & Readonly<Body>;

export type OrganizationBody =
  | Of<'organization.created', { name: string }>
  | Readonly<{ type: 'organization.disabled' }>
  | Readonly<{ type: 'organization.enabled' }>
  | Of<'organization.deletionScheduled', { deletesAt: string }>
  | Readonly<{ type: 'organization.deletionCancelled' }>
  | Readonly<{ type: 'organization.deleted' }>;

export type MemberBody =
  | Of<'member.joined', { userId: string; email: string; role: MemberRole }>
  | Of<'member.roleChanged', { userId: string; role: MemberRole }>
  | Of<'member.removed', { userId: string }>
  | Of<'member.erased', { userId: string }>;

export type ServerBody =
  | Of<
      'server.registered',
      {
        serverId: string;
        name: string;
        transport: Transport;
        auth: UpstreamAuth;
        clientAuth: 'token' | 'oauth';
        restartSessions?: boolean;
      }
    >
  | Of<
      'server.changed',
      {
        serverId: string;
        name?: string;
        transport?: Transport;
        auth?: UpstreamAuth;
        clientAuth?: 'token' | 'oauth';
        disabled?: boolean;
        restartSessions?: boolean;
      }
    >
  | Of<'server.deleted', { serverId: string }>
  | Of<'tool.disabled', { serverId: string; tool: string }>
  | Of<'tool.enabled', { serverId: string; tool: string }>
  | Of<'tool.categoryOverruled', { serverId: string; tool: string; category: string; reason: string }>
  | Of<'tool.categoryRestored', { serverId: string; tool: string }>
  | Of<
      'tools.discovered',
      {
        serverId: string;
        status: ServerStatus;
        detail: string | null;
        serverInfo: Readonly<Record<string, unknown>> | null;
        protocolVersion: string | null;
        eras?: readonly ServerEra[];
        tools: readonly DiscoveredTool[] | null;
        /** `tools` holds some of the server's tools, seen in a list on its way to a client. */
        partial?: true;
        /** Names that were never seen on this server before: their definitions are accepted as they are. */
        newTools?: readonly string[];
      }
    >
  | Of<'tool.changed', { serverId: string; tool: string; previousDefinitionHash: string; definitionHash: string }>
  | Of<
      'tool.accepted',
      { serverId: string; tool: string; previousDefinitionHash: string | null; definitionHash: string }
    >;

/** The definition hashes of the server's tools at the publication, by name, and the server's acceptances by then. */
export type PolicyPins = Readonly<{ pins: Readonly<Record<string, string>>; acceptances: number }>;

export type PolicyBody =
  | Of<
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
  | Of<'policy.deleted', { policyId: string; serverId: string }>;

export type IdentityBody =
  | Of<
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
  | Of<
      'identity.changed',
      {
        identityId: string;
        name?: string;
        memberId?: string | null;
        externalId?: string | null;
        attributes?: Readonly<Record<string, unknown>>;
      }
    >
  | Of<'identity.disabled', { identityId: string }>
  | Of<'identity.enabled', { identityId: string }>
  | Of<'identity.deleted', { identityId: string }>;

export type GrantBody =
  | Of<
      'grant.issued',
      {
        grantId: string;
        identityId: string;
        serverId: string;
        policyId: string | null;
        shadowPolicyId?: string | null;
        label: string | null;
        expiresAt: string | null;
      }
    >
  | Of<
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
  | Of<'grant.disabled', { grantId: string; identityId: string; serverId: string }>
  | Of<'grant.enabled', { grantId: string; identityId: string; serverId: string }>
  | Of<'grant.rotated', { grantId: string; identityId: string; serverId: string; graceSeconds: number }>
  | Of<
      'grant.revoked',
      {
        grantId: string;
        identityId: string;
        serverId: string;
        reason: 'revoked' | 'server_deleted' | 'identity_deleted';
      }
    >;

/**
 * The exact call that an approval is for. It is approved as a whole: another grant, tool, argument, definition or
 * policy version is another call.
 */
export type HeldCall = Readonly<{
  grantId: string;
  identityId: string;
  serverId: string;
  tool: string;
  argumentKeys: readonly string[];
  argumentsDigest: string;
  definitionHash: string | null;
  policyId: string;
  policyVersion: number;
  rule: string | null;
  reason: string;
}>;
export type ApprovalStatus = 'pending' | 'approved' | 'rejected' | 'expired';

/**
 * `status` is what the approval has become by one person's decision. `memberId` is that person; an API key counts as
 * the member who issued it.
 */
export type ApprovalBody =
  | Of<'approval.requested', HeldCall & { approvalId: string; count: number; expiresAt: string }>
  | Of<
      'approval.decided',
      {
        approvalId: string;
        grantId: string;
        identityId: string;
        serverId: string;
        tool: string;
        decision: 'approved' | 'rejected';
        status: ApprovalStatus;
        memberId: string;
        comment: string | null;
        /** The attribute `team` of the identity whose call it is, and that of the identity of who decided. */
        identityTeam?: string | null;
        approverTeam?: string | null;
      }
    >
  | Of<'approval.expired', { approvalId: string; grantId: string; identityId: string; serverId: string; tool: string }>;

/** Who hears of approvals, and of alarms. The URL of the webhook may hold a secret, so only its origin is here. */
export type NotificationsBody = Of<
  'approvalNotifications.changed' | 'notifications.changed',
  { webhookOrigin: string | null; emails: readonly string[] }
>;

/** Facts about credentials and the record itself; they have no state table of their own. */
export type NoticeBody =
  | Of<'apiKey.issued', { apiKeyId: string; name: string; role: MemberRole; expiresAt: string | null }>
  | Of<'apiKey.revoked', { apiKeyId: string }>
  | Of<'invitation.sent', { invitationId: string; email: string; role: MemberRole }>
  | Of<'member.signedIn', { userId: string; email: string; sessionId: string }>
  | Of<'member.signedOut', { userId: string; email: string; sessionId: string }>
  | Of<
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
  | Of<'member.passwordChanged', { userId: string }>
  | Of<'member.secondFactorChanged', { userId: string; enabled: boolean }>
  | Of<'member.passwordResetIssued', { userId: string }>
  | Of<'invitation.withdrawn', { invitationId: string; email: string; reason: 'withdrawn' | 'replaced' }>
  | Of<'session.ended', { sessionId: string; grantId: string; serverId: string; expiresAt: string }>
  | Of<'session.restarted', { sessionId: string; grantId: string; serverId: string }>
  | Readonly<{ type: 'organization.exported' }>
  | Of<'member.dataExported', { userId: string }>
  | Of<'audit.read', { filters: readonly string[] }>
  | Of<'audit.exported', { format: string; from: string | null; to: string | null }>;

export type ControlBody =
  | OrganizationBody
  | MemberBody
  | ServerBody
  | PolicyBody
  | IdentityBody
  | GrantBody
  | ApprovalBody
  | NotificationsBody
  | LogStreamBody
  | LogStreamFact
  | NoticeBody;

/**
 * A change of the control plane and who made it, from where. `before` and `after` hold what has changed of a thing that
 * was there, by the members of its state.
 */
export type ControlEvent = Envelope &
  Readonly<{
    actor: Actor;
    sourceIp?: string;
    before?: Readonly<Record<string, unknown>>;
    after?: Readonly<Record<string, unknown>>;
  }> &
  ControlBody;
