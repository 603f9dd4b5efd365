import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kafkaIsHere, startKafka, type KafkaCluster } from '../support/kafka-cluster.js';
import { readOnConsole } from '../support/kafka-console.js';
import { everyEnd } from '../support/kafka-log.js';
import { connect, signUp, textOf } from '../support/tenant.js';
import { startTestToolgate, type TestToolgate } from '../support/toolgate.js';
import { aTool, startUpstream, type Upstream } from '../support/upstream.js';

type Event = Readonly<Record<string, unknown>>;

const CALLS = 3;
/** Two seconds for the log, and what a busy machine adds; kafkajs by itself would give up after five. */
const REFUSED_MS = 4500;

describe.skipIf(!kafkaIsHere())('Toolgate on Kafka', () => {
  let cluster: KafkaCluster;
  let toolgate: TestToolgate;
  let upstream: Upstream;

  beforeAll(async () => {
    cluster = await startKafka({ nodes: 1 });
    upstream = await startUpstream({ tools: [aTool('cancel_job')] });
    toolgate = await startTestToolgate({ KAFKA_BROKERS: cluster.brokers.join(',') });
  });

  afterAll(async () => {
    await toolgate?.close();
    await upstream?.close();
    await cluster?.stop();
  });

  test(
    'three calls are decided, forwarded and on record in Kafka and in the audit log, dense from 1, ' +
      'with every change before them',
    async () => {
      const tenant = await signUp(toolgate.url);
      const serverId = await tenant.server(upstream.url);
      const policyId = await tenant.policy(serverId, { version: '1', default: 'deny', tools: { cancel_job: {} } });
      const grant = await tenant.grant({ serverId, policyId });
      const client = await connect(grant);
      for (let n = 0; n < CALLS; n += 1)
        expect(textOf(await client.callTool({ name: 'cancel_job', arguments: { job_id: n } }))).toContain('cancel_job');
      await client.close();

      const recorded = async (): Promise<readonly Event[]> => (await tenant.events()) as readonly Event[];
      const ofType = (events: readonly Event[], type: string): readonly Event[] =>
        events.filter((event) => event['type'] === type);
      await expect
        .poll(async () => ofType(await recorded(), 'toolCall.completed').length, { timeout: 60_000 })
        .toBe(CALLS);
      const events = await recorded();
      expect(events.map((event) => event['seq'])).toEqual(events.map((_, index) => index + 1));
      const decisions = ofType(events, 'toolCall.decided');
      expect(decisions.map((event) => [event['effect'], event['code']])).toEqual(
        decisions.map(() => ['allow', 'allowed']),
      );
      expect(decisions.map((event) => event['callId']).sort()).toEqual(
        ofType(events, 'toolCall.completed')
          .map((event) => event['callId'])
          .sort(),
      );

      expect((await fetch(`${toolgate.url}/readyz`)).status).toBe(200);
    },
  );

  test(
    "Apache Kafka's own consumer reads every decision and every change, keyed by organization, with " +
      'the headers of CloudEvents',
    async () => {
      const tenant = await signUp(toolgate.url);
      const serverId = await tenant.server(upstream.url);
      const client = await connect(
        await tenant.grant({
          serverId,
          policyId: await tenant.policy(serverId, { version: '1', default: 'deny', tools: { cancel_job: {} } }),
        }),
      );
      for (let n = 0; n < CALLS; n += 1) await client.callTool({ name: 'cancel_job', arguments: { job_id: n } });
      await client.close();
      await expect
        .poll(async () => (await tenant.events()).filter((event) => event['type'] === 'toolCall.completed').length, {
          timeout: 60_000,
        })
        .toBe(CALLS);
      const events = await tenant.events();
      const [broker] = cluster.brokers as [string];
      const counts = await everyEnd(cluster.brokers);
      const heard = [
        ...(await readOnConsole(broker, 'toolgate.decisions', counts['toolgate.decisions'])),
        ...(await readOnConsole(broker, 'toolgate.control', counts['toolgate.control'])),
      ];
      const ours = heard.filter(({ key }) => key === tenant.organizationId);
      expect(ours.map(({ headers }) => headers['ce_id']).sort()).toEqual(events.map((event) => event['id']).sort());
      expect(ours.map(({ headers }) => headers['ce_type'])).toEqual(
        expect.arrayContaining([
          'organization.created',
          'server.registered',
          'policy.published',
          'identity.created',
          'grant.issued',
          'toolCall.decided',
          'toolCall.completed',
        ]),
      );
      for (const { key, value, headers } of heard) {
        const event = JSON.parse(value) as Event;
        expect(event['organizationId']).toBe(key);
        expect(headers).toEqual({
          ce_specversion: '1.0',
          ce_id: event['id'],
          ce_type: event['type'],
          ce_source: 'toolgate',
          ce_time: event['time'],
          ce_subject: key,
          'content-type': 'application/json',
        });
      }
    },
  );

  test(
    'while Kafka hangs no call leaves: it is refused when the two seconds of the log are over, and ' +
      'the gateway goes on when Kafka does',
    async () => {
      const tenant = await signUp(toolgate.url);
      const serverId = await tenant.server(upstream.url);
      const policyId = await tenant.policy(serverId, { version: '1', default: 'deny', tools: { cancel_job: {} } });
      const client = await connect(await tenant.grant({ serverId, policyId }));
      await client.callTool({ name: 'cancel_job', arguments: {} });
      const before = upstream.seenOf('tools/call').length;
      cluster.node(1).stop();
      try {
        const began = performance.now();
        const refused = await client.callTool({ name: 'cancel_job', arguments: {} });
        expect(performance.now() - began).toBeLessThan(REFUSED_MS);
        expect(refused).toMatchObject({
          isError: true,
          _meta: { 'io.toolgate/decision': { code: 'audit_unavailable' } },
        });
        await expect.poll(async () => (await fetch(`${toolgate.url}/readyz`)).status, { timeout: 30_000 }).toBe(503);
      } finally {
        cluster.node(1).cont();
      }
      expect(upstream.seenOf('tools/call')).toHaveLength(before);
      await expect
        .poll(async () => (await client.callTool({ name: 'cancel_job', arguments: {} })).isError ?? false, {
          timeout: 60_000,
        })
        .toBe(false);
      await client.close();
      const outcomes = async (): Promise<readonly unknown[]> =>
        (await tenant.events())
          .filter((event) => event['type'] === 'toolCall.completed')
          .map((event) => event['status']);
      await expect.poll(outcomes, { timeout: 60_000 }).toContain('not_forwarded');
      const seqs = (await tenant.events()).map((event) => event['seq']);
      expect(seqs).toEqual(seqs.map((_, index) => index + 1));
      await expect.poll(async () => (await fetch(`${toolgate.url}/readyz`)).status, { timeout: 30_000 }).toBe(200);
    },
  );
});
