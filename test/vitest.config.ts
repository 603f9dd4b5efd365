import { defineConfig } from 'vitest/config';

/** Programs of others, each with a start of its own: `npm run test:clients`. */
export const REAL_CLIENTS = ['test/e2e/clients.test.ts', 'test/e2e/real-servers.test.ts'];

/** `npm test`: everything that needs nothing but npm. */
export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/{unit,integration,architecture,e2e}/**/*.test.ts'],
    exclude: REAL_CLIENTS,
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
