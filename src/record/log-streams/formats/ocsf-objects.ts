import { isIP } from 'node:net';
import { countAt, objectAt, firstText, textAt, type RecordFacts } from './facts.js';
import type { Subject } from '../../event-log/events/meaning.js';

type Members = Readonly<Record<string, unknown>>;

/** The members that have a value. Each record asks for this often: a loop costs a third of `Object.fromEntries`. */
export const present = (members: Members): Members => {
  const kept: Record<string, unknown> = {};
  for (const name of Object.keys(members)) if (members[name] !== undefined) kept[name] = members[name];
  return kept;
};

const USER_TYPES: Readonly<Record<string, Readonly<{ type_id: number; type: string }>>> = {
  member: { type_id: 1, type: 'User' },
  human: { type_id: 1, type: 'User' },
  agent: { type_id: 4, type: 'Service' },
  service: { type_id: 4, type: 'Service' },
  system: { type_id: 3, type: 'System' },
};

const userType = (type: string): Members => USER_TYPES[type] ?? { type_id: 99, type };

/** An e-mail address as the type `email_t` of OCSF has it. */
const EMAIL = /^[a-zA-Z0-9!#$%&'*+\-/=?^_`{|}~.]+@[a-zA-Z0-9-]+\.[a-zA-Z0-9-.]+$/;

/** A name that is an e-mail address says so. */
const named = (name: string | undefined): Members =>
  name === undefined ? {} : EMAIL.test(name) ? { name, email_addr: name } : { name };

/** Who acted (object `actor`), as far as it is known. */
export const actorObject = ({ actor, event, record }: RecordFacts): Members => {
  const client = objectAt(event, 'client');
  const session = textAt(event, 'sessionId');
  const policyId = textAt(event, 'policyId');
  const isCall = record.type === 'toolCall.decided';
  const effect = textAt(event, 'effect');
  return present({
    app_name: (client && textAt(client, 'name')) ?? (actor === undefined ? 'unknown' : undefined),
    app_uid: textAt(event, 'grantId'),
    session: session === undefined ? undefined : { uid: session },
    user: actor && { uid: actor.id, ...named(actor.name), ...userType(actor.type) },
    authorizations:
      isCall && effect !== undefined
        ? [present({ decision: effect, policy: policyId === undefined ? undefined : { uid: policyId } })]
        : undefined,
  });
};

/** Where it came from (object `src_endpoint`): an address, else the grant that stands for the client. */
export const sourceEndpoint = ({ sourceIp, event }: RecordFacts): Members =>
  sourceIp !== undefined && isIP(sourceIp) ? { ip: sourceIp } : { uid: textAt(event, 'grantId') ?? 'unknown' };

/** The policy that decided, or that is told of. */
export const policyObject = (event: Members): Members | undefined => {
  const uid = textAt(event, 'policyId');
  const version = countAt(event, 'policyVersion');
  return uid === undefined
    ? undefined
    : present({ uid, version: version === undefined ? undefined : String(version), name: textAt(event, 'policyName') });
};

/** The account that a record is about: a member or an identity (object `user`). */
export const accountObject = ({ event, actor }: RecordFacts): Members => {
  const email = textAt(event, 'email');
  const uid = firstText(event, ['userId', 'identityId']) ?? email ?? actor?.id ?? 'unknown';
  const kind = textAt(event, 'kind') ?? (event['userId'] === undefined ? 'identity' : 'member');
  const name = textAt(event, 'name') ?? email ?? (uid === actor?.id ? actor.name : undefined);
  return present({ uid, ...named(name), ...userType(kind) });
};

/** What an entity is called, and which member of an event holds its id; OCSF has numbers for two of them. */
const entities: Readonly<
  Partial<Record<Subject, Readonly<{ type: string; typeId?: number; id?: string; name?: string }>>>
> = {
  organization: { type: 'Organization', typeId: 4, id: 'organizationId' },
  invitation: { type: 'Invitation', id: 'invitationId', name: 'email' },
  apiKey: { type: 'API key', id: 'apiKeyId' },
  server: { type: 'MCP server', id: 'serverId' },
  tool: { type: 'MCP tool', id: 'tool', name: 'tool' },
  policy: { type: 'Policy', typeId: 5, id: 'policyId' },
  grant: { type: 'Grant', id: 'grantId', name: 'label' },
  notifications: { type: 'Notifications' },
  session: { type: 'MCP session', id: 'sessionId' },
  auditLog: { type: 'Audit log' },
  gateway: { type: 'Gateway', id: 'bootId' },
  logStream: { type: 'Log stream', id: 'streamId' },
};

/** What was managed (object `managed_entity`), with what it was or what it became as its data. */
export const entityObject = ({ event, meaning }: RecordFacts, data: unknown): Members => {
  const { type, typeId = 99, id, name = 'name' } = entities[meaning.subject] ?? { type: meaning.subject };
  const organizationId = textAt(event, 'organizationId') ?? 'unknown';
  return present({
    uid: (id === undefined ? undefined : textAt(event, id)) ?? organizationId,
    name: textAt(event, name),
    type,
    type_id: typeId,
    policy: meaning.subject === 'policy' ? policyObject(event) : undefined,
    org: meaning.subject === 'organization' ? { uid: organizationId } : undefined,
    data,
  });
};

/** What was called (object `resource_details`). */
export const resourcesOf = (event: Members): readonly Members[] | undefined => {
  const name = textAt(event, 'tool');
  if (name === undefined) return undefined;
  const kind = textAt(event, 'method')?.split('/')[0] ?? 'tools';
  const type = kind === 'resources' ? 'mcp_resource' : kind === 'prompts' ? 'mcp_prompt' : 'mcp_tool';
  return [present({ name, uid: textAt(event, 'definitionHash'), type })];
};
