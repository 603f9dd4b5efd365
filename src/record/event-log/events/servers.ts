import type { RecordedTransport } from '../../../platform/runtime/transport.js';
import type { EventOf } from './envelope.js';
import type { MeaningLines } from './meaning.js';

declare module '../../../platform/crypto/ids.js' {
  interface IdPrefixes {
    srv: true;
  }
}

/** Where a server is reached. The values of a command's environment are secrets and never in an event. */
export type Transport = RecordedTransport;
/** How we sign in to the upstream; header values are secrets and never in an event. */
export type UpstreamAuth =
  Readonly<{ type: 'none' }> | Readonly<{ type: 'headers'; names: readonly string[] }> | UpstreamOauth;
/** Toolgate signs in as a client of the upstream's authorization server; its tokens are in no event. */
export type UpstreamOauth = Readonly<{
  type: 'oauth';
  clientId?: string;
  scopes?: readonly string[];
  issuer?: string;
  status?: 'connected' | 'needs_sign_in';
}>;
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

export type ServerBody =
  | EventOf<
      'server.registered',
      {
        serverId: string;
        name: string;
        transport: Transport;
        auth: UpstreamAuth;
        clientAuth: 'token' | 'oauth' | 'both';
        restartSessions?: boolean;
      }
    >
  | EventOf<
      'server.changed',
      {
        serverId: string;
        name?: string;
        transport?: Transport;
        auth?: UpstreamAuth;
        clientAuth?: 'token' | 'oauth' | 'both';
        defaultPolicyId?: string | null;
        disabled?: boolean;
        restartSessions?: boolean;
      }
    >
  | EventOf<'server.deleted', { serverId: string }>
  | EventOf<'tool.disabled', { serverId: string; tool: string }>
  | EventOf<'tool.enabled', { serverId: string; tool: string }>
  | EventOf<'tool.categoryOverruled', { serverId: string; tool: string; category: string; reason: string }>
  | EventOf<'tool.categoryRestored', { serverId: string; tool: string }>
  | EventOf<
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
  | EventOf<'tool.changed', { serverId: string; tool: string; previousDefinitionHash: string; definitionHash: string }>
  | EventOf<
      'tool.accepted',
      { serverId: string; tool: string; previousDefinitionHash: string | null; definitionHash: string }
    >;

/** What they mean. The compiler refuses this table when it misses one. */
export const serverMeanings: MeaningLines<ServerBody> = {
  'server.registered': ['Server registered', 'server', 'create'],
  'server.changed': ['Server changed', 'server', 'update'],
  'server.deleted': ['Server deleted', 'server', 'delete', 'low'],
  'tools.discovered': ['Tools discovered', 'server', 'update'],
  'tool.disabled': ['Tool disabled', 'tool', 'disable'],
  'tool.enabled': ['Tool enabled', 'tool', 'enable'],
  'tool.categoryOverruled': ['Category of a tool overruled', 'tool', 'update', 'medium'],
  'tool.categoryRestored': ['Category of a tool restored', 'tool', 'update', 'low'],
  'tool.changed': ['Definition of a tool changed', 'tool', 'update', 'medium'],
  'tool.accepted': ['Definition of a tool accepted', 'tool', 'update', 'low'],
};
