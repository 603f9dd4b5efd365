import fc from 'fast-check';
import { vi } from 'vitest';
import type { Decision, Facts } from '../../src/policy-engine/decide.js';
import type { Condition, PolicyDocument, Rule } from '../../src/policy-engine/document.js';

/**
 * How often a property is tried: 100,000 times with `FAULTS=full`, or as `PROPERTY_RUNS` says; with `SEED=1` the same
 * runs again.
 */
export const runs = Number(process.env['PROPERTY_RUNS'] ?? (process.env['FAULTS'] === 'full' ? 100_000 : 25));
/** The seed of this run; printed, so that a failed run can be repeated. */
export const seed = Number(process.env['SEED'] ?? Date.now() % 0x7fffffff);

const RUN_MS = 20;

/** Sets how often properties are tried, and how long a file's tests may take for it, and prints the seed. */
export const configureProperties = (): void => {
  fc.configureGlobal({ numRuns: runs, seed });
  vi.setConfig({ testTimeout: 30_000 + runs * RUN_MS });
  console.log(`fast-check seed ${seed}, ${runs} runs`);
};

export const letters = fc.constantFrom('a', 'b', '*', '😀', '\uFFFD');
const tool = fc.string({ unit: fc.constantFrom('a', 'b', '😀', '\uFFFD'), maxLength: 6 });
export const name = fc.oneof(
  fc.string({ unit: letters, minLength: 1, maxLength: 6 }),
  fc.constantFrom('__proto__', 'constructor', 'toString'),
);
const limit = fc.record(
  {
    counter: fc.constantFrom('c', 'd'),
    window: fc.constantFrom('minute' as const, 60),
    max: fc.nat(5),
    scope: fc.constantFrom('grant' as const, 'server' as const),
    increment_from: fc.constant('args.n'),
    on_deny: fc.constant('no'),
  },
  { requiredKeys: ['counter', 'window', 'max'] },
);
const limits = fc.array(limit, { maxLength: 3 });
const scalar = fc.oneof(fc.constantFrom('a', 'b', '', 'ab'), fc.nat(3), fc.boolean());
const path = fc.constantFrom(
  'args.n',
  'args.s',
  'args.o.n',
  'args.l[0]',
  'args.l[*]',
  'args.l[*].n',
  'identity.name',
  'identity.attributes.t',
  'request.ip',
  'time.hour',
  'time.weekday',
);
const trusted = fc.oneof(
  fc.tuple(fc.constantFrom('eq' as const, 'neq' as const), scalar),
  fc.tuple(fc.constantFrom('in' as const, 'not_in' as const), fc.array(scalar, { minLength: 1, maxLength: 3 })),
  fc.tuple(
    fc.constantFrom('lt' as const, 'lte' as const, 'gt' as const, 'gte' as const),
    fc.oneof(fc.nat(3), fc.constantFrom('a', 'b')),
  ),
  fc.tuple(
    fc.constantFrom('contains' as const, 'not_contains' as const, 'starts_with' as const, 'ends_with' as const),
    fc.constantFrom('a', 'b'),
  ),
  fc.tuple(fc.constant('matches' as const), fc.constantFrom('a', '^b', '(a|b)+$')),
  fc.tuple(fc.constant('exists' as const), fc.boolean()),
  fc.tuple(fc.constantFrom('length_lte' as const, 'length_gte' as const), fc.nat(3)),
  fc.tuple(fc.constant('cidr' as const), fc.constant('10.0.0.0/8')),
);
export const condition: fc.Arbitrary<Condition> = fc
  .tuple(path, trusted)
  .map(([where, [op, value]]) => ({ path: where, op, value }));
const single: fc.Arbitrary<Rule> = fc
  .tuple(condition, fc.option(fc.constant('told'), { nil: undefined }))
  .map(([one, told]) => (told === undefined ? one : { ...one, on_deny: told }));
export const rule: fc.Arbitrary<Rule> = fc.oneof(
  single,
  fc.record({ conditions: fc.array(condition, { maxLength: 3 }) }),
);
const rules = fc.array(rule, { maxLength: 2 });
const approval = fc.record(
  { expires_in: fc.integer({ min: 1, max: 99 }), wait: fc.nat(9), count: fc.integer({ min: 1, max: 3 }) },
  { requiredKeys: [] },
);
const entry = fc.record(
  {
    action: fc.constantFrom('allow' as const, 'deny' as const, 'require_approval' as const),
    approval,
    reason: fc.constant('why'),
    require: rules,
    deny_if: rules,
    limits,
    rate_limit: fc.record({ max: fc.nat(5), window: fc.integer({ min: 1, max: 99 }) }),
  },
  { requiredKeys: [] },
);
export const policies: fc.Arbitrary<PolicyDocument> = fc.record(
  {
    version: fc.constant('1' as const),
    default: fc.constantFrom('allow' as const, 'deny' as const),
    mode: fc.constantFrom('enforce' as const, 'monitor' as const),
    hide: fc.array(name, { maxLength: 3 }),
    tools: fc.array(fc.tuple(name, entry), { maxLength: 5 }).map((pairs) => Object.fromEntries(pairs)),
    check_arguments: fc.boolean(),
    pin_tools: fc.boolean(),
    approval,
    all_tools: fc.record({ require: rules, deny_if: rules, limits }, { requiredKeys: [] }),
  },
  { requiredKeys: ['version', 'default'] },
);
export const called = fc.oneof(tool, fc.constantFrom('__proto__', 'constructor', 'toString'));
export const leaf = fc.oneof(fc.nat(3), fc.constantFrom('a', 'b', 'ab', ''), fc.boolean(), fc.constant(null));
export const args = fc.oneof(
  fc.constant(undefined),
  fc.record(
    {
      n: fc.oneof(fc.double(), fc.nat(9), leaf),
      s: leaf,
      N: leaf,
      o: fc.oneof(leaf, fc.record({ n: leaf }, { requiredKeys: [] })),
      l: fc.oneof(leaf, fc.array(fc.oneof(leaf, fc.record({ n: leaf })), { maxLength: 3 })),
    },
    { requiredKeys: [] },
  ),
);

export const factsOf = (tool: string, callArguments: unknown): Facts => ({
  tool,
  arguments: callArguments,
  identity: { id: 'i', name: 'a', kind: 'agent', attributes: { t: 'b' } },
  sourceIp: '10.0.0.1',
  inputSchema: { validate: (given) => (typeof given === 'object' ? [] : ['']) },
  organizationId: 'o',
  grantId: 'g',
  serverId: 's',
  now: new Date(0),
});
/** From an effect to one that lets more through. */
export const looser = (effects: readonly (Decision['effect'] | undefined)[]): boolean => {
  const [before = 0, after = 0] = effects.map((effect = 'allow') => ['allow', 'hold', 'deny'].indexOf(effect));
  return after < before;
};
export const enforced = (document: PolicyDocument): PolicyDocument => ({ ...document, mode: 'enforce' });

/** With the keys of every object in the other order. */
export function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, member]) => [key, reversed(member)]),
  );
}
