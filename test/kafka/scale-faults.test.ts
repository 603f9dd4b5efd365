import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testDatabase } from '../support/database.js';
import { kafkaIsHere, startKafka, type KafkaCluster } from '../support/kafka-cluster.js';
import { startProduct, type Product } from '../support/product.js';
import { openSession, signUp, type Grant, type Tenant } from '../support/tenant.js';
import { aTool, startUpstream, type Upstream } from '../support/upstream.js';

const KILLS = process.env['FAULTS'] === 'full' ? 20 : 2;
const CALLERS = 12;
const PAUSE_MS = 1500;
/** Two seconds for the limits, two for the log, and what a busy machine adds. */
const ANSWERED_MS = 8000;
const MONTHLY = 200;

type Role = 'gateway' | 'projector';
type Answer = Readonly<{ id: string; kind: 'served' | 'refused' | 'lost'; ms: number }>;

describe.skipIf(!kafkaIsHere())('two gateways and two projectors over three brokers', () => {
  let cluster: KafkaCluster;
  let database: Awaited<ReturnType<typeof testDatabase>>;
  let upstream: Upstream;
  let api: Product;
  const nodes: Record<Role, Product[]> = { gateway: [], projector: [] };
  let tenant: Tenant;
  let grant: Grant;
  let serverId: string;

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
    [cluster, database, upstream] = await Promise.all([startKafka({ nodes: 3 }), testDatabase(), startUpstream({ tools: [aTool('free'), aTool('limited')], json: true })]);
    api = await start('api');
    for (const role of ['gateway', 'projector'] as const) nodes[role] = [await start(role), await start(role)];
    tenant = await signUp(api.url);
    serverId = await tenant.server(upstream.url);
    const document = { version: '1', default: 'deny', tools: { free: {}, limited: { limits: [{ counter: 'few', window: 'month', max: MONTHLY }] } } };
    grant = await tenant.grant({ serverId, policyId: await tenant.policy(serverId, document) });
  }, 120_000);

  afterAll(async () => {
    await Promise.all([api, ...nodes.gateway, ...nodes.projector].map((product) => product?.killGroup()));
    await cluster?.stop();
    await upstream?.close();
    await database?.drop();
  }, 60_000);

  /** Calls without pause, now through one gateway, now through the other; a call whose gateway died under it is lost to its client. */
  const caller = async (name: string, stop: () => boolean, answers: Answer[]): Promise<void> => {
    let session: Awaited<ReturnType<typeof openSession>> | undefined;
    for (let n = 0; !stop(); n += 1) {
      const gateway = nodes.gateway[n % 2] as Product;
      const tool = n % 10 === 0 ? 'limited' : 'free';
      const id = `${name}-${n}-${tool}`;
      const began = Date.now();
      try {
        const at = { mcpUrl: `${gateway.url}/mcp/${serverId}`, token: grant.token };
        session ??= await openSession(at);
        const response = await fetch(at.mcpUrl, {
          method: 'POST',
          headers: { authorization: `Bearer ${grant.token}`, 'content-type': 'application/json', 'mcp-session-id': session.id },
          body: JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: tool, arguments: {} } }),
        });
        const text = await response.text();
        answers.push({ id, kind: response.status === 200 && !text.includes('isError') ? 'served' : 'refused', ms: Date.now() - began });
      } catch {
        answers.push({ id, kind: 'lost', ms: Date.now() - began });
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  };

  const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

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

  test(`kill -9 of a gateway, a projector and a broker, ${KILLS} times each under load: what the upstream saw is on record, nothing twice, seq dense, usage equal to a recount, every answer in time`, async () => {
    const answers: Answer[] = [];
    let stopped = false;
    const load = Array.from({ length: CALLERS }, (_, index) => caller(`c${index}`, () => stopped, answers));
    for (let round = 0; round < KILLS; round += 1) for (const target of ['gateway', 'projector', 'broker'] as const) await killOne(target, round);
    stopped = true;
    await Promise.all(load);

    const served = answers.filter((answer) => answer.kind === 'served');
    expect(served.length).toBeGreaterThan(CALLERS * KILLS);
    expect(Math.max(...answers.map((answer) => answer.ms))).toBeLessThan(ANSWERED_MS);
    const recorded = async (): Promise<Set<unknown>> => new Set((await tenant.events('&type=toolCall.completed')).map((event) => event['callId']));
    const decided = async () => (await tenant.events('&type=toolCall.decided&effect=allow')) as readonly Record<string, unknown>[];
    const wanted = new Set(served.map((answer) => answer.id));
    const settled = async (): Promise<number> => {
      const [ended, allowed] = [await recorded(), await decided()];
      return allowed.filter((event) => wanted.has(event['requestId'] as string) && ended.has(event['callId'])).length;
    };
    await expect.poll(settled, { timeout: 60_000, interval: 1000 }).toBe(wanted.size);

    const events = await tenant.events();
    expect(events.map((event) => event['seq'])).toEqual(events.map((_, index) => index + 1));
    expect(new Set(events.map((event) => event['id'])).size).toBe(events.length);
    const allowed = new Set(events.filter((event) => event['type'] === 'toolCall.decided' && event['effect'] === 'allow').map((event) => event['requestId']));
    const seen = upstream.seenOf('tools/call').map((one) => one.message?.['id']);
    expect(seen.filter((id) => !allowed.has(id))).toEqual([]);
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.filter((id) => String(id).endsWith('limited')).length).toBeLessThanOrEqual(MONTHLY);
    const calls = events.filter((event) => event['type'] === 'toolCall.decided').length;
    const counted = async (): Promise<number> => ((await tenant.api('GET', '/v1/usage?groupBy=effect&interval=day')).body['items'] as { calls: number }[]).reduce((sum, item) => sum + item.calls, 0);
    await expect.poll(counted, { timeout: 10_000 }).toBeGreaterThanOrEqual(calls);
    expect(await counted()).toBe((await tenant.events('&type=toolCall.decided')).length);
    const of = (kind: Answer['kind']): number => answers.filter((answer) => answer.kind === kind).length;
    process.stderr.write(`killed ${KILLS} × 3: ${of('served')} served, ${of('refused')} refused, ${of('lost')} lost with their gateway; slowest answer ${Math.max(...answers.map((answer) => answer.ms))} ms; ${events.length} records\n`);
  }, 900_000);
});
