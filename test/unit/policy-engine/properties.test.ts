import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compilePolicy, policyHash } from '../../../src/policy-engine/compile.js';
import { decide, isListed, type Facts } from '../../../src/policy-engine/decide.js';
import type { PolicyDocument } from '../../../src/policy-engine/document.js';
import { parsePolicy } from '../../../src/policy-engine/parse.js';
import { compareCodePoints, wildcard } from '../../../src/policy-engine/wildcard.js';

const letters = fc.constantFrom('a', 'b', '*', '😀', '\uFFFD');
const tool = fc.string({ unit: fc.constantFrom('a', 'b', '😀', '\uFFFD'), maxLength: 6 });
const name = fc.oneof(fc.string({ unit: letters, minLength: 1, maxLength: 6 }), fc.constantFrom('__proto__', 'constructor', 'toString'));
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
const entry = fc.record(
  { action: fc.constantFrom('allow' as const, 'deny' as const), reason: fc.constant('why'), limits, rate_limit: fc.record({ max: fc.nat(5), window: fc.integer({ min: 1, max: 99 }) }) },
  { requiredKeys: [] },
);
const policies: fc.Arbitrary<PolicyDocument> = fc.record(
  {
    version: fc.constant('1' as const),
    default: fc.constantFrom('allow' as const, 'deny' as const),
    mode: fc.constantFrom('enforce' as const, 'monitor' as const),
    hide: fc.array(name, { maxLength: 3 }),
    tools: fc.array(fc.tuple(name, entry), { maxLength: 5 }).map((pairs) => Object.fromEntries(pairs)),
    all_tools: fc.record({ limits }, { requiredKeys: [] }),
  },
  { requiredKeys: ['version', 'default'] },
);
const called = fc.oneof(tool, fc.constantFrom('__proto__', 'constructor', 'toString'));
const args = fc.oneof(fc.constant(undefined), fc.record({ n: fc.oneof(fc.double(), fc.nat(9), fc.string()) }));

const factsOf = (tool: string, callArguments: unknown): Facts => ({
  tool,
  arguments: callArguments,
  identity: { id: 'i', name: 'n', kind: 'agent', attributes: {} },
  organizationId: 'o',
  grantId: 'g',
  serverId: 's',
  now: new Date(0),
});
const enforced = (document: PolicyDocument): PolicyDocument => ({ ...document, mode: 'enforce' });

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).toReversed().map(([key, member]) => [key, reversed(member)]));
}

describe('for any policy and call', () => {
  test('the policy is accepted', () => {
    fc.assert(
      fc.property(policies, (document) => {
        expect(parsePolicy(document)).toMatchObject({ ok: true });
      }),
    );
  });

  test('the same input gives the same decision, remembered or not', () => {
    fc.assert(
      fc.property(policies, called, args, (document, tool, given) => {
        const policy = compilePolicy(document);
        const first = decide(policy, factsOf(tool, given));
        expect(decide(policy, factsOf(tool, given))).toEqual(first);
        expect(decide(compilePolicy(structuredClone(document)), factsOf(tool, given))).toEqual(first);
      }),
    );
  });

  test('the order of keys never matters, neither for the decision nor for the hash', () => {
    fc.assert(
      fc.property(policies, called, args, (document, tool, given) => {
        const other = reversed(document) as PolicyDocument;
        expect(decide(compilePolicy(other), factsOf(tool, given))).toEqual(decide(compilePolicy(document), factsOf(tool, given)));
        expect(policyHash(other)).toBe(policyHash(document));
      }),
    );
  });
});

describe('a stricter policy', () => {
  test('hiding more never allows a call that was refused, nor lists a tool that was not', () => {
    fc.assert(
      fc.property(policies, name, called, args, (document, more, tool, given) => {
        const before = compilePolicy(enforced(document));
        const after = compilePolicy({ ...enforced(document), hide: [...(document.hide ?? []), more] });
        const effects = [decide(before, factsOf(tool, given)).effect, decide(after, factsOf(tool, given)).effect];
        expect(effects).not.toEqual(['deny', 'allow']);
        expect([isListed(before, tool), isListed(after, tool)]).not.toEqual([false, true]);
      }),
    );
  });

  test('denying an entry, or adding one that denies, never allows a call that was refused', () => {
    fc.assert(
      fc.property(policies, name, called, args, (document, more, tool, given) => {
        const before = compilePolicy(enforced(document));
        const tools = Object.fromEntries([...Object.entries(document.tools ?? {}).filter(([key]) => key !== more), [more, { action: 'deny' as const }]]);
        const after = compilePolicy({ ...enforced(document), tools });
        const effects = [decide(before, factsOf(tool, given)).effect, decide(after, factsOf(tool, given)).effect];
        expect(effects).not.toEqual(['deny', 'allow']);
      }),
    );
  });
});

describe('for any decision', () => {
  test('a refusal reserves nothing and its rule is a place in the document, or the default', () => {
    fc.assert(
      fc.property(policies, called, args, (document, tool, given) => {
        const { effect, rule, reservations } = decide(compilePolicy(enforced(document)), factsOf(tool, given));
        if (effect === 'deny') expect(reservations).toEqual([]);
        expect(memberAt(document, rule ?? 'none')).toBeDefined();
        for (const { pointer } of reservations) expect(memberAt(document, pointer)).toBeDefined();
      }),
    );
  });

  test('monitor allows, and says what enforcing decides', () => {
    fc.assert(
      fc.property(policies, called, args, (document, tool, given) => {
        const real = decide(compilePolicy(enforced(document)), factsOf(tool, given));
        const monitored = decide(compilePolicy({ ...document, mode: 'monitor' }), factsOf(tool, given));
        const { effect, code, rule, reservations } = real;
        expect(monitored).toMatchObject({ effect: 'allow', code: 'allowed', reservations });
        expect(monitored.would).toEqual(effect === 'allow' ? undefined : { effect, code, rule });
      }),
    );
  });

  test('all reservations on one counter carry one amount, the largest', () => {
    fc.assert(
      fc.property(policies, called, fc.nat(9), (document, tool, n) => {
        const amounts = new Map<string, Set<number>>();
        for (const { counter, window, scope, whom, amount } of decide(compilePolicy(document), factsOf(tool, { n })).reservations) {
          const key = JSON.stringify([counter, window, scope, whom]);
          amounts.set(key, (amounts.get(key) ?? new Set()).add(amount));
        }
        for (const one of amounts.values()) expect(one.size).toBe(1);
      }),
    );
  });
});

describe('names and patterns', () => {
  test('a pattern matches exactly what its definition says', () => {
    fc.assert(
      fc.property(fc.string({ unit: letters, maxLength: 9 }), fc.string({ unit: fc.constantFrom('a', 'b', '😀', '\uFFFD'), maxLength: 12 }), (pattern, text) => {
        expect(wildcard(pattern)(text)).toBe(matchesByDefinition(Array.from(pattern), Array.from(text)));
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ['*aab*', 'aaab'],
    ['*abaabab*', 'abaabaabab'],
    ['*aa*aa*', 'aaaa'],
    ['a**b', 'ab'],
  ])('%s matches %s, where a first try fails half way', (pattern, text) => {
    expect(wildcard(pattern)(text)).toBe(true);
  });

  test('the time of a match does not explode with the pattern', () => {
    const hostile = wildcard(`${'*a'.repeat(100)}*b${'*a'.repeat(25)}`);
    expect(hostile('a'.repeat(256))).toBe(false);
    expect(wildcard(`*${'a'.repeat(120)}b*`)('a'.repeat(255))).toBe(false);
  });
});

describe('order and identity', () => {
  test('code-point order is that of code points', () => {
    const anyText = fc.string({ unit: fc.constantFrom('a', '\uD7FF', '\uE000', '\uFFFD', '\u{10000}', '😀'), maxLength: 6 });
    const byDefinition = (left: string, right: string) => Math.sign(Buffer.compare(Buffer.from(left), Buffer.from(right)));
    fc.assert(
      fc.property(anyText, anyText, (left, right) => {
        expect(Math.sign(compareCodePoints(left, right))).toBe(byDefinition(left, right));
      }),
    );
    expect(compareCodePoints('\uFFFD', '😀')).toBeLessThan(0);
  });

  test('documents that differ have different hashes', () => {
    fc.assert(
      fc.property(policies, policies, (one, other) => {
        const same = JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));
        expect(policyHash(one) === policyHash(other)).toBe(same);
      }),
    );
  });
});

function matchesByDefinition(pattern: readonly string[], text: readonly string[]): boolean {
  const [head, ...rest] = pattern;
  if (head === undefined) return text.length === 0;
  if (head === '*') return text.some((_, index) => matchesByDefinition(rest, text.slice(index))) || matchesByDefinition(rest, []);
  return head === text[0] && matchesByDefinition(rest, text.slice(1));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value).map(([key, member]) => [key, sorted(member)]).sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
}

/** The member that a JSON Pointer names; own members only. */
function memberAt(document: unknown, pointer: string): unknown {
  let value: unknown = document;
  for (const token of pointer.split('/').slice(1).map((one) => one.replaceAll('~1', '/').replaceAll('~0', '~'))) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, token)) return undefined;
    value = (value as Record<string, unknown>)[token];
  }
  return value;
}
