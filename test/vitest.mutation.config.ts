import { defineConfig } from 'vitest/config';

/**
 * What mutants of `src/policy-engine` are run against (see CONTRIBUTING.md). Promises of time are left out: under
 * such a load they would fail for any mutant.
 */
export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/unit/policy-engine/*.test.ts'],
    exclude: ['test/unit/policy-engine/hostile.scaled.test.ts'],
    testNamePattern: /^(?!.*(?:bounded (?:time|work)|does not explode))/,
    isolate: false,
    testTimeout: 20_000,
  },
});
