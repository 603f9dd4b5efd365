import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const GITLAB = 'node_modules/@zereight/mcp-gitlab/build/index.js';

/** Runs `catalog:scan` as npm does, with these variables beside those that programs need. */
const scan = async (given: readonly string[], env: Readonly<Record<string, string>>): Promise<string> => {
  const { PATH, HOME } = process.env;
  const args = ['src/start.mjs', '--run', 'catalog-scan', ...given];
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    cwd: root,
    env: { PATH, HOME, ...env },
    maxBuffer: 2 ** 24,
  });
  return stdout;
};

test('catalog:scan starts the real GitLab server, and finds and classifies all of its tools', async () => {
  const env = { GITLAB_PERSONAL_ACCESS_TOKEN: 'canary-token', USE_PIPELINE: 'true' };
  const passed = Object.keys(env).flatMap((name) => ['--env', name]);
  const shown = await scan([...passed, 'node', GITLAB], env);
  const [, count] = /: (\d+) tools \(/.exec(shown) ?? [];
  const rows = shown.split('\n').filter((line) => /^\w+ +(Read|Write|Execute|Destructive|Financial) /.test(line));
  expect(rows).toHaveLength(Number(count));
  expect(rows.length).toBeGreaterThan(100);
  expect(shown).toMatch(/^cancel_pipeline_job +Execute +high /m);
  expect(shown).not.toContain('canary-token');
});
