import { defineConfig } from 'vitest/config';

/**
 * `npm run test:receivers`: log streams to real receivers: rsyslog, syslog-ng, an OpenTelemetry collector, an S3 server
 * and Apache Kafka; to what is written from its vendor's documents where there is none to be had.
 */
export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/receivers/**/*.test.ts'],
    globalSetup: [
      'test/support/global-setup.ts',
      'test/support/postgres-only.ts',
      'test/support/kafka-setup.ts',
      'test/receivers/setup.ts',
    ],
    // In CI alone: the report marks what needed its second try.
    retry: process.env['CI'] ? 1 : 0,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // A condition that is waited for, not a time that is promised.
    expect: { poll: { timeout: 20_000 } },
    isolate: false,
    maxWorkers: 2,
  },
});
