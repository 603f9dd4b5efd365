// What policies cost in memory and at the start: node --expose-gc test/bench/policies.mjs, after a build.
import { PolicyCache } from '../../dist/data-plane/directory/policy-cache.js';
import { decide } from '../../dist/policy-engine/decide.js';

const POLICIES = Number(process.argv[2] ?? 1000);
const heap = () => {
  for (let times = 0; times < 4; times += 1) globalThis.gc();
  return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
};
const cpuMs = (run) => {
  const began = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(began);
  return (user + system) / 1000;
};
const facts = (tool) => ({
  kind: 'tool',
  tool,
  arguments: { a: 'x'.repeat(100) },
  identity: { id: 'i', name: 'i', kind: 'agent', attributes: {} },
  organizationId: 'o',
  grantId: 'g',
  serverId: 's',
  now: new Date(),
});
const matches = (value) => ({ path: 'args.a', op: 'matches', value });
const named = (count, name, entry) =>
  Object.fromEntries(Array.from({ length: count }, (_, number) => [name(number), entry(number)]));
const kinds = {
  'ten tools, a pattern, a limit': (id) => ({
    version: '1',
    default: 'deny',
    tools: {
      ...named(
        10,
        (n) => `tool_${n}`,
        () => ({}),
      ),
      'list_*': { rate_limit: { max: id + 1, window: 60 } },
    },
  }),
  '24 regular expressions {1,200}': (id) => ({
    version: '1',
    default: 'allow',
    tools: { x: { deny_if: Array.from({ length: 24 }, (_, n) => matches(`${id}y${n}[a-z]{1,200}`)) } },
  }),
  '500 tools, 500 patterns': (id) => ({
    version: '1',
    default: 'deny',
    tools: {
      ...named(
        500,
        (n) => `tool_${id}_${n}`,
        () => ({}),
      ),
      ...named(
        500,
        (n) => `*a${n}_${id}*`,
        () => ({}),
      ),
    },
  }),
  '6,500 hidden, 6,500 patterns': (id) => ({
    version: '1',
    default: 'allow',
    hide: Array.from({ length: 6500 }, (_, n) => `*a${n.toString(36)}z${id}*`),
    tools: named(
      6500,
      (n) => `*a${n.toString(36)}b*c*`,
      () => ({}),
    ),
  }),
};

console.log(
  'policy'.padEnd(34),
  'JSON KB',
  'KB loaded',
  'KB after a call',
  'CPU ms to load',
  'CPU ms first call',
  'CPU µs new name',
);
for (const [kind, make] of Object.entries(kinds)) {
  const count = kind.startsWith('6,500') ? Math.min(POLICIES, 20) : POLICIES;
  const cache = new PolicyCache();
  cache.compiled(JSON.parse(JSON.stringify(make(count))));
  const texts = Array.from({ length: count }, (_, id) => JSON.stringify(make(id)));
  const before = heap();
  let compiled = [];
  const load = cpuMs(() => (compiled = texts.map((text) => cache.compiled(JSON.parse(text)))));
  const loaded = heap();
  const called = compiled.slice(0, 20);
  const first = cpuMs(() => called.forEach((policy) => decide(policy, facts('x'))));
  const again = heap();
  const names = Array.from({ length: 1000 }, (_, n) => `n${n}`.padEnd(256, 'a'));
  const next = cpuMs(() => names.forEach((name) => decide(called[0], facts(name))));
  const cells = [
    texts[0].length / 1024,
    (loaded - before) / count / 1024,
    (loaded - before) / count / 1024 + (again - loaded) / called.length / 1024,
    load / count,
    first / called.length,
    next,
  ];
  console.log(kind.padEnd(34), ...cells.map((cell) => cell.toFixed(2).padStart(10)));
}
