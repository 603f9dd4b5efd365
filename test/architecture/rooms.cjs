/**
 * Import rights, one line a room (design: "Rooms"). A room may import itself and what is listed; anything else is an
 * error, type imports included. Files at the top of src/ may import every room; no room may import them.
 */
const rooms = {
  platform: [],
  'policy-engine': [],
  'embedded-postgres': [],
  rest: ['platform'],
  'event-log': ['platform'],
  directory: ['policy-engine', 'event-log', 'platform'],
  enforcement: ['mcp', 'policy-engine', 'directory', 'event-log', 'platform'],
  'http-client': ['platform'],
  json: [],
  'event-streams': ['platform'],
  mcp: ['json', 'platform'],
  upstream: ['http-client', 'json', 'event-streams', 'mcp', 'platform'],
  channels: ['http-client', 'json', 'event-streams', 'mcp', 'upstream', 'platform'],
  translation: ['json', 'event-streams', 'mcp', 'upstream', 'channels', 'platform'],
  'legacy-server': ['translation', 'json', 'event-streams', 'mcp', 'upstream', 'channels', 'platform'],
  'modern-server': ['translation', 'json', 'event-streams', 'mcp', 'upstream', 'channels', 'platform'],
  eras: ['legacy-server', 'modern-server', 'translation', 'json', 'mcp', 'upstream', 'platform'],
  relay: ['json', 'event-streams', 'mcp', 'upstream', 'directory', 'policy-engine', 'event-log', 'platform'],
  sessions: ['json', 'mcp', 'relay', 'directory', 'event-log', 'platform'],
  lists: ['json', 'event-streams', 'mcp', 'relay', 'directory', 'policy-engine', 'upstream', 'platform'],
  gateway: [
    'json',
    'mcp',
    'relay',
    'sessions',
    'lists',
    'enforcement',
    'policy-engine',
    'directory',
    'upstream',
    'event-log',
    'platform',
  ],
  audit: ['event-log', 'rest', 'platform'],
  boots: ['audit', 'event-log', 'platform'],
  projections: ['audit', 'platform'],
  usage: ['projections', 'event-log', 'rest', 'platform'],
  'log-streams': ['audit', 'event-log', 'rest', 'platform'],
  members: ['event-log', 'rest', 'platform'],
  accounts: ['members', 'event-log', 'rest', 'platform'],
  servers: ['upstream', 'policy-engine', 'event-log', 'rest', 'platform'],
  tools: ['servers', 'upstream', 'policy-engine', 'event-log', 'rest', 'platform'],
  policies: ['policy-engine', 'audit', 'event-log', 'rest', 'platform'],
  limits: ['policy-engine', 'event-log', 'rest', 'platform'],
  grants: ['event-log', 'rest', 'platform'],
  advice: ['grants', 'limits', 'policies', 'policy-engine', 'event-log', 'rest', 'platform'],
  approvals: ['enforcement', 'members', 'event-log', 'rest', 'platform'],
  catalog: ['policy-engine', 'event-log', 'rest', 'platform'],
};

/**
 * Who may import a package that has one home. Everyone else is refused, so that a file can't escape by an unusual name.
 */
const packages = {
  kafkajs: '^src/event-log/kafka-',
  '@nestjs/': '(\\.controller|\\.module|\\.dto|\\.guard|\\.service)\\.ts$|^src/rest/|^src/[^/]+\\.ts$',
  passport: '^src/accounts/',
  nodemailer: '^src/platform/mail',
  '@node-rs/argon2': '^src/accounts/',
  '@modelcontextprotocol/': '^src/upstream/|^src/demo',
  unhomoglyph: '^src/platform/look-alikes',
  undici: '^src/upstream/|^src/platform/outbound|^src/log-streams/',
};

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    ...Object.entries(rooms).map(([room, may]) => ({
      name: `room-${room}`,
      severity: 'error',
      from: { path: `^src/${room}/` },
      to: { path: '^src/', pathNot: [room, ...may].map((name) => `^src/${name}/`) },
    })),
    {
      name: 'room-unknown',
      severity: 'error',
      comment: 'A new folder under src/ needs its line in rooms.cjs',
      from: { path: '^src/[^/]+/', pathNot: Object.keys(rooms).map((room) => `^src/${room}/`) },
      to: {},
    },
    {
      name: 'event-types-import-nobody',
      severity: 'error',
      from: { path: '^src/event-log/events/' },
      to: { path: '^src/', pathNot: '^src/event-log/events/' },
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
    exclude: { path: '\\.mjs$' },
  },
};
