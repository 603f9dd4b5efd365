import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'vitest';
import { tenantTest } from '../support/product-test.js';
import { seedDecisions, seededPolicy } from '../support/seed-decisions.js';

const FULL = process.env['FAULTS'] === 'full';
const DECISIONS = FULL ? 1_000_000 : 50_000;
const GRANTS = 50;
/** On two cores, for a million. */
const BUDGET_MS = 60_000;
const MIB = 1024 * 1024;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const { test, toolgate, tenant } = tenantTest();

/** What is in use now that garbage is gone. */
const bytesInUse = (): number => {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};

/** The longest that the process was deaf while a piece of work ran. */
const deafMsDuring = async (work: () => Promise<void>): Promise<number> => {
  let [deafMs, over] = [0, false];
  const watching = (async () => {
    while (!over) {
      const asleep = performance.now();
      await sleep(20);
      deafMs = Math.max(deafMs, performance.now() - asleep - 20);
    }
  })();
  await work();
  over = true;
  await watching;
  return deafMs;
};

/** The lines of an answer as they come. */
async function* linesOf(response: Response): AsyncGenerator<Record<string, Record<string, unknown>>> {
  let rest = '';
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    const lines = (rest + Buffer.from(chunk).toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield JSON.parse(line) as Record<string, Record<string, unknown>>;
  }
}

test(
  `a simulation over ${DECISIONS} recorded decisions takes its share of a minute for a million, and ` +
    'no more memory at its end than at its beginning',
  async () => {
    const serverId = await tenant.server('http://127.0.0.1:9/mcp');
    const policyId = await tenant.policy(serverId, seededPolicy);
    const grants = [];
    for (let n = 0; n < GRANTS; n += 1) grants.push(await tenant.grant({ serverId, policyId }));
    const since = new Date(Date.now() - 5 * 86_400_000);
    const seedingAt = performance.now();
    await seedDecisions(toolgate.db, {
      organizationId: tenant.organizationId,
      serverId,
      policyId,
      identityIds: grants.map(({ identityId }) => identityId),
      grantIds: grants.map(({ id }) => id),
      decisions: DECISIONS,
      since,
    });
    await toolgate.db.worker.query('analyze audit_records').catch(() => undefined);
    const seededMs = performance.now() - seedingAt;

    const draft = {
      ...seededPolicy,
      tools: {
        ...seededPolicy.tools,
        tool_3: { deny_if: [{ path: 'args.note', op: 'contains', value: 'x' }] },
        tool_4: { action: 'deny' },
        tool_19: { limits: [{ counter: 'new', window: 'minute', max: 1 }] },
      },
    };
    const body = JSON.stringify({
      document: draft,
      from: since.toISOString(),
      to: new Date(since.getTime() + DECISIONS * 150 + 75).toISOString(),
    });
    let result: Record<string, unknown> = {};
    const inUse: number[] = [];
    const [cpu, began] = [process.cpuUsage(), performance.now()];
    const deafMs = await deafMsDuring(async () => {
      const response = await fetch(`${toolgate.url}/v1/policies/${policyId}/simulate`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${tenant.token}`,
          'content-type': 'application/json',
          accept: 'application/x-ndjson',
        },
        body,
      });
      for await (const { progress, simulation } of linesOf(response)) {
        if (progress && Number(progress['done']) / Number(progress['total']) >= (inUse.length + 1) / 10)
          inUse.push(bytesInUse());
        if (simulation) result = simulation;
      }
    });
    const tookMs = performance.now() - began;
    const { user, system } = process.cpuUsage(cpu);
    const mib = (bytes: number): string => (bytes / MIB).toFixed(0);
    process.stderr.write(
      `simulated ${DECISIONS} decisions in ${(tookMs / 1000).toFixed(1)} s (this process ` +
        `${((user + system) / 1e6).toFixed(1)} ` +
        `s of CPU), MiB in use at each tenth ${inUse.map(mib).join(' ')}, deaf for ${deafMs.toFixed(0)} ` +
        `ms at most; seeded in ${(seededMs / 1000).toFixed(1)} s\n`,
    );
    expect(result).toMatchObject({
      calls: DECISIONS,
      byTool: expect.arrayContaining([
        expect.objectContaining({ tool: 'tool_4', from: 'allow', to: 'deny', calls: DECISIONS / 20 }),
      ]) as unknown,
    });
    expect(Number(result['same']) + Number(result['flipped']) + Number(result['unjudged'])).toBe(DECISIONS);
    // What is in use swings with the page in hand; what is kept for good shows in the least of each half.
    const half = Math.ceil(inUse.length / 2);
    expect(Math.min(...inUse.slice(half))).toBeLessThan(Math.min(...inUse.slice(0, half)) + 20 * MIB);
    expect(Math.max(...inUse)).toBeLessThan(200 * MIB);
    // Absolute times are noise on a busy machine: the quick form has ten times its share.
    expect(tookMs).toBeLessThan((FULL ? 1 : 10) * BUDGET_MS * (DECISIONS / 1_000_000));
  },
  900_000,
);
