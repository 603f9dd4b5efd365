import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tighten, type ObservedUse } from '../../../src/control-plane/advice/tighten.js';
import { compilePolicy } from '../../../src/policy-engine/compile.js';
import { decide, isListed, type Reservation } from '../../../src/policy-engine/decide.js';
import type { PolicyDocument, ToolEntry } from '../../../src/policy-engine/document.js';
import { limitsOf } from '../../../src/policy-engine/limits-of.js';
import { parsePolicy } from '../../../src/policy-engine/parse.js';
import { args, called, configureProperties, factsOf, looser, policies } from '../../builders/policies.js';

configureProperties();

const REASON = 'Not used';
const denied: ToolEntry = { action: 'deny', reason: REASON };
const limit = { counter: 'c', window: 'minute', max: 10 } as const;

const advise = (
  live: Partial<PolicyDocument>,
  {
    used = [],
    discovered = [],
    lowered = {},
  }: Readonly<{ used?: readonly string[]; discovered?: readonly string[]; lowered?: Readonly<Record<string, number>> }>,
) => {
  const known: ObservedUse = { used: new Set(used), discovered, lowered: new Map(Object.entries(lowered)) };
  const { document, changes } = tighten({ version: '1', default: 'deny', ...live }, known, REASON);
  return { document, changes: changes.map(({ code, rule, tool }) => `${code} ${rule} ${tool}`) };
};

describe('a tighter document', () => {
  test('leaves out what nobody used where the default denies it', () => {
    expect(advise({ tools: { a: { limits: [limit] }, b: {} } }, { used: ['a'] })).toEqual({
      document: { version: '1', default: 'deny', tools: { a: { limits: [limit] } } },
      changes: ['tool_never_used /tools/b b'],
    });
  });

  test('is the live one where everything was used', () => {
    const tools = { a: {}, b: { action: 'deny' } } as const;
    expect(advise({ tools, hide: ['c'] }, { used: ['a'] })).toEqual({
      document: { version: '1', default: 'deny', hide: ['c'], tools },
      changes: [],
    });
  });

  test('denies by default and names what was used, and leaves resources and prompts allowed', () => {
    expect(
      advise(
        { default: 'allow', tools: { x: { action: 'deny' } }, prompts: { '**': {} } },
        { used: ['a', '__proto__'] },
      ),
    ).toEqual({
      document: {
        version: '1',
        default: 'deny',
        tools: JSON.parse('{"x":{"action":"deny"},"a":{},"__proto__":{}}') as object,
        resources: { '*': {} },
        prompts: { '**': {} },
      },
      changes: ['default_denied /default null'],
    });
  });

  test('puts the tools that were used in the place of their pattern, with its rules and counters', () => {
    const entry = {
      action: 'require_approval',
      limits: [limit],
      require: [{ path: 'args.a', op: 'exists', value: true }],
    } as const;
    expect(
      advise(
        { tools: { 'list_*': entry, 'get_*': {}, '*_secret': { action: 'deny' } } },
        { used: ['list_a', 'list_b'], discovered: ['list_c'] },
      ),
    ).toEqual({
      document: {
        version: '1',
        default: 'deny',
        tools: { list_a: entry, list_b: entry, '*_secret': { action: 'deny' } },
      },
      changes: ['pattern_narrowed /tools/list_* list_*', 'tool_never_used /tools/get_* get_*'],
    });
  });

  test('keeps patterns that count calls of their own, and denies what the server offers under them unused', () => {
    const tools = { 'list_*': { rate_limit: { max: 5, window: 60 } }, list_x: {}, other: {} };
    expect(advise({ tools }, { used: ['list_a'], discovered: ['list_a', 'list_b', 'list_x', 'more'] })).toEqual({
      document: { version: '1', default: 'deny', tools: { 'list_*': tools['list_*'], list_x: denied, list_b: denied } },
      changes: [
        'tool_never_used /tools/list_x list_x',
        'tool_never_used /tools/other other',
        'tool_never_used /tools/list_* list_b',
      ],
    });
  });

  test('keeps the default where a tool was used whose name can not be an entry of its own', () => {
    expect(advise({ default: 'allow', tools: { x: {} } }, { used: ['a*b'], discovered: ['a*b', 'y'] })).toEqual({
      document: { version: '1', default: 'allow', tools: { x: denied, y: denied } },
      changes: ['tool_never_used /tools/x x', 'tool_never_used /default y'],
    });
  });

  test('lowers limits, also under the names that take the place of a pattern', () => {
    const lowered = { '/all_tools/limits/0': 4, '/tools/list_*/limits/0': 2, '/tools/a/rate_limit': 3 };
    expect(
      advise(
        {
          all_tools: { limits: [limit] },
          tools: { 'list_*': { limits: [limit] }, a: { rate_limit: { max: 60, window: 60 } } },
        },
        { used: ['list_x', 'a'], lowered },
      ),
    ).toEqual({
      document: {
        version: '1',
        default: 'deny',
        all_tools: { limits: [{ ...limit, max: 4 }] },
        tools: { list_x: { limits: [{ ...limit, max: 2 }] }, a: { rate_limit: { max: 3, window: 60 } } },
      },
      changes: [
        'pattern_narrowed /tools/list_* list_*',
        ...Object.keys(lowered).map((rule) => `limit_above_use ${rule} null`),
      ],
    });
  });

  test('that would be too large to save is none', () => {
    const entry = {
      deny_if: Array.from(
        { length: 60 },
        (_, index) => ({ path: 'args.a', op: 'eq', value: 'x'.repeat(100) + index }) as const,
      ),
    };
    const live = { version: '1', default: 'deny', tools: { '*': entry } } as const;
    expect(
      tighten(
        live,
        {
          used: new Set(Array.from({ length: 100 }, (_, index) => `tool_${index}`)),
          discovered: [],
          lowered: new Map(),
        },
        REASON,
      ),
    ).toEqual({ document: live, changes: [] });
  });
});

/** Whether the tighter document's reservation leaves no more room on the same counter. */
const covers = (tight: readonly Reservation[], one: Reservation): boolean =>
  tight.some(
    (other) =>
      other.counter === one.counter &&
      other.window === one.window &&
      other.scope === one.scope &&
      other.whom === one.whom &&
      other.max <= one.max &&
      other.amount === one.amount,
  );

describe('for any policy, use and call', () => {
  const uses = fc.record({
    used: fc.uniqueArray(called, { maxLength: 4 }),
    discovered: fc.uniqueArray(called, { maxLength: 4 }),
    lowered: fc.nat(5),
  });
  /** New maxima are below the old. */
  const loweredOf = (live: PolicyDocument, most: number): ReadonlyMap<string, number> =>
    new Map(
      limitsOf(live).flatMap(({ rule, max }) =>
        max > most && /^\/(tools|all_tools)\//.test(rule) ? [[rule, most] as const] : [],
      ),
    );

  test(
    'the tighter document is accepted, allows and lists nothing that the live one refuses or hides, ' +
      'and counts what it counts, with as little room',
    () => {
      fc.assert(
        fc.property(policies, uses, called, args, (live, { used, discovered, lowered }, tool, given) => {
          const { document } = tighten(
            live,
            { used: new Set(used), discovered, lowered: loweredOf(live, lowered) },
            REASON,
          );
          expect(parsePolicy(JSON.parse(JSON.stringify(document)))).toMatchObject({ ok: true });
          const [before, after] = [compilePolicy(live), compilePolicy(document)];
          const [wide, tight] = [decide(before, factsOf(tool, given)), decide(after, factsOf(tool, given))];
          expect(looser([wide.effect, tight.effect])).toBe(false);
          expect(looser([wide.would?.effect, tight.would?.effect])).toBe(false);
          expect([isListed(before, tool), isListed(after, tool)]).not.toEqual([false, true]);
          if (tight.effect === 'allow' && !tight.would)
            for (const one of wide.reservations)
              expect(covers(tight.reservations, one), JSON.stringify([one, tight.reservations])).toBe(true);
        }),
      );
    },
  );

  test('a tool that was used is decided as before', () => {
    fc.assert(
      fc.property(policies, uses, args, (live, { used, discovered }, given) => {
        const { document } = tighten(live, { used: new Set(used), discovered, lowered: new Map() }, REASON);
        const [before, after] = [compilePolicy(live), compilePolicy(document)];
        for (const tool of used) {
          const [wide, tight] = [decide(before, factsOf(tool, given)), decide(after, factsOf(tool, given))];
          expect([
            tight.effect,
            tight.code,
            tight.would?.effect,
            tight.reservations.map(({ pointer: _pointer, ...one }) => one),
          ]).toEqual([
            wide.effect,
            wide.code,
            wide.would?.effect,
            wide.reservations.map(({ pointer: _pointer, ...one }) => one),
          ]);
          expect(isListed(after, tool)).toBe(isListed(before, tool));
        }
      }),
    );
  });

  test('resources and prompts are decided as before', () => {
    const named = fc.record({
      live: policies,
      resources: fc.array(
        fc.tuple(fc.constantFrom('a', '*', '**', 'a*'), fc.constantFrom<ToolEntry>({}, { action: 'deny' })),
        { maxLength: 3 },
      ),
    });
    fc.assert(
      fc.property(
        named,
        uses,
        fc.constantFrom('resource' as const, 'prompt' as const),
        fc.constantFrom('a', 'b', 'ab'),
        ({ live, resources }, { used, discovered }, kind, name) => {
          const section = Object.fromEntries(resources);
          const document: PolicyDocument = { ...live, resources: section, prompts: section };
          const tight = tighten(document, { used: new Set(used), discovered, lowered: new Map() }, REASON).document;
          const effect = (one: PolicyDocument) =>
            decide(compilePolicy(one), { ...factsOf(name, undefined), kind }).effect;
          expect(effect(tight)).toBe(effect(document));
          expect(isListed(compilePolicy(tight), name, kind)).toBe(isListed(compilePolicy(document), name, kind));
        },
      ),
    );
  });
});
