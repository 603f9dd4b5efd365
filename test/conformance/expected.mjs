import { readFile, writeFile } from 'node:fs/promises';

const FILE = new URL('expected.json', import.meta.url);

/** Extensions that the product doesn't offer are run with the rest but judged by nobody. */
export const isJudged = ({ scenario }) => !scenario.startsWith('tasks-');

/** The scenarios that failed, scored or not. */
export const failing = (scenarios) =>
  scenarios.filter((one) => !one.passed && isJudged(one)).map(({ scenario }) => scenario);

const readExpected = async () => JSON.parse(await readFile(FILE, 'utf8'));

/**
 * Compares runs with expected.json, which names the scenarios of each pairing that may fail, and why: `worse` fail
 * without being named, `better` pass though named.
 */
export const compare = async (runs) => {
  const expected = await readExpected();
  return runs.map(({ pairing, scenarios }) => {
    const { fail: mayFail, why } = expected[pairing] ?? { fail: [], why: '' };
    const fails = failing(scenarios);
    return {
      pairing,
      fails,
      why,
      worse: fails.filter((name) => !mayFail.includes(name)),
      better: mayFail.filter((name) => !fails.includes(name)),
    };
  });
};

/**
 * Writes what failed in these runs as what may fail; a pairing keeps its reason, and one that was not run all it has.
 */
export const record = async (runs) => {
  const expected = await readExpected();
  for (const { pairing, scenarios } of runs) {
    const fail = failing(scenarios);
    if (fail.length === 0) delete expected[pairing];
    else expected[pairing] = { why: expected[pairing]?.why ?? 'not known', fail };
  }
  await writeFile(FILE, `${JSON.stringify(expected, null, 2)}\n`);
};
