import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { openKafkaLog } from '../../src/record/event-log/kafka/log.js';
import type { KafkaConfig } from '../../src/platform/settings/config.js';
import { Ledger, PARTITIONS, entry, until } from '../support/event-log-contract.js';
import { kafkaIsHere, startKafka, type KafkaCluster } from '../support/kafka-cluster.js';
import { kafkaConfig } from '../support/kafka-log.js';
import { USER, makeAuthority, securedListeners } from '../support/kafka-security.js';
import { connect, signUp } from '../support/tenant.js';
import { startTestToolgate } from '../support/toolgate.js';
import { aTool, startUpstream } from '../support/upstream.js';

const DAY_MS = 86_400_000;
const MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;
type Mechanism = (typeof MECHANISMS)[number];

describe.skipIf(!kafkaIsHere())('a Kafka that wants TLS or a sign-in', () => {
  let folder: string;
  let caFile: string;
  let otherCaFile: string;
  let cluster: KafkaCluster;
  const said: string[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'toolgate-certificates-'));
    const [authority, other] = await Promise.all([makeAuthority(folder, 'ours'), makeAuthority(folder, 'theirs')]);
    caFile = authority.caFile;
    otherCaFile = other.caFile;
    const right = await authority.issue('IP:127.0.0.1');
    const wrong = await makeAuthority(folder, 'ours-again').then((again) => again.issue('DNS:broker.example'));
    cluster = await startKafka({ nodes: 1, listeners: securedListeners(right, wrong) });
  });

  afterAll(async () => {
    await cluster?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const at = (listener: string, more: Partial<KafkaConfig>): KafkaConfig => ({
    ...kafkaConfig([cluster.listener(listener)]),
    ...more,
  });
  const signIn = (mechanism: Mechanism, password = USER.password): Pick<KafkaConfig, 'sasl'> => ({
    sasl: { mechanism, username: USER.username, password },
  });

  /** Appends, reads back and follows as a member of the readers' group; resolves to what it read. */
  const use = async (config: KafkaConfig, text: string): Promise<void> => {
    const log = await openKafkaLog(config, PARTITIONS, DAY_MS);
    try {
      const { partition, offset } = await log.append('toolgate.decisions', entry('org_1', text));
      expect((await log.read('toolgate.decisions', partition, offset, 1)).map(({ value }) => value.toString())).toEqual(
        [text],
      );
      const ledger = new Ledger();
      ledger.moveTo('toolgate.decisions', partition, offset);
      const subscription = await log.subscribe({ ...ledger, batchSize: 10 });
      await until(() => ledger.values().includes(text));
      await subscription.stop();
      await expect(log.ready()).resolves.toBeUndefined();
    } finally {
      await log.close();
    }
  };

  const refusal = (config: KafkaConfig): Promise<string> =>
    openKafkaLog(config, PARTITIONS, DAY_MS).then(
      (log) => log.close().then(() => 'it opened'),
      (error: Error) => error.message,
    );

  test('TLS: the broker shows a certificate of the authority in KAFKA_SSL_CA_FILE', async () => {
    await use(at('TLS', { ssl: true, caFile }), 'by TLS');
  });

  test.each(MECHANISMS)('a sign-in by %s, with and without TLS', async (mechanism) => {
    await use(at('SIGNIN', signIn(mechanism)), `by ${mechanism}`);
    await use(at('BOTH', { ...signIn(mechanism), ssl: true, caFile }), `by ${mechanism} and TLS`);
  });

  test.each(MECHANISMS)(
    'a wrong password is refused by %s, and stands in no message and no log line',
    async (mechanism) => {
      const written = vi.spyOn(process.stderr, 'write').mockImplementation((line) => said.push(String(line)) > 0);
      const wrong = 'not-the-password-4711';
      const message = await refusal(at('SIGNIN', signIn(mechanism, wrong))).finally(() => written.mockRestore());
      expect(message).toMatch(/authentication/i);
      expect([message, ...said].filter((line) => line.includes(wrong) || line.includes(USER.password))).toEqual([]);
    },
  );

  test('a certificate of another authority, or for other names, is refused, and so is a plain connection', async () => {
    expect(await refusal(at('TLS', { ssl: true, caFile: otherCaFile }))).toMatch(/certificate|signature/i);
    expect(await refusal(at('WRONG', { ssl: true, caFile: join(folder, 'ours-again-ca.pem') }))).toMatch(
      /IP: 127\.0\.0\.1 is not in the cert's list/,
    );
    expect(await refusal(at('TLS', {}))).not.toBe('it opened');
  });

  test('the product by its settings: a call is on record', async () => {
    const upstream = await startUpstream({ tools: [aTool('echo')] });
    const toolgate = await startTestToolgate({
      KAFKA_BROKERS: cluster.listener('BOTH'),
      KAFKA_PARTITIONS: String(PARTITIONS),
      KAFKA_SSL: 'true',
      KAFKA_SSL_CA_FILE: caFile,
      KAFKA_SASL_MECHANISM: 'scram-sha-512',
      KAFKA_SASL_USERNAME: USER.username,
      KAFKA_SASL_PASSWORD: USER.password,
    });
    try {
      const tenant = await signUp(toolgate.url);
      const serverId = await tenant.server(upstream.url);
      const client = await connect(
        await tenant.grant({ serverId, policyId: await tenant.policy(serverId, { version: '1', default: 'allow' }) }),
      );
      await client.callTool({ name: 'echo', arguments: {} });
      await client.close();
      await expect
        .poll(
          async () =>
            (await tenant.events())
              .filter((event) => event['type'] === 'toolCall.completed')
              .map((event) => event['status']),
          { timeout: 30_000 },
        )
        .toEqual(['ok']);
    } finally {
      await toolgate.close();
      await upstream.close();
    }
  });
});
