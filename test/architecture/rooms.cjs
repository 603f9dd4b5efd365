/**
 * Import rights: one line an area, one line a room. A room may import itself, what its area's line lists, and what its
 * own line lists; anything else is an error, type imports included. Files directly under src/ may import everything;
 * nothing may import them.
 * `npm run check` holds these rules and writes the tables of docs/architecture.md from them.
 */

/** What an area holds, and what every room of it may import from other areas. */
const areas = {
  platform: {
    holds: 'what every program needs: settings, PostgreSQL, cryptography, outbound connections, REST',
    may: [],
  },
  'policy-engine': {
    holds: 'the policy language: parse, compile, decide. Pure functions, no I/O',
    may: ['platform/json'],
  },
  mcp: { holds: 'the protocol: messages, HTTP client, transports, translation between eras', may: ['platform'] },
  record: { holds: 'the log of events and everything that is read from it', may: ['platform'] },
  'data-plane': {
    holds: 'every call on /mcp: authenticate, decide, record, relay',
    may: ['mcp', 'record/event-log', 'record/event-store', 'policy-engine', 'platform'],
  },
  'control-plane': {
    holds: 'the REST API, one room a resource',
    may: ['mcp/protocol', 'mcp/upstream', 'record', 'policy-engine', 'platform'],
  },
  console: { holds: 'the web console: its own build, which talks to the REST API alone', may: [] },
  demo: { holds: 'the GitLab story that `npm run demo` plays', may: ['app', 'platform'] },
  app: {
    holds: 'composition: the HTTP listener, the roles of a process, which room gets which other',
    may: ['control-plane', 'data-plane', 'record', 'mcp', 'policy-engine', 'platform'],
  },
};

/** What a room holds, and which other rooms it may import besides those that its area's line allows. */
const rooms = {
  'platform/json': {
    holds: 'JSON text and values: bounded and strict reading, canonical text, pointers. Pure',
    may: [],
  },
  'platform/runtime': { holds: 'clocks, polling loops, logging, metrics, guards', may: [] },
  'platform/fair-shares': { holds: 'quotas and queues that are fair by organization', may: ['platform/runtime'] },
  'platform/outbound': {
    holds: 'the SSRF guard: every address outside passes here',
    may: ['platform/fair-shares', 'platform/runtime'],
  },
  'platform/settings': {
    holds: 'environment variables, read once; whose Host a request may name',
    may: ['platform/outbound', 'platform/fair-shares'],
  },
  'platform/crypto': {
    holds: 'keys, sealing, tokens, ids, hidden parts',
    may: ['platform/runtime', 'platform/settings'],
  },
  'platform/postgres': {
    holds: 'connections, the authority of a change, migrations, group commit',
    may: ['platform/crypto', 'platform/fair-shares', 'platform/runtime'],
  },
  'platform/rest': {
    holds: 'what all controllers share: roles, pages, problems',
    may: ['platform/crypto', 'platform/json', 'platform/postgres', 'platform/runtime'],
  },
  'platform/embedded-postgres': { holds: 'the launcher of the embedded PostgreSQL', may: [] },
  'mcp/wire': { holds: 'messages and event streams as text and bytes', may: [] },
  'mcp/protocol': { holds: 'revisions, codes, headers, messages', may: ['mcp/http-client', 'mcp/wire'] },
  'mcp/http-client': { holds: 'the HTTP/1.1 client of the hot path', may: [] },
  'mcp/upstream': { holds: 'asking an MCP server, discovery', may: ['mcp/http-client', 'mcp/protocol', 'mcp/wire'] },
  'mcp/transports': {
    holds: 'stdio, HTTP+SSE and the channels over them',
    may: ['mcp/http-client', 'mcp/protocol', 'mcp/upstream', 'mcp/wire'],
  },
  'mcp/era-bridge': {
    holds: 'clients of one era at servers of the other',
    may: ['mcp/protocol', 'mcp/transports', 'mcp/upstream', 'mcp/wire'],
  },
  'record/event-log': { holds: 'the log: append and read, in PostgreSQL or Kafka', may: [] },
  'record/event-store': {
    holds: 'control events first, state tables in the same transaction',
    may: ['record/event-log'],
  },
  'record/audit': {
    holds: 'the audit writer, search and export',
    may: ['record/event-log', 'record/event-store', 'record/log-streams/formats'],
  },
  'record/log-streams': {
    holds: 'the audit log, sent on to receivers: formats, kinds, delivery',
    may: ['record/audit', 'record/event-log', 'record/event-store'],
  },
  'record/usage': { holds: 'counters, projected from the audit log', may: ['record/audit', 'record/event-store'] },
  'record/proof': {
    holds: 'the tree that proves the audit log: checkpoints, proofs, bundles',
    may: ['record/audit', 'record/event-store'],
  },
  'record/crash-recovery': { holds: 'what a dead process left open', may: ['record/audit', 'record/event-log'] },
  'data-plane/directory': { holds: 'the facts about every grant, in memory', may: [] },
  'data-plane/enforcement': { holds: 'decide, reserve limits, append, complete', may: ['data-plane/directory'] },
  'data-plane/relay': { holds: 'responses back to the client', may: ['data-plane/directory'] },
  'data-plane/sessions': { holds: 'sealed MCP sessions', may: ['data-plane/directory', 'data-plane/relay'] },
  'data-plane/lists': { holds: 'filtered lists', may: ['data-plane/directory', 'data-plane/relay'] },
  'data-plane/gateway': {
    holds: 'the endpoint, and held calls',
    may: [
      'data-plane/directory',
      'data-plane/enforcement',
      'data-plane/lists',
      'data-plane/relay',
      'data-plane/sessions',
    ],
  },
  'control-plane/accounts': { holds: 'organizations, members, sign-in, API keys', may: [] },
  'control-plane/servers': { holds: 'the registry of MCP servers and their tools', may: [] },
  'control-plane/policies': { holds: 'policies, their cases and simulations', may: [] },
  'control-plane/grants': { holds: 'identities, grants and their tokens', may: [] },
  'control-plane/notifications': { holds: 'who is told of what, by webhook and mail', may: [] },
  'control-plane/approvals': {
    holds: 'held calls and who decides them',
    may: ['control-plane/accounts', 'control-plane/notifications', 'data-plane/enforcement'],
  },
  'control-plane/catalog': {
    holds: 'what tools can do, by their definitions',
    may: ['control-plane/accounts'],
  },
  'control-plane/pages': {
    holds: 'the public pages, and messages that come through them',
    may: ['control-plane/accounts', 'control-plane/catalog'],
  },
  'control-plane/oauth': {
    holds: 'clients that sign in to the gateway: the authorization server and its pages',
    may: ['control-plane/accounts', 'control-plane/grants', 'control-plane/pages', 'control-plane/servers'],
  },
  'control-plane/advice': {
    holds: 'tighter policies, proposed from the record',
    may: ['control-plane/grants', 'control-plane/policies'],
  },
};

/**
 * Who may import a package that has one home. Everyone else is refused, so that a file can't escape by an unusual name.
 */
const packages = {
  kafkajs: '^src/record/event-log/kafka/|^src/record/log-streams/kinds/kafka',
  '@nestjs/':
    '(\\.controller|\\.module|\\.dto|\\.guard|\\.service)\\.ts$|^src/platform/rest/|^src/app/|^src/[^/]+\\.ts$',
  passport: '^src/control-plane/accounts/',
  'oidc-provider': '^src/control-plane/oauth/',
  nodemailer: '^src/platform/outbound/mail',
  '@node-rs/argon2': '^src/control-plane/accounts/',
  '@modelcontextprotocol/': '^src/mcp/upstream/|^src/demo',
  unhomoglyph: '^src/platform/runtime/look-alikes',
  undici: '^src/mcp/upstream/|^src/platform/outbound/',
};

const allowed = (...names) => names.map((name) => `^src/${name}/`);
const areaOf = (room) => room.split('/')[0];
const hasRooms = (area) => Object.keys(rooms).some((room) => areaOf(room) === area);

/** One rule an area without rooms, one rule a room. */
const places = [
  ...Object.keys(areas)
    .filter((area) => !hasRooms(area))
    .map((area) => [area, areas[area].may]),
  ...Object.entries(rooms).map(([room, { may }]) => [room, [...areas[areaOf(room)].may, ...may]]),
];

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    ...places.map(([place, may]) => ({
      name: `room-${place.replace('/', '-')}`,
      severity: 'error',
      from: { path: `^src/${place}/` },
      to: { path: '^src/', pathNot: allowed(place, ...may) },
    })),
    {
      name: 'room-unknown',
      severity: 'error',
      comment: 'A new folder needs its line in rooms.cjs.',
      from: { path: '^src/[^/]+/', pathNot: allowed(...places.map(([place]) => place)) },
      to: {},
    },
    {
      name: 'event-types-import-nobody',
      severity: 'error',
      from: { path: '^src/record/event-log/events/' },
      to: { path: '^src/', pathNot: '^src/record/event-log/events/|^src/platform/runtime/transport' },
    },
    {
      name: 'only-types-of-the-data-plane',
      severity: 'error',
      comment: 'The control plane may know the types of a held call, and run nothing of the data plane.',
      from: { path: '^src/control-plane/' },
      to: { path: '^src/data-plane/', dependencyTypesNot: ['type-only'] },
    },
    ...Object.entries(packages).map(([name, home]) => ({
      name: `package-${name.replace(/\W/g, '')}`,
      severity: 'error',
      from: { path: '^src/', pathNot: home },
      to: { path: `node_modules/${name}` },
    })),
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '\\.(mjs|css)$' },
  },
  // What docs/architecture.md shows; dependency-cruiser ignores it.
};
Object.defineProperty(module.exports, 'tables', { value: { areas, rooms }, enumerable: false });
