import fc from 'fast-check';
import { expect } from 'vitest';
import type { Toolgate } from '../../../src/app/toolgate.js';
import { checkInterleavings } from '../../support/interleavings.js';
import { usedOf } from '../../support/counters.js';
import { modernClient } from '../../support/modern-client.js';
import { startModernUpstream, type ModernUpstream } from '../../support/modern-upstream.js';
import { tenantTest } from '../../support/product-test.js';
import type { Grant } from '../../support/tenant.js';
import { startBeside } from '../../support/toolgate.js';
import { aTool } from '../../support/upstream.js';

/** 20, or 2,000 with FAULTS=full, or as many as INTERLEAVINGS says; with SEED=1 the same again. */
const INTERLEAVINGS = Number(process.env['INTERLEAVINGS'] ?? (process.env['FAULTS'] === 'full' ? 2000 : 20));
const AT_ONCE = 10;
const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));

/** What the counters `x`, `y` and `z` of a family hold at most; each tool spends on some of them. */
const FAMILIES = [
  [0, 1, 2.5],
  [1, 3, 5],
  [2.5, 2.5, 5],
  [3, 1, 1],
  [5, 5, 5],
  [1, 0, 3],
] as const;
const NAMES = ['x', 'y', 'z'] as const;
const SPENT = [[0], [1], [2], [0, 1], [1, 2], [2, 0], [0, 1, 2], [1, 1]] as const;

type Call = Readonly<{ gateway: number; waitMs: number; spent: number; amount: number; sent: boolean }>;
type Interleaving = Readonly<{ family: number; calls: readonly Call[] }>;

const call: fc.Arbitrary<Call> = fc.record({
  gateway: fc.nat(2),
  waitMs: fc.constantFrom(0, 0, 0, 1, 5),
  spent: fc.nat(SPENT.length - 1),
  amount: fc.constantFrom(1, 1, 1, 0.1, 2.5, 0),
  sent: fc.constantFrom(true, true, false),
});
const interleaving: fc.Arbitrary<Interleaving> = fc.record({
  family: fc.nat(FAMILIES.length - 1),
  calls: fc.array(call, { minLength: 4, maxLength: 16 }),
});

const toolOf = (family: number, spent: number): string => `f${family}s${spent}`;
const limitOf = (family: number, counter: number) => ({
  counter: `f${family}.${NAMES[counter]}`,
  window: 'month',
  scope: 'identity',
  max: FAMILIES[family]?.[counter],
  increment_from: 'args.amount',
});
const tools = FAMILIES.flatMap((_, family) =>
  SPENT.map(
    (spent, index) => [toolOf(family, index), { limits: spent.map((counter) => limitOf(family, counter)) }] as const,
  ),
);

const { test, toolgate, tenant } = tenantTest();
let others: readonly Toolgate[] = [];
let upstream: ModernUpstream;

/** Of the server that answers, and of one that nobody can reach any more. */
let [answering, away] = [
  { serverId: '', policyId: '' },
  { serverId: '', policyId: '' },
];

test.beforeAll(async () => {
  const offered = tools.map(([name]) => aTool(name));
  upstream = await startModernUpstream({ tools: offered });
  const gone = await startModernUpstream({ tools: offered });
  const gateway = () => startBeside(toolgate);
  others = [await gateway(), await gateway()];
  const serve = async (url: string) => {
    const serverId = await tenant.server(url);
    return {
      serverId,
      policyId: await tenant.policy(serverId, {
        version: '1',
        default: 'deny',
        pin_tools: false,
        tools: Object.fromEntries(tools),
      }),
    };
  };
  [answering, away] = [await serve(upstream.url), await serve(gone.url)];
  await gone.close();
});
test.afterAll(async () => {
  for (const other of others) await other.close();
  await upstream.close();
});

type Json = Readonly<Record<string, unknown>>;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const hundredths = (amount: number): number => Math.round(amount * 100);

/** The grants of one identity, on the three gateways. */
type Agent = Readonly<{
  identityId: string;
  call: (on: Readonly<{ gateway: number; sent: boolean }>, tool: string, amount: number) => Promise<string>;
}>;

let calls = 0;
const agent = async (): Promise<Agent> => {
  const identityId = await tenant.identity(`agent ${(calls += 1)}`);
  const [good, bad] = [await tenant.grant({ ...answering, identityId }), await tenant.grant({ ...away, identityId })];
  const clientOf = (grant: Grant) =>
    [toolgate, ...others].map(({ url }) => modernClient({ ...grant, mcpUrl: grant.mcpUrl.replace(toolgate.url, url) }));
  const clients = { good: clientOf(good), bad: clientOf(bad) };
  // A gateway that doesn't know the grant yet answers with 401.
  await Promise.all(
    [...clients.good, ...clients.bad].map(({ ask }) =>
      expect
        .poll(async () => (await ask('tools/call', { name: 'unlisted', arguments: {} })).status, {
          timeout: 30_000,
          interval: 20,
        })
        .toBe(200),
    ),
  );
  return {
    identityId,
    call: async ({ gateway, sent }, tool, amount) => {
      const client = clients[sent ? 'good' : 'bad'][gateway];
      if (!client) throw new Error('no such gateway');
      const { body } = await client.ask('tools/call', { name: tool, arguments: { amount, by: identityId } });
      const { result, error } = body as { result?: Json; error?: Json };
      if (error) return error['code'] === -33_101 ? 'unreachable' : JSON.stringify(error);
      return result?.['isError'] === true
        ? String(((result['_meta'] as Json)['io.toolgate/decision'] as Json)['code'])
        : 'done';
    },
  };
};

/** What the upstream got of an agent, by counter in hundredths, in the order that it came. */
const spentBy = ({ identityId }: Agent, counter: number): readonly number[] =>
  upstream.seenOf('tools/call').flatMap(({ message }) => {
    const { name, arguments: given } = (message ?? {})['params'] as {
      name: string;
      arguments: { amount: number; by: string };
    };
    const spent: readonly number[] = SPENT[Number(name.split('s')[1])] ?? [];
    return given.by === identityId && spent.includes(counter) ? [hundredths(given.amount)] : [];
  });
const sum = (amounts: readonly number[]): number => amounts.reduce((total, one) => total + one, 0);

const countsOf = async (identityId: string, family: number): Promise<readonly number[]> => {
  const used = NAMES.map((name) =>
    usedOf(toolgate.db, tenant.organizationId, {
      counter: `f${family}.${name}`,
      window: 'month',
      scope: 'identity',
      whom: identityId,
    }),
  );
  return (await Promise.all(used)).map((one) => hundredths(one ?? 0));
};

/**
 * Refusals of a machine that is too busy for the deadlines of a call: nothing was sent then, and what was reserved is
 * given back.
 */
const TOO_SLOW = ['limits_unavailable', 'audit_unavailable', 'stale_directory'] as const;
const PATIENT = { timeout: 30_000, interval: 20 } as const;

const check = async ({ family, calls: made }: Interleaving): Promise<void> => {
  const one = await agent();
  const answers = await Promise.all(
    made.map(async ({ gateway, waitMs, spent, amount, sent }) => {
      await pause(waitMs);
      return one.call({ gateway, sent }, toolOf(family, spent), amount);
    }),
  );
  for (const [index, answer] of answers.entries())
    expect(['rate_limited', ...TOO_SLOW, made[index]?.sent ? 'done' : 'unreachable']).toContain(answer);
  const kept = NAMES.map((_, counter) => sum(spentBy(one, counter)));
  for (const [counter, used] of kept.entries())
    expect(used, `counter ${NAMES[counter]}`).toBeLessThanOrEqual(hundredths(FAMILIES[family]?.[counter] ?? 0));
  // Calls do not wait for what they give back.
  await expect.poll(() => countsOf(one.identityId, family), PATIENT).toEqual(kept);
  for (const [counter, used] of kept.entries()) {
    const left = (hundredths(FAMILIES[family]?.[counter] ?? 0) - used) / 100;
    const on = { gateway: (counter + made.length) % 3, sent: true };
    await expect
      .poll(() => one.call(on, toolOf(family, counter), left), { ...PATIENT, message: 'what is left can be used' })
      .toBe('done');
    await expect
      .poll(() => one.call({ ...on, gateway: (on.gateway + 1) % 3 }, toolOf(family, counter), 0.01), {
        ...PATIENT,
        message: 'and nothing beyond',
      })
      .toBe('rate_limited');
  }
};

test(
  `in ${INTERLEAVINGS} random interleavings over 3 gateways no counter passes its maximum, and what ` +
    'was not sent is given back',
  async () => {
    await checkInterleavings(interleaving, { runs: INTERLEAVINGS, atOnce: AT_ONCE, seed }, check);
  },
  1_500_000,
);
