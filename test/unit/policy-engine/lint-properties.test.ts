import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compilePolicy } from '../../../src/policy-engine/compile.js';
import { decide } from '../../../src/policy-engine/decide.js';
import type { PolicyDocument } from '../../../src/policy-engine/document.js';
import { parsePolicy } from '../../../src/policy-engine/parse.js';
import { policySchema } from '../../../src/policy-engine/policy-schema.js';
import { Counters } from '../../../src/policy-engine/replay/counters.js';
import { args, called, configureProperties, enforced, factsOf, policies, runs, seed } from '../../builders/policies.js';

configureProperties();

const stepsOf = (pointer: string): readonly string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));

/** A copy without what a pointer names. */
const without = (value: unknown, [step = '', ...rest]: readonly string[]): unknown => {
  if (Array.isArray(value))
    return value.flatMap((item, index) =>
      String(index) !== step ? [item] : rest.length === 0 ? [] : [without(item, rest)],
    );
  return Object.fromEntries(
    Object.entries(value as object).flatMap(([key, member]) =>
      key !== step ? [[key, member]] : rest.length === 0 ? [] : [[key, without(member, rest)]],
    ),
  );
};

/** What comes of calls one after another, limits included. */
const play = (
  document: PolicyDocument,
  calls: readonly (readonly [tool: string, given: unknown])[],
): readonly string[] => {
  const policy = compilePolicy(document);
  const counters = new Counters();
  return calls.map(([tool, given]) => {
    const facts = factsOf(tool, given);
    const { effect, code, reservations } = decide(policy, facts);
    const { refusedBy, unsure } = counters.fit(reservations, facts.now);
    if (effect !== 'allow' || (refusedBy === undefined && unsure.length === 0)) {
      counters.add(reservations, facts.now, true);
      return code;
    }
    return 'rate_limited';
  });
};

describe('what a warning calls vain', () => {
  const calls = fc.array(fc.tuple(called, args), { minLength: 1, maxLength: 12 });

  test.each(['limit_without_effect', 'never_fires', 'shadowed_pattern'])(
    'changes nothing when it is taken away: %s',
    (code) => {
      let found = 0;
      // Random policies seldom hold a rare warning: they are drawn until one was put to the test.
      for (let batch = 0; batch < 20 && found === 0; batch += 1) {
        fc.assert(
          fc.property(policies, calls, (one, made) => {
            const document = enforced(one);
            const parsed = parsePolicy(document);
            const vain = parsed.ok ? parsed.warnings.filter((warning) => warning.code === code) : [];
            for (const { pointer } of vain) {
              found += 1;
              const rest = without(document, stepsOf(pointer)) as PolicyDocument;
              expect(play(rest, made), pointer).toEqual(play(document, made));
            }
          }),
          // Each batch draws with a seed of its own: the global one would draw the same policies again.
          { numRuns: Math.max(100, runs), seed: seed + batch },
        );
      }
      expect(found).toBeGreaterThan(0);
    },
  );
});

describe('the schema of policies', () => {
  const validate = new Ajv2020({ strict: false }).compile(policySchema);

  test('takes every document that is accepted', () => {
    fc.assert(
      fc.property(policies, (document) => {
        expect(parsePolicy(document).ok).toBe(true);
        // What __proto__ names is no member for ajv, whose own refusal of it is not the document's fault.
        expect(
          validate(JSON.parse(JSON.stringify(document).replaceAll('"__proto__"', '"proto"'))),
          JSON.stringify(validate.errors),
        ).toBe(true);
      }),
    );
  });

  test('refuses, like parsePolicy, an unknown key wherever it stands', () => {
    const places = (value: unknown, at: readonly string[] = []): readonly (readonly string[])[] => {
      if (typeof value !== 'object' || value === null) return [];
      const inside = Object.entries(value).flatMap(([key, member]) => places(member, [...at, key]));
      return Array.isArray(value) || at.at(-1) === 'tools' ? inside : [at, ...inside];
    };
    const unknown = (value: unknown, [step, ...rest]: readonly string[]): unknown => {
      if (step === undefined) return { ...(value as object), surprise: true };
      if (Array.isArray(value))
        return value.map((item, index) => (String(index) === step ? unknown(item, rest) : item));
      return Object.fromEntries(
        Object.entries(value as object).map(([key, member]) => [key, key === step ? unknown(member, rest) : member]),
      );
    };
    fc.assert(
      fc.property(policies, fc.nat(), (document, pick) => {
        const all = places(document);
        const bad = unknown(document, all[pick % all.length] ?? []);
        expect([
          parsePolicy(bad).ok,
          validate(JSON.parse(JSON.stringify(bad).replaceAll('"__proto__"', '"proto"'))),
        ]).toEqual([false, false]);
      }),
    );
  });
});
