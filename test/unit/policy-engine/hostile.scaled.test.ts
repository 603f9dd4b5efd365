import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { compilePolicy } from '../../../src/policy-engine/compile.js';
import { decide, type Decision } from '../../../src/policy-engine/decide.js';
import type { PolicyDocument } from '../../../src/policy-engine/document.js';
import { Problem } from '../../../src/platform/runtime/problems.js';
import { parsePolicy } from '../../../src/policy-engine/parse.js';
import { checkDocument } from '../../../src/control-plane/policies/check-document.js';
import { hostilePolicies, type HostileCase } from '../../cases/hostile-policies.js';
import { factsOf } from '../../builders/policies.js';
import { scaled } from '../../support/scaled.js';

/** 10 ms on a machine of one's own (FAULTS=full); a shared one stretches even the processor's time. */
const MOST_MS = process.env['FAULTS'] === 'full' ? 10 : 50;
const TRIES = 6;
const MIB = 1024 * 1024;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/**
 * What a piece of work takes of the processor: the least of some tries, as a busy machine takes its time elsewhere too.
 */
const cpuMs = (work: () => void): number => {
  let least = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < TRIES && least >= MOST_MS; tries += 1) {
    const began = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(began);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
};

const heapBytes = (): number => {
  collectGarbage();
  return process.memoryUsage().heapUsed;
};

type Met = Readonly<{ name: string; refused: boolean; ms: number; decision?: Decision }>;

/** The document that may be saved; undefined for one that is refused. */
const acceptedOf = (document: unknown): PolicyDocument | undefined => {
  try {
    const checked = checkDocument(document);
    return checked.valid ? checked.document : undefined;
  } catch (error) {
    if (error instanceof Problem && error.code === 'too_large') return undefined;
    throw error;
  }
};

const meet = ({ name, document, arguments: given }: HostileCase): Met => {
  const accepted = acceptedOf(document);
  if (!accepted) return { name, refused: true, ms: cpuMs(() => void acceptedOf(document)) };
  const policy = compilePolicy(accepted);
  const facts = factsOf('x', given);
  return { name, refused: false, ms: cpuMs(() => void decide(policy, facts)), decision: decide(policy, facts) };
};

/** All of them, or each third: cases of one kind stand together. */
const EACH = scaled(1, 3);
const cases = hostilePolicies.filter((_, index) => index % EACH === 0);

test(
  `${cases.length} hostile patterns and documents are refused, or judge 64 KiB of ` +
    `arguments, in under ${MOST_MS} ms, and leave nothing in memory`,
  () => {
    expect(hostilePolicies.length).toBeGreaterThanOrEqual(1000);
    for (const one of cases.slice(0, 50)) meet(one);
    const before = heapBytes();
    const met = cases.map(meet);
    const slow = met
      .filter(({ ms }) => ms >= MOST_MS)
      .map(({ name, ms, refused }) => `${name}: ${refused ? 'refused' : 'judged'} in ${ms.toFixed(1)} ms`);
    const judged = met.filter(({ refused }) => !refused);
    const ms = met.map((one) => one.ms).toSorted((one, other) => one - other);
    console.log(
      `${met.length - judged.length} refused, ${judged.length} judged; p50 ` +
        `${ms[Math.floor(ms.length / 2)]?.toFixed(2)} ` +
        `ms, p99 ${ms[Math.floor(ms.length * 0.99)]?.toFixed(2)} ms, most ${ms.at(-1)?.toFixed(2)} ms`,
    );
    expect(slow).toEqual([]);
    expect(judged.length).toBeGreaterThan(400 / EACH);
    expect(met.length - judged.length).toBeGreaterThan(200 / EACH);
    expect(heapBytes() - before).toBeLessThan(20 * MIB);
  },
  300_000,
);

test('what a prototype has is no argument, and what an argument is called changes nothing', () => {
  for (const { name, document, arguments: given } of hostilePolicies.filter((one) =>
    one.name.startsWith('__proto__'),
  )) {
    const parsed = parsePolicy(document);
    if (parsed.ok)
      expect(decide(compilePolicy(parsed.document), factsOf('x', given)), name).toEqual(
        decide(
          compilePolicy(structuredClone(parsed.document)),
          factsOf('x', JSON.parse(JSON.stringify(given)) as unknown),
        ),
      );
  }
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(({} as Record<string, unknown>)['tools']).toBeUndefined();
});
