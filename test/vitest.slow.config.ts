import { defineConfig } from 'vitest/config';
import { SLOW } from './vitest.config.js';

/**
 * `npm run test:slow`: real clients of both eras, real servers and every pairing over every transport, and the checks
 * violated; needs nothing but npm.
 */
export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: SLOW,
    globalSetup: ['test/support/global-setup.ts', 'test/support/postgres-only.ts'],
    // In CI alone: the report marks what needed its second try.
    retry: process.env['CI'] ? 1 : 0,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    isolate: false,
    maxWorkers: 2,
  },
});
