import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { productTest } from '../../support/product-test.js';
import { aTool, startUpstream, type Upstream } from '../../support/upstream.js';

const { test, toolgate } = productTest();
let upstream: Upstream;
test.beforeAll(async () => {
  upstream = await startUpstream({
    json: true,
    tools: ['cancel_pipeline_job', 'delete_project'].map((name) => aTool(name)),
  });
});
test.afterAll(() => upstream.close());

/** The commands of the worked example, in their order. */
const commands = async (): Promise<readonly string[]> => {
  const readme = await readFile(new URL('../../../README.md', import.meta.url), 'utf8');
  const example = readme.slice(readme.indexOf('## Worked example'), readme.indexOf('## Documentation'));
  return [...example.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, text = '']) => text);
};

/** The example uses a limit of a minute up: it has to fall into one. */
const earlyInAMinute = async (): Promise<void> => {
  while (new Date().getSeconds() > 40) await new Promise((resolve) => setTimeout(resolve, 500));
};

test('the commands of README, as they are written, lead from sign-up to a refused call and its record', async () => {
  await earlyInAMinute();
  const script = (await commands())
    .join('\necho; echo ==\n')
    .replaceAll('http://127.0.0.1:8080', toolgate.url)
    .replaceAll('http://127.0.0.1:3002/mcp', upstream.url);
  const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', script]).catch((error: unknown) => {
    throw new Error(JSON.stringify(error).slice(-1500));
  });
  const [, tools, , , calls = '', record = ''] = stdout.split('\n==\n');
  expect(tools).toContain('"delete_project"');
  expect(upstream.seen.filter(({ message }) => message?.['method'] === 'tools/call')).toHaveLength(10);
  expect(calls).toMatch(/\[POLICY DENIED\] cancel_pipeline_job: 10 per minute used up; try again in \d+ s/);
  expect(record).toContain('"toolCall.decided"');
  expect(upstream.seen[0]?.headers['private-token']).toBe('glpat-your-token');
}, 90_000);
