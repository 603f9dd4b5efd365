import { defineConfig } from 'vitest/config';

/** `npm run test:browser`: the public pages in a headless Chromium, which must be installed. */
export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/browser/**/*.test.mjs'],
    globalSetup: ['test/support/global-setup.ts', 'test/support/postgres-only.ts'],
    // In CI alone: the report marks what needed its second try.
    retry: process.env['CI'] ? 1 : 0,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // A condition that is waited for, not a time that is promised.
    expect: { poll: { timeout: 20_000 } },
    fileParallelism: false,
  },
});
