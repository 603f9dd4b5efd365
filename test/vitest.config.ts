import { defineConfig } from 'vitest/config';

/** What starts many processes, or waits for long: `npm run test:slow`. */
export const SLOW = [
  'test/e2e/clients.test.ts',
  'test/e2e/real-servers.test.ts',
  'test/e2e/approvals.test.ts',
  'test/integration/gateway/channel-pairings.test.ts',
  'test/integration/platform/start.test.ts',
  'test/architecture/check.test.ts',
  'test/integration/embedded-postgres/embedded-postgres.test.ts',
  'test/integration/embedded-postgres/data-folder.test.ts',
  'test/integration/event-log/silent-connection.test.ts',
  'test/integration/enforcement/crash.test.ts',
];

/** `npm test`: everything that needs nothing but npm. */
export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/{unit,integration,architecture,e2e}/**/*.test.ts'],
    exclude: SLOW,
    globalSetup: ['test/support/global-setup.ts', 'test/support/postgres-only.ts'],
    // In CI alone: the report marks what needed its second try.
    retry: process.env['CI'] ? 1 : 0,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // A condition that is waited for, not a time that is promised.
    expect: { poll: { timeout: 10_000 } },
    // A worker keeps its modules from file to file: loading Nest anew for each took half of the time.
    isolate: false,
    maxWorkers: 3,
  },
});
