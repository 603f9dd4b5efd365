/**
 * `npm run bench`: what a call costs directly, through a raw relay and through Toolgate, in interleaved rounds, and whether the budget holds. Only ratios
 * within one run say anything: they are of medians over the rounds. Everything runs on 127.0.0.1 and a temporary folder, and ends by itself.
 *
 * --quick        shorter runs (under 90 s instead of under 6 minutes)
 * --no-gate      exit code 0 even when the budget does not hold
 * --json=FILE    everything measured, as JSON
 * --against=DIR  also measures the gateways of another build, as `other …`
 * --only=A,B     only these targets, beside direct and relay
 * --loads=A,B    only these of 128, 32, list, open
 * --profile=DIR  CPU profiles of the gateways; the figures then hold what profiling costs
 */
import { rmSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cores, cpuOfFamily, endAll, familyGrowth } from './processes.mjs';
import { budgetText, judge, summarize, table } from './report.mjs';
import { startWorld } from './world.mjs';

const { values: given } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    'no-gate': { type: 'boolean', default: false },
    json: { type: 'string' },
    against: { type: 'string' },
    only: { type: 'string' },
    loads: { type: 'string', default: '128,32,list,open' },
    profile: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    dist: { type: 'string', default: fileURLToPath(new URL('../../dist', import.meta.url)) },
  },
});

// Warming up goes by calls, as the compiler does.
const plan = given.quick
  ? { warm: { seconds: 2, maxCalls: 10_000 }, seconds: 0.6, openSeconds: 1, boundMs: 88_000 }
  : { warm: { seconds: 8, maxCalls: 40_000 }, seconds: 2, openSeconds: 2.5, boundMs: 358_000 };
const rounds = Math.max(5, Number(given.rounds));
const DRAIN_MS = 12_000;
const PER_SECOND = 200;
const say = (text) => process.stderr.write(`${text}\n`);

const gatewayTargets = (world, { prefix, bare, logged }) => [
  { name: `${prefix}bare`, ...bare, target: bare.unlimited, loads: ['128', '32', 'list'] },
  { name: `${prefix}log`, ...logged, target: logged.unlimited, progress: world.progress, writer: world.writer, loads: ['128', '32'] },
  { name: `${prefix}log+limit`, ...logged, target: logged.limited, progress: world.progress, writer: world.writer, loads: ['128', '32', 'open'] },
];

const targetsOf = (world) => {
  const { gateways } = world.inPostgres;
  const kafka = world.inKafka;
  return [
    { name: 'direct', target: world.direct, loads: ['128', '32', 'open'] },
    { name: 'relay', process: world.relay, target: { ...world.direct, port: world.relay.ready.port }, loads: ['128', '32', 'list', 'open'] },
    ...gatewayTargets(world.inPostgres, { prefix: '', bare: gateways.bare, logged: gateways.logged }),
    ...(gateways.otherBare ? gatewayTargets(world.inPostgres, { prefix: 'other ', bare: gateways.otherBare, logged: gateways.otherLogged }) : []),
    ...(kafka ? [{ name: 'kafka+limit', ...kafka.gateways.kafka, target: kafka.gateways.kafka.limited, writer: kafka.writer, loads: ['128', '32', 'open'] }] : []),
  ]
    .filter(({ name }) => !given.only || ['direct', 'relay', ...given.only.split(',')].includes(name))
    .map((one) => ({ ...one, loads: one.loads.filter((load) => given.loads.split(',').includes(load)) }));
};

/** How long after the load the audit log was up to date, and how fast it got there. With a log elsewhere, waits until nothing more is recorded. */
const drain = async (progress) => {
  const first = await progress();
  const began = performance.now();
  let now = first;
  while (now.recorded < first.appended && performance.now() - began < DRAIN_MS) {
    await sleep(20);
    now = await progress();
  }
  const seconds = (performance.now() - began) / 1000;
  return { backlog: first.appended - first.recorded, seconds, rate: (now.recorded - first.recorded) / seconds };
};

const cpuOf = async (one) => (one ? (await one.ask('cpu')).micros : undefined);

const requestOf = (load, target, bounds) =>
  load === 'open'
    ? ['open', { target, connections: 64, seconds: plan.openSeconds, perSecond: PER_SECOND }]
    : ['closed', { target: load === 'list' ? { ...target, list: true } : target, connections: load === 'list' ? 32 : Number(load), ...bounds }];

const perCall = (micros, calls) => (micros === undefined || Number.isNaN(micros) ? undefined : micros / calls);

/** What a target and what stands behind it have used and written so far. */
const read = async (world, one) => ({
  cpu: await cpuOf(one.process),
  writer: await cpuOf(one.writer),
  postgres: one.writer && cpuOfFamily(world.postgres.pid),
  appended: (await one.progress?.())?.appended,
});

/** A backlog of less than 100 ms of appends is none: then the writer kept the gateway's pace while the load ran. */
const drainOf = async (one, appendRate) => {
  if (!one.progress) return {};
  const { backlog, seconds, rate } = await drain(one.progress);
  return { appendRate, drainSeconds: seconds, drainRate: backlog < appendRate * 0.1 ? appendRate : rate };
};

const measure = async (world, one, load, bounds = { seconds: plan.seconds }) => {
  const before = await read(world, one);
  const [kind, request] = requestOf(load, one.target, bounds);
  const { calls, seconds, errors, firstError, p50, p99 } = await world.load.ask(kind, request);
  if (firstError) say(`${one.name}, ${load}: ${errors} wrong answers, the first:\n${firstError}`);
  const { cpu, appended } = await read(world, one);
  const drained = await drainOf(one, (appended - before.appended) / seconds);
  const after = await read(world, one);
  return {
    name: one.name,
    load,
    calls,
    errors,
    rate: calls / seconds,
    p50,
    p99,
    cpu: perCall(cpu - before.cpu, calls),
    writerCpu: perCall(after.writer - before.writer, calls),
    postgresCpu: perCall(familyGrowth(before.postgres, after.postgres), calls),
    ...drained,
  };
};

const cpuText = () => `${cpus().length} cores of ${cpus()[0]?.model.trim()}; load average ${loadavg().map((one) => one.toFixed(1)).join(' ')}`;

const pinText = () => (cores ? `pinned: each gateway to core ${cores.gateway}, load and upstream to ${cores.load}, PostgreSQL and the audit writer to ${cores.rest}` : 'not pinned: taskset is not here, or there is one core');

/** Targets take turns within a round, the other way round in every second one. */
const run = async (world) => {
  const targets = targetsOf(world);
  for (const one of targets) for (const load of one.loads.filter((load) => load === '128' || load === 'list')) await measure(world, one, load, { ...plan.warm, maxCalls: plan.warm.maxCalls / (load === 'list' ? 10 : 1) });
  const profiled = given.profile ? Object.entries(world.inPostgres.gateways) : [];
  for (const [, { process }] of profiled) await process.ask('startProfile');
  const runs = [];
  for (let round = 1; round <= rounds; round += 1) {
    const order = round % 2 === 1 ? targets : targets.toReversed();
    for (const load of ['128', '32', 'list', 'open']) for (const one of order) if (one.loads.includes(load)) runs.push(await measure(world, one, load));
    say(`round ${round} of ${rounds} done; load average ${loadavg()[0].toFixed(1)}`);
  }
  for (const [name, { process }] of profiled) await process.ask('stopProfile', { file: join(resolve(given.profile), `${name}.cpuprofile`) });
  return runs;
};

const show = async (runs, began) => {
  const rows = summarize(runs);
  const budget = judge(rows);
  process.stdout.write(`Node ${process.version}; ${cpuText()}\n${pinText()}\nmedians of ${rounds} interleaved rounds; ${Math.round((performance.now() - began) / 1000)} s\n\n${table(rows)}\n\n${budgetText(budget)}\n`);
  if (given.json) await writeFile(given.json, JSON.stringify({ node: process.version, cores: cores ?? null, cpu: cpuText(), rounds, rows, budget, runs }, null, 2));
  return budget.every(({ holds }) => holds);
};

const main = async () => {
  const began = performance.now();
  const dataDir = await mkdtemp(join(tmpdir(), 'toolgate-bench-'));
  const bound = setTimeout(() => {
    say('The bench took too long and was stopped.');
    endAll();
    process.exit(1);
  }, given.against || given.profile || rounds > 5 ? 1_200_000 : plan.boundMs);
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));
  process.once('exit', () => {
    endAll();
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
  });
  const world = await startWorld({ dist: resolve(given.dist), dataDir, against: given.against && resolve(given.against), kafka: process.env.KAFKA_BROKERS });
  try {
    return await show(await run(world), began);
  } finally {
    clearTimeout(bound);
    await world.close();
  }
};

main().then(
  (held) => process.exit(held || given['no-gate'] ? 0 : 1),
  (error) => {
    say(error.stack);
    process.exit(1);
  },
);
