import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { runNode } from './child.mjs';

const PACKAGE = new URL('../../node_modules/@modelcontextprotocol/conformance/', import.meta.url);
const PROGRAM = fileURLToPath(new URL('dist/index.js', PACKAGE));
const PRELOAD = new URL('suite-on-node-20.mjs', import.meta.url).href;

const CLIENT = fileURLToPath(new URL('client-program.mjs', import.meta.url));
const SCENARIO_MS = 60_000;

/**
 * The scenarios that a revision's frozen requirements name for a leg, `server` or `client`: scored ones, and those that
 * are run for information.
 */
const requiredOf = async (revision, leg) => {
  const { [leg]: scored, not_scored: others = [] } = parse(
    await readFile(new URL(`requirements/${revision}.yaml`, PACKAGE), 'utf8'),
  );
  return { scored, others: others.filter((one) => one.leg === leg).map(({ scenario }) => scenario) };
};

const checksOf = async (folder, scenario) => {
  const pattern = new RegExp(`^(server-)?${scenario}-\\d{4}-`);
  const name = (await readdir(folder)).find((entry) => pattern.test(entry));
  return name === undefined
    ? undefined
    : (JSON.parse(await readFile(join(folder, name, 'checks.json'), 'utf8').catch(() => 'null')) ?? undefined);
};

const problemsOf = (checks, status) =>
  checks.filter((check) => check.status === status).map(({ id, errorMessage }) => `${id}: ${errorMessage ?? 'failed'}`);

/**
 * A scenario as the suite counts it: passed when it ran and no check of it failed. Warnings are rules the specification
 * only recommends.
 */
const summary = (scenario, scored, checks) => {
  if (checks === undefined)
    return {
      scenario,
      scored,
      passed: false,
      checks: { passed: 0, total: 0 },
      failures: ['the scenario did not run to its end'],
      warnings: [],
    };
  const failures = problemsOf(checks, 'FAILURE');
  const passed = checks.filter(({ status }) => status === 'SUCCESS').length;
  return {
    scenario,
    scored,
    passed: failures.length === 0,
    checks: { passed, total: passed + failures.length },
    failures,
    warnings: problemsOf(checks, 'WARNING'),
  };
};

/**
 * Runs what `revision` requires of servers against `url`, and answers every scenario's summary. `output` is what the
 * suite printed.
 */
export const runSuite = async ({ url, revision, timeoutMs }) => {
  const folder = await mkdtemp(join(tmpdir(), 'toolgate-conformance-'));
  try {
    const began = Date.now();
    const { code, output } = await runNode(
      ['--import', PRELOAD, PROGRAM, 'server', '--url', url, '--requirements', revision, '-o', folder],
      timeoutMs,
    );
    const { scored, others } = await requiredOf(revision, 'server');
    const named = [...scored.map((scenario) => [scenario, true]), ...others.map((scenario) => [scenario, false])];
    const scenarios = await Promise.all(
      named.map(async ([scenario, counts]) => summary(scenario, counts, await checksOf(folder, scenario))),
    );
    return { code, output, seconds: Math.round((Date.now() - began) / 1000), scenarios };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/**
 * Runs what `revision` requires of clients against the product's way to servers, with a client of `clientEra` in front
 * of it; all but the scenarios of sign-in, as the product does not sign in to servers by OAuth yet.
 */
export const runClients = async ({ clientEra, revision }) => {
  const folder = await mkdtemp(join(tmpdir(), 'toolgate-conformance-'));
  try {
    const began = Date.now();
    const { scored } = await requiredOf(revision, 'client');
    const scenarios = [];
    let output = '';
    for (const scenario of scored.filter((name) => !name.startsWith('auth/'))) {
      const run = await runNode(
        [
          '--import',
          PRELOAD,
          PROGRAM,
          'client',
          '--command',
          `${process.execPath} ${CLIENT} ${clientEra}`,
          '--scenario',
          scenario,
          '--spec-version',
          revision,
          '-o',
          folder,
        ],
        SCENARIO_MS,
      );
      output += run.output;
      scenarios.push(summary(scenario, true, await checksOf(folder, scenario)));
    }
    return { output, seconds: Math.round((Date.now() - began) / 1000), scenarios };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
