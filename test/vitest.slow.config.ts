import { defineConfig } from 'vitest/config';

/**
 * `npm run test:slow`: the files named `*.slow.test.ts`, such as real clients and servers, starts of the built product,
 * every pairing over every transport; and those named `*.scaled.test.ts` with all of their cases. Needs nothing but
 * npm.
 */
export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/{unit,integration,architecture,e2e}/**/*.{slow,scaled}.test.ts'],
    env: { SCALE: 'full' },
    globalSetup: ['test/support/global-setup.ts', 'test/support/postgres-only.ts'],
    // In CI alone: the report marks what needed its second try.
    retry: process.env['CI'] ? 1 : 0,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 10_000 } },
    isolate: false,
    maxWorkers: 4,
  },
});
