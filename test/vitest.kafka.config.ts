import { defineConfig } from 'vitest/config';

/**
 * `npm run test:kafka`: the Kafka adapter, and the product on it, against a real Apache Kafka; needs Java 17 and, once,
 * Maven. One cluster at a time.
 */
export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/kafka/**/*.test.ts'],
    // What a library does when it is left alone: nothing of ours, and slow.
    exclude: process.env['FAULTS'] === 'full' ? [] : ['test/kafka/kafkajs-traps.test.ts'],
    globalSetup: ['test/support/global-setup.ts', 'test/support/postgres-only.ts', 'test/support/kafka-setup.ts'],
    // In CI alone: the report marks what needed its second try.
    retry: process.env['CI'] ? 1 : 0,
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // A condition that is waited for, not a time that is promised.
    expect: { poll: { timeout: 30_000 } },
    fileParallelism: false,
  },
});
