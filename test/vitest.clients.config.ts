import { defineConfig } from 'vitest/config';
import { REAL_CLIENTS } from './vitest.config.js';

/** `npm run test:clients`: real clients of both eras, and real servers over every transport; needs nothing but npm. */
export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: REAL_CLIENTS,
    globalSetup: ['test/support/global-setup.ts'],
    // In CI alone: the report marks what needed its second try.
    retry: process.env['CI'] ? 1 : 0,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
  },
});
