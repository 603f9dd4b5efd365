import { readFile, writeFile } from 'node:fs/promises';

const FILE = new URL('expected.json', import.meta.url);

/** Extensions that the product doesn't offer are run with the rest but judged by nobody. */
export const isJudged = ({ scenario }) => !scenario.startsWith('tasks-');

/** The scenarios that failed, scored or not. */
export const failing = (scenarios) => scenarios.filter((one) => !one.passed && isJudged(one)).map(({ scenario }) => scenario);

/** Compares runs with expected.json, which names the scenarios of each pairing that may fail: `worse` fail without being named, `better` pass though named. */
export const compare = async (runs) => {
  const expected = JSON.parse(await readFile(FILE, 'utf8'));
  return runs.map((run) => {
    const mayFail = expected[run.pairing] ?? [];
    const fails = failing(run.scenarios);
    return { pairing: run.pairing, worse: fails.filter((name) => !mayFail.includes(name)), better: mayFail.filter((name) => !fails.includes(name)) };
  });
};

/** Writes what failed in these runs as what may fail; pairings that were not run keep theirs. */
export const record = async (runs) => {
  const expected = JSON.parse(await readFile(FILE, 'utf8').catch(() => '{}'));
  await writeFile(FILE, `${JSON.stringify({ ...expected, ...Object.fromEntries(runs.map((run) => [run.pairing, failing(run.scenarios)])) }, null, 2)}\n`);
};
