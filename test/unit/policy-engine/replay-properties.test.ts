import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compilePolicy } from '../../../src/policy-engine/compile.js';
import type { Facts } from '../../../src/policy-engine/decide.js';
import type { PolicyDocument, ToolEntry } from '../../../src/policy-engine/document.js';
import { Replay, type Replayed } from '../../../src/policy-engine/replay/replay.js';
import { args, called, configureProperties, enforced, factsOf, policies } from '../../builders/policies.js';
import { enforceAll, type Made } from '../../builders/record.js';

configureProperties();

const EPOCH_MS = Date.UTC(2026, 10, 22);

/** Calls of two grants of two identities, up to half a minute apart. */
const calls = (given: fc.Arbitrary<unknown>): fc.Arbitrary<readonly Facts[]> =>
  fc
    .array(
      fc.record({
        tool: called,
        given,
        grant: fc.constantFrom('g', 'h'),
        apartMs: fc.nat(30_000),
        sourceIp: fc.constantFrom('10.0.0.1', '192.0.2.1', undefined),
      }),
      { minLength: 1, maxLength: 8 },
    )
    .map((made) => {
      let now = EPOCH_MS;
      return made.map(({ tool, given: callArguments, grant, apartMs, sourceIp }) => {
        now += apartMs;
        const { inputSchema: _schema, ...facts } = factsOf(tool, callArguments);
        return {
          ...facts,
          grantId: grant,
          identity: { id: `of ${grant}`, name: 'a', kind: 'agent', attributes: grant === 'g' ? { t: 'b' } : {} },
          sourceIp,
          now: new Date(now),
        };
      });
    });

const replayed = (document: PolicyDocument, made: readonly Made[]): readonly Replayed[] => {
  const replay = new Replay(compilePolicy(document));
  return made.map(({ recorded }) => replay.judge(recorded));
};

/** Where a replay is sure and wrong. */
const wrongs = (expected: readonly Made[], got: readonly Replayed[]): readonly unknown[] =>
  expected
    .map(({ effect, code, rule }, index) => ({ expected: { effect, code, rule }, answer: got[index] }))
    .filter(({ expected: { effect, code, rule }, answer }) => {
      if (answer === undefined) return true;
      return (
        answer.sure &&
        !(answer.effect === effect && (answer.unkept.length > 0 || (answer.code === code && answer.rule === rule)))
      );
    });

const withoutArguments = (document: PolicyDocument): PolicyDocument => {
  const bare = ({ limits, require: _require, deny_if: _denyIf, ...rest }: ToolEntry): ToolEntry => ({
    ...rest,
    ...(limits ? { limits: limits.map(({ increment_from: _source, ...limit }) => limit) } : {}),
  });
  const tools = Object.fromEntries(Object.entries(document.tools ?? {}).map(([name, entry]) => [name, bare(entry)]));
  return {
    ...document,
    check_arguments: false,
    tools,
    ...(document.all_tools ? { all_tools: bare(document.all_tools) } : {}),
  };
};

/**
 * For each call: nothing, or after how many more calls it gives back what it reserved, and how many more until that is
 * known; -1: it may have, and has not.
 */
const endings = fc.array(
  fc.option(fc.record({ after: fc.integer({ min: -1, max: 3 }), late: fc.nat(2) }), { nil: undefined, freq: 1 }),
  { minLength: 8, maxLength: 8 },
);

describe('replaying recorded decisions', () => {
  test('by name and by limit under the version that made them gives the answers that were given', () => {
    fc.assert(
      fc.property(policies.map(withoutArguments).map(enforced), calls(args), (document, made) => {
        const was = enforceAll(document, made);
        expect(replayed(document, was)).toEqual(
          was.map(({ effect, code, rule }) => ({ sure: true, effect, code, rule, unkept: [] })),
        );
      }),
    );
  });

  test(
    'by name and by limit under another version gives the answers that it would have given, whatever ' + 'was decided',
    () => {
      fc.assert(
        fc.property(
          policies,
          policies.map(withoutArguments).map(enforced),
          calls(args),
          (recordedUnder, draft, made) => {
            const got = replayed(draft, enforceAll(recordedUnder, made));
            expect(got).toEqual(
              enforceAll(draft, made).map(({ effect, code, rule }) => ({ sure: true, effect, code, rule, unkept: [] })),
            );
          },
        ),
      );
    },
  );

  test('under any version is never wrong where it is sure', () => {
    fc.assert(
      fc.property(policies, policies.map(enforced), calls(args), (recordedUnder, draft, made) => {
        expect(wrongs(enforceAll(draft, made), replayed(draft, enforceAll(recordedUnder, made)))).toEqual([]);
      }),
    );
  });

  test('of which some were given back, or may have been, is never wrong where it is sure', () => {
    fc.assert(
      fc.property(
        policies.map(withoutArguments),
        policies.map(withoutArguments).map(enforced),
        calls(args),
        endings,
        (recordedUnder, draft, made, ends) => {
          const was = enforceAll(recordedUnder, made);
          // What was refused has no outcome, so nobody gives it back.
          const ended = was.map(({ effect }, index) => (effect === 'allow' ? ends[index] : undefined));
          const givenBack = new Map(
            ended.flatMap((end, index) => (end && end.after >= 0 ? [[index, index + 1 + end.after] as const] : [])),
          );
          const replay = new Replay(compilePolicy(draft));
          const got = was.map(({ recorded }, index) => {
            for (const [place, end] of ended.entries())
              if (end && end.after >= 0 && place + 1 + end.after + end.late === index) replay.givenBack(String(place));
            return replay.judge({ ...recorded, counts: ended[index] ? 'perhaps' : 'surely' });
          });
          expect(wrongs(enforceAll(draft, made, givenBack), got)).toEqual([]);
        },
      ),
    );
  });

  test('of calls without arguments is always sure, whatever the policy asks of them', () => {
    fc.assert(
      fc.property(
        policies,
        policies.map((document) => ({ ...enforced(document), check_arguments: false })),
        calls(fc.constantFrom(undefined, {})),
        (recordedUnder, draft, made) => {
          const got = replayed(draft, enforceAll(recordedUnder, made));
          expect(got.every(({ sure }) => sure)).toBe(true);
          expect(wrongs(enforceAll(draft, made), got)).toEqual([]);
        },
      ),
    );
  });

  test(
    'under the version that made them, rules on arguments included, is never wrong where it is sure, ' +
      'and sure of every call that a rule decided',
    () => {
      fc.assert(
        fc.property(policies.map(enforced), calls(args), (document, made) => {
          const was = enforceAll(document, made);
          const got = replayed(document, was);
          expect(wrongs(was, got)).toEqual([]);
          for (const [index, { code }] of was.entries())
            if (!['allowed', 'rate_limited', 'argument_rule'].includes(code))
              expect(got[index]).toMatchObject({ sure: true, code });
        }),
      );
    },
  );
});
