import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compilePolicy } from '../../../src/policy-engine/compile.js';
import { policyHash } from '../../../src/policy-engine/policy-hash.js';
import { decide, isListed } from '../../../src/policy-engine/decide.js';
import type { PolicyDocument, Rule } from '../../../src/policy-engine/document.js';
import { parsePolicy } from '../../../src/policy-engine/parse.js';
import { compareCodePoints, wildcard } from '../../../src/policy-engine/wildcard.js';
import {
  args,
  called,
  condition,
  configureProperties,
  enforced,
  factsOf,
  leaf,
  letters,
  looser,
  name,
  policies,
  reversed,
  rule,
  runs,
} from '../../builders/policies.js';

configureProperties();

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
        expect(decide(compilePolicy(other), factsOf(tool, reversed(given)))).toEqual(
          decide(compilePolicy(document), factsOf(tool, given)),
        );
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
        expect(looser(effects)).toBe(false);
        expect([isListed(before, tool), isListed(after, tool)]).not.toEqual([false, true]);
      }),
    );
  });

  test('denying an entry, or adding one that denies, never allows a call that was refused', () => {
    fc.assert(
      fc.property(policies, name, called, args, (document, more, tool, given) => {
        const before = compilePolicy(enforced(document));
        const tools = Object.fromEntries([
          ...Object.entries(document.tools ?? {}).filter(([key]) => key !== more),
          [more, { action: 'deny' as const }],
        ]);
        const after = compilePolicy({ ...enforced(document), tools });
        const effects = [decide(before, factsOf(tool, given)).effect, decide(after, factsOf(tool, given)).effect];
        expect(looser(effects)).toBe(false);
      }),
    );
  });

  test(
    'requiring approval of an entry never allows a call that was refused; once approved, a call is ' +
      'judged as if it needed none',
    () => {
      fc.assert(
        fc.property(policies, called, args, (document, tool, given) => {
          const acting = (action: 'require_approval' | 'allow'): PolicyDocument => ({
            ...enforced(document),
            tools: Object.fromEntries(
              Object.entries(document.tools ?? {}).map(([key, one]) => [
                key,
                one.action === 'deny' ? one : { ...one, action },
              ]),
            ),
          });
          const [asking, allowing] = [compilePolicy(acting('require_approval')), compilePolicy(acting('allow'))];
          expect([
            decide(allowing, factsOf(tool, given)).effect,
            decide(asking, factsOf(tool, given)).effect,
          ]).not.toEqual(['deny', 'allow']);
          const approved = decide(asking, { ...factsOf(tool, given), approved: true });
          expect(approved.effect).not.toBe('hold');
          if (!Object.keys(document.tools ?? {}).some((key) => key.includes('*')))
            expect(approved).toEqual(decide(allowing, factsOf(tool, given)));
        }),
      );
    },
  );

  test('one more require or deny_if, for a tool or for all, never allows a call that was refused', () => {
    fc.assert(
      fc.property(
        policies,
        rule,
        fc.constantFrom('require' as const, 'deny_if' as const),
        called,
        args,
        (document, more, key, tool, given) => {
          const before = decide(compilePolicy(enforced(document)), factsOf(tool, given)).effect;
          const tools = Object.fromEntries(
            Object.entries(document.tools ?? {}).map(([name, one]) => [
              name,
              { ...one, [key]: [...(one[key] ?? []), more] },
            ]),
          );
          const forAll = { ...document.all_tools, [key]: [more, ...(document.all_tools?.[key] ?? [])] };
          expect(
            looser([before, decide(compilePolicy({ ...enforced(document), tools }), factsOf(tool, given)).effect]),
          ).toBe(false);
          expect(
            looser([
              before,
              decide(compilePolicy({ ...enforced(document), all_tools: forAll }), factsOf(tool, given)).effect,
            ]),
          ).toBe(false);
        },
      ),
    );
  });

  test('checking arguments never allows a call that was refused', () => {
    fc.assert(
      fc.property(policies, called, args, (document, tool, given) => {
        const [before, after] = [false, true].map(
          (check_arguments) =>
            decide(compilePolicy({ ...enforced(document), check_arguments }), factsOf(tool, given)).effect,
        );
        expect(looser([before, after])).toBe(false);
      }),
    );
  });
});

describe('a value of a wrong type', () => {
  const scalars = [
    'eq',
    'neq',
    'in',
    'not_in',
    'lt',
    'lte',
    'gt',
    'gte',
    'contains',
    'not_contains',
    'starts_with',
    'ends_with',
    'matches',
    'cidr',
  ];

  test('is never allowed by a rule on it, be it a require or a deny_if', () => {
    fc.assert(
      fc.property(
        condition,
        fc.constantFrom('require' as const, 'deny_if' as const),
        fc.constantFrom([], ['a'], {}, { n: 'a' }),
        (one, key, wrong) => {
          fc.pre(scalars.includes(one.op));
          const document: PolicyDocument = {
            version: '1',
            default: 'allow',
            all_tools: { [key]: [{ ...one, path: 'args.n' }] },
          };
          expect(decide(compilePolicy(document), factsOf('x', { n: wrong })).effect).toBe('deny');
        },
      ),
    );
  });

  test('does not allow what a value of the right type was refused', () => {
    fc.assert(
      fc.property(
        fc.array(condition, { minLength: 1, maxLength: 3 }),
        fc.constantFrom('require' as const, 'deny_if' as const),
        leaf,
        fc.constantFrom({}, { n: 1 }),
        (conditions, key, right, wrong) => {
          fc.pre(conditions.every(({ op }) => scalars.includes(op)));
          const onOne = conditions.map((one) => ({ ...one, path: 'args.n' }));
          const policy = compilePolicy({
            version: '1',
            default: 'allow',
            all_tools: { [key]: [{ conditions: onOne }] },
          });
          const effects = [right, wrong].map((n) => decide(policy, factsOf('x', { n })).effect);
          expect(looser(effects)).toBe(false);
        },
      ),
    );
  });
});

describe('hostile input', () => {
  // Time is kept by the steps that judging counts; here the processor's time, as the machine may be busy, shows that
  // they are not far off.
  const piece = fc.constantFrom(
    'a',
    'b',
    '.',
    '[ab]',
    '(a|b)',
    '(a|aa)',
    '(.*)',
    '(x+x+)+',
    '(a+)+',
    '.*',
    '\\pL',
    '(?:a?){9}',
    '[^c]{20}',
    '\\b',
    '$',
    '|',
    '(?i)k',
  );
  const repeated = fc
    .tuple(piece, fc.constantFrom('', '*', '+', '{30}', '{2,60}', '{200}'))
    .map(([one, times]) => `(?:${one})${times}`);
  const hostile = fc.array(repeated, { minLength: 1, maxLength: 6 }).map((pieces) => pieces.join(''));
  const unit = fc.constantFrom('a', 'b', 'ab', 'aab', 'abbabaab', 'é', '漢', 'a b\n', 'k', 'x');

  test('patterns over 64 KiB are judged in bounded time', () => {
    const times: number[] = [];
    fc.assert(
      fc.property(hostile, unit, fc.nat(), (value, one, salt) => {
        const text = Array.from({ length: 21_000 }, (_, at) => (Math.imul(at + salt, 2_654_435_761) & 64 ? one : 'a'))
          .join('')
          .slice(0, 65_536);
        const document = {
          version: '1',
          default: 'allow',
          all_tools: { deny_if: [{ path: 'args.n', op: 'matches', value }] },
        };
        const parsed = parsePolicy(document);
        fc.pre(parsed.ok);
        const policy = compilePolicy(parsed.document);
        const began = process.cpuUsage();
        decide(policy, factsOf('x', { n: text }));
        times.push(cpuMs(began));
      }),
      { numRuns: Math.min(runs, 1000) },
    );
    report('pattern', times);
    expect(percentile(times, 0.5)).toBeLessThan(10);
    expect(Math.max(...times)).toBeLessThan(250);
  });

  test('documents full of rules over 64 KiB of arguments are judged in bounded time', () => {
    const times: number[] = [];
    const many = fc.array(condition, { minLength: 20, maxLength: 32 });
    const patterns = fc.array(
      hostile.filter((one) => one.length < 40),
      { maxLength: 3 },
    );
    const large = fc.constantFrom<readonly unknown[]>(
      Array.from({ length: 16_000 }, (_, at) => at % 4),
      Array.from({ length: 8000 }, () => 'abab'),
      Array.from({ length: 5000 }, (_, at) => ({ n: at })),
      ['ab'.repeat(32_000)],
      [[[[[[[[[[1]]]]]]]]]],
    );
    fc.assert(
      fc.property(
        many,
        patterns,
        large,
        fc.constantFrom('require' as const, 'deny_if' as const),
        (conditions, values, l, key) => {
          const matching = values.map((value): Rule => ({ path: 'args.l[*]', op: 'matches', value }));
          const document = {
            version: '1',
            default: 'allow',
            all_tools: { [key]: [...matching, ...Array.from({ length: 30 }, () => ({ conditions }))] },
          };
          const parsed = parsePolicy(document);
          fc.pre(parsed.ok);
          const policy = compilePolicy(parsed.document);
          const began = process.cpuUsage();
          decide(policy, factsOf('x', { n: 1, s: 'a', l }));
          times.push(cpuMs(began));
        },
      ),
      { numRuns: Math.min(Math.ceil(runs / 5), 200) },
    );
    report('document', times);
    expect(percentile(times, 0.5)).toBeLessThan(20);
    expect(Math.max(...times)).toBeLessThan(250);
  });

  test('a document that is anything at all is judged or refused, never thrown at', () => {
    fc.assert(
      fc.property(fc.object({ maxDepth: 4 }), fc.anything(), (junk, value) => {
        const documents = [
          junk,
          value,
          { version: '1', default: 'allow', ...junk },
          { version: '1', default: 'deny', tools: { x: junk } },
          {
            version: '1',
            default: 'deny',
            all_tools: {
              require: [junk, value],
              deny_if: [{ conditions: [junk] }, { path: 'args.n', op: 'in', value }],
            },
          },
        ];
        for (const document of documents) expect(typeof parsePolicy(document).ok).toBe('boolean');
      }),
    );
  });
});

describe('for any decision', () => {
  test('a refusal reserves nothing and its rule is a place in the document, or the default', () => {
    fc.assert(
      fc.property(policies, called, args, (document, tool, given) => {
        const { effect, rule, reservations } = decide(compilePolicy(enforced(document)), factsOf(tool, given));
        if (effect !== 'allow') expect(reservations).toEqual([]);
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
        for (const { counter, window, scope, whom, amount } of decide(compilePolicy(document), factsOf(tool, { n }))
          .reservations) {
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
      fc.property(
        fc.string({ unit: letters, maxLength: 9 }),
        fc.string({ unit: fc.constantFrom('a', 'b', '😀', '\uFFFD'), maxLength: 12 }),
        (pattern, text) => {
          expect(wildcard(pattern)(text)).toBe(matchesByDefinition(Array.from(pattern), Array.from(text)));
        },
      ),
      { numRuns: runs * 10 },
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
    const anyText = fc.string({
      unit: fc.constantFrom('a', '\uD7FF', '\uE000', '\uFFFD', '\u{10000}', '😀'),
      maxLength: 6,
    });
    const byDefinition = (left: string, right: string) =>
      Math.sign(Buffer.compare(Buffer.from(left), Buffer.from(right)));
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

function cpuMs(began: Readonly<{ user: number; system: number }>): number {
  const { user, system } = process.cpuUsage(began);
  return (user + system) / 1000;
}

function report(what: string, times: readonly number[]): void {
  const [half, most] = [percentile(times, 0.5), percentile(times, 0.99)].map((ms) => ms.toFixed(2));
  console.log(`one hostile ${what}: p50 ${half} ms, p99 ${most} ms of ${times.length}`);
}

function percentile(numbers: readonly number[], part: number): number {
  return numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length * part)] ?? 0;
}

function matchesByDefinition(pattern: readonly string[], text: readonly string[]): boolean {
  const [head, ...rest] = pattern;
  if (head === undefined) return text.length === 0;
  if (head === '*')
    return text.some((_, index) => matchesByDefinition(rest, text.slice(index))) || matchesByDefinition(rest, []);
  return head === text[0] && matchesByDefinition(rest, text.slice(1));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value)
    .map(([key, member]) => [key, sorted(member)])
    .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
}

/** The member that a JSON Pointer names; own members only. */
function memberAt(document: unknown, pointer: string): unknown {
  let value: unknown = document;
  for (const token of pointer
    .split('/')
    .slice(1)
    .map((one) => one.replaceAll('~1', '/').replaceAll('~0', '~'))) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, token)) return undefined;
    value = (value as Record<string, unknown>)[token];
  }
  return value;
}
