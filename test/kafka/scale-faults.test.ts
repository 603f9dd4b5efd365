import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testDatabase } from '../support/database.js';
import { kafkaIsHere, startKafka, type KafkaCluster } from '../support/kafka-cluster.js';
import { startProduct, type Product } from '../support/product.js';
import { openSession, signUp, type Grant, type Tenant } from '../support/tenant.js';
import { aTool, startUpstream, type Upstream } from '../support/upstream.js';

/** Of each part. */
const KILLS = Number(process.env['KILLS'] ?? (process.env['FAULTS'] === 'full' ? 20 : 2));
const CALLERS = 12;
const PAUSE_MS = 1500;
/**
 * Two seconds for the limits, two for the log, and what a busy machine adds; nothing that hangs (a broker, a
 * connection) is given up by itself in less than HUNG_MS.
 */
const ANSWERED_MS = 8000;
const HUNG_MS = 25_000;
const MONTHLY = 200;
/**
 * What one caller can have at a gateway that dies: a call under way, and one that is answered while its outcome is
 * still on the way to the log; twice that while the log looks for a leader.
 */
const UNKNOWN_PER_KILL = 4 * CALLERS;

type Event = Readonly<Record<string, unknown>>;
type Role = 'gateway' | 'projector';
type Answer = Readonly<{ id: string; kind: 'served' | 'refused' | 'lost'; ms: number }>;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const readRecord = (events: readonly Event[]) => {
  const ofType = (type: string): readonly Event[] => events.filter((event) => event['type'] === type);
  const allowed = new Map(
    ofType('toolCall.decided')
      .filter((event) => event['effect'] === 'allow')
      .map((event) => [event['requestId'], event]),
  );
  const outcomes = ofType('toolCall.completed');
  return { events, allowed, outcomes, ended: new Set(outcomes.map((event) => event['callId'])) };
};

describe.skipIf(!kafkaIsHere())('two gateways and two projectors over three brokers', () => {
  let cluster: KafkaCluster;
  let database: Awaited<ReturnType<typeof testDatabase>>;
  let upstream: Upstream;
  let api: Product;
  const nodes: Record<Role, Product[]> = { gateway: [], projector: [] };
  let tenant: Tenant;
  let grant: Grant;
  let serverId: string;
  const refusals = new Map<string, number>();
  let session: Awaited<ReturnType<typeof openSession>> | undefined;

  const start = (roles: string): Promise<Product> =>
    startProduct({
      ROLES: roles,
      DATABASE_URL: database.url,
      KAFKA_BROKERS: cluster.brokers.join(','),
      MASTER_KEY: Buffer.alloc(32, 7).toString('base64'),
      UPSTREAM_ALLOW: '127.0.0.0/8',
      DATA_DIR: '/nonexistent',
    });

  beforeAll(async () => {
    [cluster, database, upstream] = await Promise.all([
      startKafka({ nodes: 3 }),
      testDatabase(),
      startUpstream({ tools: [aTool('free'), aTool('limited')], json: true }),
    ]);
    api = await start('api');
    for (const role of ['gateway', 'projector'] as const) nodes[role] = [await start(role), await start(role)];
    tenant = await signUp(api.url);
    serverId = await tenant.server(upstream.url);
    const document = {
      version: '1',
      default: 'deny',
      tools: { free: {}, limited: { limits: [{ counter: 'few', window: 'month', max: MONTHLY }] } },
    };
    grant = await tenant.grant({ serverId, policyId: await tenant.policy(serverId, document) });
  }, 240_000);

  afterAll(async () => {
    await Promise.all([api, ...nodes.gateway, ...nodes.projector].map((product) => product?.killGroup()));
    await cluster?.stop();
    await upstream?.close();
    await database?.drop();
  }, 60_000);

  const call = async (gateway: Product, id: string, tool: string): Promise<Answer['kind']> => {
    const at = { mcpUrl: `${gateway.url}/mcp/${serverId}`, token: grant.token };
    session ??= await openSession(at);
    const response = await fetch(at.mcpUrl, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${grant.token}`,
        'content-type': 'application/json',
        'mcp-session-id': session.id,
      },
      body: JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: tool, arguments: {} } }),
    });
    const text = await response.text();
    if (response.status === 200 && !text.includes('isError')) return 'served';
    const code = /"code":"(\w+)"/.exec(text)?.[1] ?? String(response.status);
    refusals.set(code, (refusals.get(code) ?? 0) + 1);
    return 'refused';
  };

  /**
   * Calls without pause, now through one gateway, now through the other; a call whose gateway died under it is lost to
   * its client.
   */
  const caller = async (name: string, stop: () => boolean, answers: Answer[]): Promise<void> => {
    for (let n = 0; !stop(); n += 1) {
      const tool = n % 10 === 0 ? 'limited' : 'free';
      const id = `${name}-${n}-${tool}`;
      const began = Date.now();
      const kind = await call(nodes.gateway[n % 2] as Product, id, tool).catch(() => 'lost' as const);
      answers.push({ id, kind, ms: Date.now() - began });
      if (kind === 'lost') await pause(20);
    }
  };

  const killOne = async (target: Role | 'broker', round: number): Promise<void> => {
    await pause(PAUSE_MS);
    if (target === 'broker') {
      const broker = cluster.node((round % 3) + 1);
      await broker.kill();
      await pause(PAUSE_MS);
      await broker.restart();
      return cluster.ready();
    }
    const index = round % 2;
    await nodes[target][index]?.killGroup();
    await pause(PAUSE_MS);
    nodes[target][index] = await start(target);
  };

  test(
    `kill -9 of a gateway, a projector and a broker, ${KILLS} times each under load: every call ` +
      'served or seen upstream is on record as allowed, every allowed call has one outcome, nothing ' +
      'twice, seq dense, usage equal to a recount, every answer in time',
    async () => {
      const answers: Answer[] = [];
      let stopped = false;
      const load = Array.from({ length: CALLERS }, (_, index) => caller(`c${index}`, () => stopped, answers));
      for (let round = 0; round < KILLS; round += 1)
        for (const target of ['gateway', 'projector', 'broker'] as const) await killOne(target, round);
      stopped = true;
      await Promise.all(load);

      const served = answers.filter((answer) => answer.kind === 'served').map((answer) => answer.id);
      expect(served.length).toBeGreaterThan(CALLERS * KILLS);
      expect(answers.filter((answer) => answer.ms >= ANSWERED_MS).length).toBeLessThanOrEqual(answers.length / 100);
      expect(Math.max(...answers.map((answer) => answer.ms))).toBeLessThan(HUNG_MS);

      const seen = upstream.seenOf('tools/call').map((one) => one.message?.['id']);
      let record = readRecord(await tenant.events());
      const missing = async (): Promise<unknown> => {
        record = readRecord(await tenant.events());
        const { allowed, ended } = record;
        return {
          undecided: [...served, ...seen].filter((id) => !allowed.has(id)),
          withoutOutcome: [...allowed.values()].filter((event) => !ended.has(event['callId'])).length,
        };
      };
      await expect.poll(missing, { timeout: 120_000, interval: 2000 }).toEqual({ undecided: [], withoutOutcome: 0 });

      const { events, allowed, outcomes, ended } = record;
      expect(ended.size).toBe(outcomes.length);
      // A decision that was given up may not be in the log; that its call was not forwarded is.
      const calls = new Set([...allowed.values()].map((event) => event['callId']));
      expect(outcomes.filter((event) => !calls.has(event['callId']) && event['status'] !== 'not_forwarded')).toEqual(
        [],
      );
      const unknown = outcomes.filter((event) => event['status'] === 'unknown').length;
      expect(unknown).toBeLessThanOrEqual(KILLS * UNKNOWN_PER_KILL);
      expect(events.map((event) => event['seq'])).toEqual(events.map((_, index) => index + 1));
      expect(new Set(events.map((event) => event['id'])).size).toBe(events.length);
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen.filter((id) => String(id).endsWith('limited')).length).toBeLessThanOrEqual(MONTHLY);
      const counted = async (): Promise<number> =>
        (
          (await tenant.api('GET', '/v1/usage?groupBy=effect&interval=day')).body['items'] as { calls: number }[]
        ).reduce((sum, item) => sum + item.calls, 0);
      await expect
        .poll(counted, { timeout: 60_000, interval: 500 })
        .toBe(events.filter((event) => event['type'] === 'toolCall.decided').length);
      const of = (kind: Answer['kind']): number => answers.filter((answer) => answer.kind === kind).length;
      process.stderr.write(
        `killed ${KILLS} × 3: ${of('served')} served, ${of('refused')} refused ` +
          `(${[...refusals].map((one) => one.join(' ')).join(', ')}), ${of('lost')} lost with their ` +
          `gateway; slowest answer ${Math.max(...answers.map((answer) => answer.ms))} ms; ${events.length} ` +
          `records, ${unknown} with an unknown outcome, ` +
          `${events.filter((event) => event['type'] === 'audit.gap').length} ` +
          `gaps\n`,
      );
    },
    300_000 + KILLS * 90_000,
  );
});
