import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runNode, startFixture } from './child.mjs';
import { compare, isJudged, record } from './expected.mjs';
import { organization, startGateway } from './gateway.mjs';
import { startInjector } from './injector.mjs';
import { printCross, printRuns } from './report.mjs';
import { runClients, runSuite } from './suite.mjs';

/**
 * Upstreams of the session era, of both, and of 2026-07-28 alone: what is sent to each must be translated from each
 * kind of client.
 */
const FIXTURES = {
  'fixture-v1': ['fixture-v1.mjs'],
  'fixture-v2': ['fixture-v2.mjs'],
  'modern-only': ['fixture-v2.mjs', '--modern-only'],
};
const REVISIONS = ['2025-11-25', '2026-07-28'];
const CLIENT_ERAS = ['legacy', 'modern'];
const RUN_MS = 180_000;
const RESULTS = new URL('results.json', import.meta.url);

const USAGE = `npm run conformance -- [--record] [--report file] [words]
Runs the official conformance suite against each fixture, directly and through a built Toolgate, and against clients
of each era that reach the suite's own servers in the way that Toolgate does; compares with
test/conformance/expected.json.
words: only the pairings whose name has them all, such as: gateway 2025-11-25
--record: write what fails now to expected.json
--report: write how many scenarios passed, and how many failed that should not, to this file`;

const paths = Object.keys(FIXTURES).flatMap((fixture) => [
  { fixture, way: 'direct' },
  { fixture, way: 'gateway' },
]);
const pairings = [
  ...paths.flatMap((path) =>
    REVISIONS.map((revision) => ({ ...path, revision, pairing: `${path.fixture} ${path.way} ${revision}` })),
  ),
  ...CLIENT_ERAS.flatMap((clientEra) =>
    REVISIONS.map((revision) => ({ clientEra, revision, pairing: `${clientEra} client ${revision}` })),
  ),
];

const START = fileURLToPath(new URL('../../src/start.mjs', import.meta.url));

const runOne = async ({ fixture, way, clientEra, revision }, urls) => {
  if (clientEra === undefined) return runSuite({ url: urls.get(`${fixture} ${way}`), revision, timeoutMs: RUN_MS });
  const built = await runNode([START, '--build-only'], RUN_MS);
  if (built.code !== 0) throw new Error(built.output);
  return runClients({ clientEra, revision });
};

const stops = [];
const stopLater = (started) => {
  stops.push(started.stop);
  return started;
};

/** The URL that the suite is pointed at, by `fixture way`. */
const startTargets = async (wanted) => {
  const urls = new Map();
  const fixtures = Object.keys(FIXTURES).filter((name) => wanted.some(({ fixture }) => fixture === name));
  const upstreams = new Map();
  for (const name of fixtures) {
    const { url } = stopLater(await startFixture(...FIXTURES[name]));
    upstreams.set(name, url);
    urls.set(`${name} direct`, url);
  }
  if (!wanted.some(({ way }) => way === 'gateway')) return urls;
  const injectors = new Map();
  for (const name of fixtures) injectors.set(name, stopLater(await startInjector()));
  const gateway = stopLater(
    await startGateway({ allowedOrigins: [...injectors.values()].map(({ origin }) => origin) }),
  );
  const { grantFor } = await organization(await gateway.ready);
  for (const [name, injector] of injectors) {
    injector.aim(await grantFor(name, upstreams.get(name)));
    urls.set(`${name} gateway`, injector.url);
  }
  return urls;
};

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

const judge = async (compared, runs, report) => {
  if (report) {
    const failed = sum(compared.map(({ worse }) => worse.length));
    const passed = sum(runs.map(({ scenarios }) => scenarios.filter((one) => one.passed && isJudged(one)).length));
    await writeFile(report, JSON.stringify({ passed, failed, skipped: 0 }));
  }
  for (const { pairing, better } of compared)
    if (better.length > 0) console.log(`\nBetter than expected.json says, ${pairing}: ${better.join(', ')}`);
  for (const { pairing, worse } of compared)
    if (worse.length > 0) console.error(`\nWorse than expected.json says, ${pairing}: ${worse.join(', ')}`);
  return compared.every(({ worse }) => worse.length === 0);
};

const optionsOf = (args) => {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: { record: { type: 'boolean', default: false }, report: { type: 'string' } },
    });
  } catch {
    return { values: {}, positionals: ['no such pairing'] };
  }
};

const main = async (args) => {
  const { values, positionals: words } = optionsOf(args);
  const wanted = pairings.filter(({ pairing }) => words.every((word) => pairing.includes(word)));
  if (wanted.length === 0) {
    console.error(USAGE);
    return 2;
  }
  const urls = await startTargets(wanted);
  const runs = [];
  for (const one of wanted) {
    const { output, ...run } = await runOne(one, urls);
    if (run.scenarios.every(({ checks }) => checks.total === 0)) console.error(output.slice(-2000));
    runs.push({ pairing: one.pairing, ...run });
  }
  await writeFile(RESULTS, `${JSON.stringify(runs, null, 2)}\n`);
  if (values.record) await record(runs);
  const compared = await compare(runs);
  printRuns(runs, compared);
  printCross({ runs, compared, fixtures: Object.keys(FIXTURES), revisions: REVISIONS, clientEras: CLIENT_ERAS });
  console.log(`\nEvery check: ${fileURLToPath(RESULTS)}`);
  return (await judge(compared, runs, values.report)) ? 0 : 1;
};

let stopped;
const stopAll = () =>
  (stopped ??= (async () => {
    for (const stop of stops.toReversed()) await stop();
  })());

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
])
  process.once(signal, () => void stopAll().then(() => process.exit(code)));
try {
  process.exitCode = await main(process.argv.slice(2));
} finally {
  await stopAll();
}
