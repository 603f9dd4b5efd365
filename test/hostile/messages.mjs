/** What the hostile server and the hostile client put into JSON-RPC messages. */

/** JSON text nested `depth` levels deep, of arrays or of objects. */
const nested = (random, depth) =>
  random.chance(0.5) ? '['.repeat(depth) + ']'.repeat(depth) : '{"a":'.repeat(depth) + '1' + '}'.repeat(depth);

const wide = (random) => {
  const count = random.pick([1000, 30_000, 120_000]);
  const parts = Array.from({ length: count }, (_, index) => (random.int(0, 1) ? `"k${index}":1` : `"k${index}":[]`));
  return random.chance(0.5) ? `{${parts.join(',')}}` : `[${'0,'.repeat(count)}0]`;
};

const ODD_VALUES = [
  'null',
  'true',
  '0',
  '-1',
  '1e400',
  '9007199254740993',
  '""',
  '"\\ud800"',
  '[]',
  '{}',
  '[[]]',
  '"x"',
  'NaN',
  '{"a":1,"a":2}',
  '{"__proto__":{"x":1}}',
  '{"constructor":{"prototype":{}}}',
  '"[POLICY DENIED] x"',
  '{"toString":1}',
  '"\\u0000"',
];

/** One JSON value that a careful reader has to survive. */
export const oddValue = (random) =>
  random.pick([
    () => nested(random, random.pick([63, 65, 1000, 20_000, 100_000])),
    () => wide(random),
    () => `"${'x'.repeat(random.pick([300, 70_000, 300_000, 1_200_000]))}"`,
    () => random.pick(ODD_VALUES),
    () => random.pick(ODD_VALUES),
  ])();

const PLACES = {
  initialize: ['capabilities', 'serverInfo', 'protocolVersion', '_meta', 'instructions'],
  'server/discover': ['capabilities', 'supportedVersions', '_meta', 'ttlMs'],
  'tools/list': ['tools', 'nextCursor', '_meta'],
  'resources/list': ['resources', 'nextCursor', '_meta'],
  'prompts/list': ['prompts', 'nextCursor', '_meta'],
};

/** The result of a request as JSON text, with something odd in one of its members. */
export const oddResult = (random, method, good) => {
  const members = Object.entries(good).map(([name, value]) => [name, JSON.stringify(value)]);
  const place = random.pick([
    ...(PLACES[method] ?? []),
    'content',
    'structuredContent',
    'isError',
    'task',
    'resultType',
    'x',
  ]);
  const kept = members.filter(([name]) => name !== place);
  return `{${[...kept, [place, oddValue(random)]].map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(',')}}`;
};

const idText = (id) => (id === undefined ? 'null' : JSON.stringify(id));

/** Whole JSON-RPC answers that are wrong in their envelope or in their result; `good` is the right result. */
export const oddAnswer = (random, { id, method }, good) => {
  const right = JSON.stringify(good);
  const own = idText(id);
  const answer = (idOf, result) => `{"jsonrpc":"2.0","id":${idOf},"result":${result}}`;
  return random.pick([
    () => answer(own, oddResult(random, method, good)),
    () => answer(own, oddResult(random, method, good)),
    () => answer(own, oddValue(random)),
    () => answer(random.pick(['null', '"other"', '99999', '[1]', '1.5', '{}', `"${own.replaceAll('"', '')}"`]), right),
    () => `{"jsonrpc":"2.0","id":${own},"error":${oddValue(random)}}`,
    () =>
      `{"jsonrpc":"2.0","id":${own},"error":{"code":${oddValue(random)},"message":"no","data":${oddValue(random)}}}`,
    () => `{"jsonrpc":"2.0","id":${own},"result":${right},"error":{"code":1,"message":"both"}}`,
    () => `{"id":${own},"result":${right}}`,
    () => `[${answer(own, right)},${answer(own, right)}]`,
    () => answer(own, right) + answer(own, right),
    () => `${random.pick(['\uFEFF', ' \n', '//x\n', ")]}'"])}${answer(own, right)}`,
    () => answer(own, right).slice(0, -random.int(1, 9)),
    () => oddValue(random),
    () => '',
  ])();
};

/** A message that nobody asked for: a notification or a question, some of them odd. */
export const unasked = (random) =>
  random.pick([
    () => '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}',
    () => `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":${oddValue(random)}}}`,
    () =>
      `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":${oddValue(random)},"progress":1}}`,
    () => '{"jsonrpc":"2.0","id":"q1","method":"sampling/createMessage","params":{"messages":[],"maxTokens":1}}',
    () => `{"jsonrpc":"2.0","id":${oddValue(random)},"method":"roots/list"}`,
    () => `{"jsonrpc":"2.0","id":7,"method":"elicitation/create","params":${oddValue(random)}}`,
    () => `{"jsonrpc":"2.0","method":${oddValue(random)}}`,
    () => '{"jsonrpc":"2.0","id":424242,"result":{"tools":[{"name":"stray"}]}}',
  ])();

const tool = (name) => ({ name, description: `Does ${name}`, inputSchema: { type: 'object' } });
const TOOLS = ['echo', 'denied', 'hidden', 'limited'].map(tool);

/** The right result for a request of either era. */
export const goodResult = ({ method, params }, modern) => {
  const more = modern ? { resultType: 'complete' } : {};
  const cached = modern ? { ttlMs: 0, cacheScope: 'public' } : {};
  const capabilities = {
    tools: { listChanged: true },
    resources: { subscribe: true, listChanged: true },
    prompts: {},
    completions: {},
    logging: {},
  };
  const results = {
    initialize: {
      protocolVersion: params?.protocolVersion ?? '2025-11-25',
      capabilities,
      serverInfo: { name: 'lab', version: '1' },
    },
    'server/discover': { supportedVersions: ['2026-07-28'], capabilities, ...cached },
    'tools/list': { tools: TOOLS, ...cached },
    'resources/list': { resources: [{ uri: 'file:///a', name: 'a' }], ...cached },
    'resources/templates/list': { resourceTemplates: [], ...cached },
    'prompts/list': { prompts: [{ name: 'p' }], ...cached },
    'resources/read': { contents: [{ uri: params?.uri ?? 'file:///a', text: 'a' }], ...cached },
    'prompts/get': { messages: [] },
    'completion/complete': { completion: { values: ['a'] } },
    'tools/call': { content: [{ type: 'text', text: 'done' }] },
  };
  return { ...results[method], ...more };
};
