import { defineConfig } from 'vitest/config';

/**
 * `npm test`: everything that needs nothing but npm, but the files that start many processes or wait for long. Those
 * are named `*.slow.test.ts`, and are run by `npm run test:slow`. Of files named `*.scaled.test.ts` it runs a part of
 * the cases, and `npm run test:slow` all.
 */
export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/{unit,integration,architecture,e2e}/**/*.test.ts'],
    exclude: ['**/*.slow.test.ts'],
    globalSetup: ['test/support/global-setup.ts', 'test/support/postgres-only.ts'],
    // In CI alone: the report marks what needed its second try.
    retry: process.env['CI'] ? 1 : 0,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // A condition that is waited for, not a time that is promised.
    expect: { poll: { timeout: 10_000 } },
    // A worker keeps its modules from file to file: loading Nest anew for each took half of the time.
    isolate: false,
    maxWorkers: 4,
  },
});
