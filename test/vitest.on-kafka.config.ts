import { defineConfig } from 'vitest/config';

/** What has no product with a log in it, or is about the log that is kept in PostgreSQL. */
const NOT_HERE = {
  'test/integration/event-log/postgres-log.slow.test.ts':
    'the contract suite of the log in PostgreSQL; that of the log in Kafka is in test/kafka',
  'test/integration/event-log/postgres-reading.test.ts': 'how the log in PostgreSQL is read',
  'test/integration/event-log/silent-connection.slow.test.ts':
    'a silent connection to the log in PostgreSQL; that of a silent broker is in test/kafka',
  'test/integration/audit/writer.test.ts':
    'deliveries that repeat, skip or come late, made up over the log in PostgreSQL; those of Kafka are in test/kafka',
  'test/integration/audit/retention.slow.test.ts':
    'days of the log in PostgreSQL; in Kafka the topic has its own retention',
  'test/integration/enforcement/crash.slow.test.ts': 'crashes of a database of its own, with the log in it and without',
  'test/integration/accounts/**': 'people and credentials: their events come through the relay as all others do',
  'test/integration/servers/**': 'no log in it',
  'test/integration/upstream/**': 'no log in it',
  'test/integration/translation/**': 'no log in it',
  'test/integration/notifications/**': 'no log in it',
  'test/integration/approvals/notifications.slow.test.ts': 'no log in it',
  'test/integration/gateway/channel-pairings.slow.test.ts': 'no log in it',
  'test/integration/gateway/list-dresses.slow.test.ts': 'no log in it',
  'test/integration/policies/decision-cases.slow.test.ts': 'no log in it',
  'test/integration/api/nginx.slow.test.ts': 'no log in it',
  'test/integration/api/api-page.slow.test.ts': 'no log in it',
  'test/integration/oauth/**': 'no log in it',
  'test/integration/catalog/**': 'no log in it',
  'test/integration/proof/rotation.slow.test.ts': 'signs what is recorded in PostgreSQL, whatever log it came by',
  'test/integration/proof/self-check.slow.test.ts': 'checks what is recorded in PostgreSQL, whatever log it came by',
  'test/integration/embedded-postgres/**': 'no log in it',
  'test/integration/http-client/**': 'no log in it',
  'test/integration/platform/**': 'no log in it',
  'test/integration/log-streams/**': 'log streams send what is recorded in PostgreSQL, whatever log it came by',
  'test/integration/pages/**': 'no log in it',
  'test/integration/policies/policy-schema.test.ts': 'no log in it',
} as const;

/**
 * `npm run test:on-kafka`: the integration suite and the main path once more, with the event log of every product in a
 * real Apache Kafka; needs Java 17 and, once, Maven.
 */
export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/integration/**/*.test.ts', 'test/e2e/gitlab.slow.test.ts'],
    exclude: Object.keys(NOT_HERE),
    globalSetup: ['test/support/global-setup.ts', 'test/support/kafka-pool.ts'],
    // In CI alone: the report marks what needed its second try.
    retry: process.env['CI'] ? 1 : 0,
    testTimeout: 180_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 20_000 } },
    isolate: false,
    maxWorkers: 2,
  },
});
