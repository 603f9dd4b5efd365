import type { ToolgateEvent } from '../../src/record/event-log/events/index.js';

type TypeOf = ToolgateEvent['type'];
/** The types of notifications share one member of the union. */
type EventOf<T extends TypeOf> = ToolgateEvent extends infer E
  ? E extends { type: infer U }
    ? T extends U
      ? E
      : never
    : never
  : never;
type Body<E> = E extends unknown ? Omit<E, 'id' | 'version' | 'time' | 'organizationId' | 'actor' | 'type'> : never;
type BodyOf<T extends TypeOf> = Body<EventOf<T>>;

const id = (prefix: string, n = 1): string => `${prefix}_01m8q93fk1e01s0v2kfxfz${String(n).padStart(4, '0')}`;

const ORGANIZATION = id('org');
const HASH = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';
const ANA = { type: 'member', id: id('usr'), name: 'ana@example.com' } as const;
const SYSTEM = { type: 'system', id: 'gateway' } as const;

const grant = { grantId: id('grt'), identityId: id('idn'), serverId: id('srv') };
const stream = { streamId: id('lst') };
const streamSettings = {
  name: 'SIEM',
  format: 'ocsf',
  mappingVersion: '1',
  config: { url: 'https://siem.example.com/in', headers: { authorization: { set: true } } },
  filter: { effects: ['deny', 'hold'] },
};
const held = {
  ...grant,
  tool: 'merge_merge_request',
  argumentKeys: ['iid', 'project'],
  argumentsDigest: HASH,
  definitionHash: HASH,
  policyId: id('pol'),
  policyVersion: 3,
  rule: '/tools/merge_merge_request/action',
  reason: 'Merging needs a human',
};

/** What an event of each type says, beside its envelope. */
const bodies: { readonly [T in TypeOf]: BodyOf<T> } = {
  'organization.created': { name: 'Example' },
  'organization.disabled': {},
  'organization.enabled': {},
  'organization.exported': {},
  'organization.deletionScheduled': { deletesAt: '2026-12-30T00:00:00.000Z' },
  'organization.deletionCancelled': {},
  'organization.deleted': {},
  'member.joined': { userId: id('usr', 2), email: 'ben@example.com', role: 'viewer' },
  'member.roleChanged': {
    userId: id('usr', 2),
    role: 'approver',
    before: { role: 'viewer' },
    after: { role: 'approver' },
  },
  'member.removed': { userId: id('usr', 2) },
  'member.erased': { userId: id('usr', 2) },
  'member.dataExported': { userId: id('usr', 2) },
  'member.signedIn': { userId: ANA.id, email: ANA.name, sessionId: id('ses') },
  'member.signedOut': { userId: ANA.id, email: ANA.name, sessionId: id('ses') },
  'member.signInFailed': {
    userId: ANA.id,
    email: ANA.name,
    count: 12,
    users: 1,
    addresses: ['198.51.100.7', '2001:db8::7'],
    addressCount: 2,
    from: '2026-11-30T20:45:00.000Z',
    to: '2026-11-30T20:59:59.000Z',
  },
  'member.passwordChanged': { userId: ANA.id },
  'member.secondFactorChanged': { userId: ANA.id, enabled: true },
  'member.passwordResetIssued': { userId: id('usr', 2) },
  'invitation.sent': { invitationId: id('inv'), email: 'ben@example.com', role: 'viewer' },
  'invitation.withdrawn': { invitationId: id('inv'), email: 'ben@example.com', reason: 'withdrawn' },
  'apiKey.issued': { apiKeyId: id('key'), name: 'ci', role: 'auditor', expiresAt: null },
  'apiKey.revoked': { apiKeyId: id('key') },
  'server.registered': {
    serverId: id('srv'),
    name: 'GitLab',
    transport: { type: 'streamable-http', url: 'https://gitlab.example.com/mcp' },
    auth: { type: 'headers', names: ['PRIVATE-TOKEN'] },
    clientAuth: 'token',
  },
  'server.changed': {
    serverId: id('srv'),
    name: 'GitLab CE',
    before: { name: 'GitLab' },
    after: { name: 'GitLab CE' },
  },
  'server.deleted': { serverId: id('srv') },
  'tools.discovered': {
    serverId: id('srv'),
    status: 'ready',
    detail: null,
    serverInfo: { name: 'gitlab', version: '2.1.64' },
    protocolVersion: '2025-11-25',
    eras: ['legacy'],
    tools: [{ name: 'list_issues', definitionHash: HASH, definition: { inputSchema: { type: 'object' } } }],
    newTools: ['list_issues'],
  },
  'tool.disabled': { serverId: id('srv'), tool: 'delete_group' },
  'tool.enabled': { serverId: id('srv'), tool: 'delete_group' },
  'tool.categoryOverruled': { serverId: id('srv'), tool: 'close_issue', category: 'Execute', reason: 'It runs a hook' },
  'tool.categoryRestored': { serverId: id('srv'), tool: 'close_issue' },
  'tool.changed': { serverId: id('srv'), tool: 'list_issues', previousDefinitionHash: HASH, definitionHash: HASH },
  'tool.accepted': { serverId: id('srv'), tool: 'list_issues', previousDefinitionHash: HASH, definitionHash: HASH },
  'policy.published': {
    policyId: id('pol'),
    serverId: id('srv'),
    name: 'Read only',
    policyVersion: 3,
    document: { version: '1', default: 'deny', tools: { 'list_*': {} } },
  },
  'policy.deleted': { policyId: id('pol'), serverId: id('srv') },
  'identity.created': {
    identityId: id('idn'),
    name: 'Release agent',
    kind: 'agent',
    memberId: null,
    externalId: null,
    attributes: { team: 'release' },
  },
  'identity.changed': {
    identityId: id('idn'),
    attributes: { team: 'core' },
    before: { attributes: { team: 'release' } },
    after: { attributes: { team: 'core' } },
  },
  'identity.disabled': { identityId: id('idn') },
  'identity.enabled': { identityId: id('idn') },
  'identity.deleted': { identityId: id('idn') },
  'grant.issued': { ...grant, policyId: id('pol'), label: 'laptop', expiresAt: '2027-01-31T00:00:00.000Z' },
  'grant.changed': {
    ...grant,
    policyId: id('pol', 2),
    before: { policyId: id('pol') },
    after: { policyId: id('pol', 2) },
  },
  'grant.disabled': grant,
  'grant.enabled': grant,
  'grant.renewed': {
    grantId: id('grt'),
    identityId: id('idn'),
    serverId: id('srv'),
    expiresAt: '2026-12-30T21:00:00.000Z',
  },
  'grant.rotated': { ...grant, graceSeconds: 3600 },
  'grant.revoked': { ...grant, reason: 'revoked' },
  'approval.requested': { ...held, approvalId: id('apr'), count: 1, expiresAt: '2026-11-30T21:10:00.000Z' },
  'approval.decided': {
    ...grant,
    approvalId: id('apr'),
    tool: held.tool,
    decision: 'approved',
    status: 'approved',
    memberId: ANA.id,
    comment: 'Reviewed',
    identityTeam: 'release',
    approverTeam: 'platform',
  },
  'approval.expired': { ...grant, approvalId: id('apr'), tool: held.tool },
  'notifications.changed': { webhookOrigin: null, emails: ['ana@example.com'] },
  'approvalNotifications.changed': { webhookOrigin: 'https://chat.example.com', emails: ['ana@example.com'] },
  'logStream.created': { ...stream, kind: 'webhook', fromSeq: 1, ...streamSettings },
  'logStream.changed': { ...stream, name: 'SIEM of the SOC', secretsChanged: true },
  'logStream.deleted': stream,
  'logStream.paused': stream,
  'logStream.resumed': stream,
  'logStream.suspended': { ...stream, reason: 'failing' },
  'logStream.secretRotated': { ...stream, graceSeconds: 3600 },
  'logStream.tested': { ...stream, delivered: true },
  'logStream.redriven': { ...stream, records: 3 },
  'logStream.backfillStarted': { ...stream, backfillId: id('bkf'), fromSeq: 1, toSeq: 1000 },
  'logStream.backfillCancelled': { ...stream, backfillId: id('bkf') },
  'logStream.alarmRaised': { ...stream, code: 'trailing' },
  'session.ended': { sessionId: id('mcs'), grantId: grant.grantId, serverId: grant.serverId, expiresAt: '2026-12-01' },
  'session.restarted': { sessionId: id('mcs'), grantId: grant.grantId, serverId: grant.serverId },
  'audit.read': { filters: ['from', 'type'] },
  'audit.selfCheckFailed': { checkedTo: 4000, firstBadSeq: 3871, reason: 'the record is gone' },
  'audit.signingKeyChanged': {
    vkey: 'toolgate.example.com/org_1+a1b2c3d4+AQID',
    previousVkey: 'toolgate.example.com/org_1+e5f6a7b8+AQIE',
  },
  'audit.exported': { format: 'ocsf', from: '2026-11-01T00:00:00Z', to: null },
  'audit.suppressed': {
    ...grant,
    refusals: 812,
    from: '2026-11-30T21:00:00.000Z',
    to: '2026-11-30T21:00:01.000Z',
    codes: { rate_limited: 800, denied_by_rule: 12 },
  },
  'audit.gap': { reason: 'decisions_missing', bootId: id('boot'), from: 17, to: 19 },
  'gateway.started': { bootId: id('boot') },
  'gateway.stopped': { bootId: id('boot') },
  'toolCall.decided': {
    callId: id('call'),
    requestId: 42,
    sessionId: id('mcs'),
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    method: 'tools/call',
    protocolVersion: '2025-11-25',
    ...grant,
    identityName: 'Release agent',
    serverName: 'GitLab',
    tool: 'delete_group',
    definitionHash: HASH,
    policyId: id('pol'),
    policyVersion: 3,
    mode: 'enforce',
    effect: 'deny',
    code: 'denied_by_rule',
    rule: '/tools/delete_group/action',
    reason: 'Never from an agent',
    reserved: [],
    argumentKeys: ['group_id'],
    argumentsDigest: HASH,
    bootId: id('boot'),
    sequence: 18,
    client: { name: 'claude-code', version: '2.3.1' },
    sourceIp: '203.0.113.7',
    decisionMicros: 41,
  },
  'toolCall.completed': {
    callId: id('call'),
    ...grant,
    tool: 'list_issues',
    status: 'ok',
    upstreamStatus: 200,
    durationMs: 184,
    responseBytes: 5120,
  },
};

const OWN = new Set<TypeOf>(['audit.gap', 'audit.suppressed', 'gateway.started', 'gateway.stopped']);

const made = (type: TypeOf, n: number): ToolgateEvent => {
  const isCall = type.startsWith('toolCall.');
  return {
    id: id('evt', n),
    type,
    version: 1,
    time: `2026-11-30T21:${String(Math.floor(n / 60)).padStart(2, '0')}:${String(n % 60).padStart(2, '0')}.123Z`,
    organizationId: ORGANIZATION,
    ...(!isCall && { actor: OWN.has(type) ? SYSTEM : ANA }),
    ...(!isCall && !OWN.has(type) && { sourceIp: '203.0.113.9' }),
    ...bodies[type],
  } as unknown as ToolgateEvent;
};

/** One event of every type, always the same, in the order of `EVENT_TYPES`. */
export const sampleEvents: readonly ToolgateEvent[] = (Object.keys(bodies) as TypeOf[]).map((type, index) =>
  made(type, index + 1),
);
