/**
 * `npm run bench`: what a call costs directly, through a raw relay and through Toolgate, with no log, with the log in
 * PostgreSQL and with the log in Kafka, by clients and servers of both eras, in interleaved rounds, first all that
 * needs no log and then the rest; whether the projector keeps up; what a decision costs by itself; and whether the
 * budget holds. Only ratios within one run say anything: they are of medians over the rounds. Everything runs on
 * 127.0.0.1 and a temporary folder, and ends by itself in about six minutes. `npm run bench -- decide` measures the
 * decision alone, in seconds.
 *
 * --quick        shorter runs (about 2 minutes)
 * --no-gate      exit code 0 even when the budget does not hold
 * --no-kafka     leaves out what needs Kafka; else KAFKA_BROKERS is used, or a broker is started where Java and Maven
 *                are
 * --json=FILE    everything measured, as JSON
 * --against=DIR  also measures the gateways of another build (its dist, beside its migrations and node_modules) in a
 *                database of their own, as `other …`
 * --restarts=N   measures N times with new processes, each for a shorter time, and compares within each: a process
 *                keeps what its compiler chose, so that two of the same build differ by up to a fifth. Wants
 *                --no-kafka, as topics can't begin anew
 * --warm=N       warms each target up with N calls at each load, for at most a minute: the compiler works beside the
 *                calls for some 100,000 of them, and its CPU time counts
 * --part=P       only what needs no log (`without`), or only the rest (`with`). Eight restarts of `without`, with
 *                --loads=128,32 and --against, take less than eight minutes
 * --only=A,B     only these targets, beside direct and the relays
 * --loads=A,B    only these of 128, 32, list, open, pace
 * --profile=DIR  CPU profiles of the gateways and projectors; the figures then hold what profiling costs
 */
import { rmSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { decisionsText, judgeDecisions, measureDecisions } from './decide.mjs';
import { caughtUp, measurePace } from './keep-up.mjs';
import { cores, cpuOf, cpuOfFamily, endAll, familyGrowth } from './processes.mjs';
import { againstText, budgetText, judge, paceText, summarize, table } from './report.mjs';

const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    'no-gate': { type: 'boolean', default: false },
    'no-kafka': { type: 'boolean', default: false },
    json: { type: 'string' },
    against: { type: 'string' },
    only: { type: 'string' },
    loads: { type: 'string', default: '128,32,list,open,pace' },
    profile: { type: 'string' },
    rounds: { type: 'string' },
    part: { type: 'string' },
    warm: { type: 'string' },
    restarts: { type: 'string', default: '1' },
    dist: { type: 'string', default: fileURLToPath(new URL('../../dist', import.meta.url)) },
  },
});

const restarts = Math.max(1, Number(given.restarts));
// Warming up goes by calls, as the compiler does.
const WHOLE = given.quick
  ? {
      warm: { seconds: 2, maxCalls: 10_000 },
      turns: { without: 1, with: 1 },
      seconds: 0.6,
      paceSeconds: 0.6,
      openSeconds: 1,
      boundMs: 240_000,
    }
  : {
      warm: { seconds: 5, maxCalls: 30_000 },
      turns: { without: 4, with: 3 },
      seconds: 0.5,
      paceSeconds: 1.5,
      openSeconds: 2.5,
      boundMs: 420_000,
    };
// Many processes tell more than many rounds of one.
const chosen =
  restarts > 1
    ? { ...WHOLE, warm: { seconds: 1.5, maxCalls: 10_000 }, turns: { without: 2, with: 2 }, seconds: 0.4 }
    : WHOLE;
const plan = given.warm === undefined ? chosen : { ...chosen, warm: { seconds: 60, maxCalls: Number(given.warm) } };
const rounds = restarts > 1 ? Math.max(2, Number(given.rounds ?? 3)) : Math.max(5, Number(given.rounds ?? 5));
const wanted = given.loads.split(',');
const PER_SECOND = 200;
const LOADS = ['128', '32', 'list', 'open', 'pace'];
// A shared machine is now faster, now slower, for a second or so: many short turns tell CPU times apart where a few
// long ones don't.
const turnsOf = (load, log) => (load === 'open' || load === 'pace' ? 1 : plan.turns[log]);
const say = (text) => process.stderr.write(`${text}\n`);

const behind = ({ projector, progress }) => ({ projector, progress });

const unlogged = ({ gateways: { bare, modernBare } }, prefix) =>
  bare === undefined
    ? []
    : [
        { name: `${prefix}bare`, ...bare, target: bare.unlimited, loads: ['128', '32', 'list'] },
        {
          name: `${prefix}modern bare`,
          ...modernBare,
          target: modernBare.modern,
          base: 'modern relay',
          loads: ['128', '32'],
        },
      ];

const loggedIn = ({ gateways: { logged }, ...world }, prefix) =>
  logged === undefined
    ? []
    : [
        { name: `${prefix}log`, ...logged, ...behind(world), target: logged.unlimited, loads: ['128'] },
        {
          name: `${prefix}log+limit`,
          ...logged,
          ...behind(world),
          target: logged.limited,
          loads: ['128', '32', 'open', 'pace'],
        },
        {
          name: `${prefix}modern log+limit`,
          ...logged,
          ...behind(world),
          target: logged.modernLimited,
          base: 'modern relay',
          loads: ['128'],
        },
      ];

/** What stands in both parts of the run, to be compared with. */
const baseTargets = (world, { direct, relay, modern }) => [
  { name: 'direct', target: world.direct, loads: direct },
  {
    name: 'relay',
    process: world.relays.legacy,
    target: { ...world.direct, port: world.relays.legacy.ready.port },
    loads: relay,
  },
  {
    name: 'modern relay',
    process: world.relays.modern,
    target: { ...world.direct, era: 'modern', port: world.relays.modern.ready.port },
    loads: modern,
  },
];

// What the log leaves behind, in PostgreSQL and Kafka, goes on for minutes and takes from whoever is measured beside
// it: what needs no log comes before it.
const targetsOf = (world) => {
  const kafka = world.inKafka;
  const parts = {
    without: [
      ...baseTargets(world, {
        direct: restarts > 1 ? [] : ['128', '32'],
        relay: ['128', '32', 'list'],
        modern: ['128', '32'],
      }),
      ...unlogged(world.inPostgres, ''),
      ...(world.other ? unlogged(world.other, 'other ') : []),
    ],
    with: [
      ...baseTargets(world, { direct: ['open'], relay: ['128', '32', 'open'], modern: ['128'] }),
      ...loggedIn(world.inPostgres, ''),
      ...(world.other ? loggedIn(world.other, 'other ') : []),
      ...(kafka
        ? [
            {
              name: 'kafka+limit',
              ...kafka.gateways.logged,
              ...behind(kafka),
              brokers: world.brokers,
              target: kafka.gateways.logged.limited,
              loads: ['128', '32', 'open', 'pace'],
            },
          ]
        : []),
    ],
  };
  const isWanted = ({ name, target }) =>
    target && (!given.only || /^direct$|relay$/.test(name) || given.only.split(',').includes(name));
  return Object.entries(parts)
    .filter(([log]) => given.part === undefined || given.part === log)
    .map(([log, targets]) => [
      log,
      targets
        .filter(isWanted)
        .map((one) => ({ ...one, log, loads: one.loads.filter((load) => wanted.includes(load)) }))
        .filter(({ loads }) => loads.length > 0),
    ]);
};

const requestOf = (load, target, bounds) =>
  load === 'open'
    ? ['open', { target, connections: 64, seconds: plan.openSeconds, perSecond: PER_SECOND }]
    : [
        'closed',
        {
          target: load === 'list' ? { ...target, list: true } : target,
          connections: load === 'list' ? 32 : Number(load),
          ...bounds,
        },
      ];

const perCall = (micros, calls) => (micros === undefined || Number.isNaN(micros) ? undefined : micros / calls);

/** What a target and what stands behind it have used and written so far. */
const read = async (world, one) => ({
  cpu: one.process && (await cpuOf(one.process)),
  projector: one.projector && (await cpuOf(one.projector)),
  postgres: one.projector && cpuOfFamily(world.postgres.pid),
  brokers: one.brokers?.map(cpuOfFamily),
});

const grownBy = (before, after) =>
  after?.reduce((sum, family, index) => sum + (familyGrowth(before[index], family) ?? Number.NaN), 0);

/** What stands behind the gateway is measured until it is up to date again. */
const measure = async (world, one, load, bounds = { seconds: plan.seconds }) => {
  const before = await read(world, one);
  const [kind, request] = requestOf(load, one.target, bounds);
  const { calls, seconds, errors, firstError, p50, p99 } = await world.load.ask(kind, request);
  if (firstError) say(`${one.name}, ${load}: ${errors} wrong answers, the first:\n${firstError}`);
  const { cpu } = await read(world, one);
  const behindSeconds = one.progress && (await caughtUp(one.progress));
  const after = await read(world, one);
  return {
    name: one.name,
    log: one.log,
    base: one.base ?? 'relay',
    load,
    calls,
    errors,
    rate: calls / seconds,
    p50,
    p99,
    cpu: perCall(cpu - before.cpu, calls),
    projectorCpu: perCall(after.projector - before.projector, calls),
    postgresCpu: perCall(familyGrowth(before.postgres, after.postgres), calls),
    brokersCpu: perCall(grownBy(before.brokers, after.brokers), calls),
    behindSeconds,
  };
};

const cpuText = () =>
  `${cpus().length} cores of ${cpus()[0]?.model.trim()}; load average ${loadavg()
    .map((one) => one.toFixed(1))
    .join(' ')}`;

const pinText = () =>
  cores
    ? `pinned: each gateway to core ${cores.gateway}, load and upstream to ${cores.load}, PostgreSQL, ` +
      `Kafka and the projector to ${cores.rest}`
    : 'not pinned: taskset is not here, or there is one core';

/** The gateways of one part of the run, and what stands behind them. */
const profiledIn = ({ inPostgres, inKafka }, log) => {
  if (!given.profile) return [];
  if (log === 'without')
    return Object.entries({ bare: inPostgres.gateways.bare, modernBare: inPostgres.gateways.modernBare });
  return Object.entries({
    logged: inPostgres.gateways.logged,
    projector: { process: inPostgres.projector },
    ...(inKafka ? { kafka: inKafka.gateways.logged, kafkaProjector: { process: inKafka.projector } } : {}),
  });
};

const turnOf = async (world, load, targets) => {
  const runs = [];
  for (const one of targets)
    if (one.loads.includes(load))
      runs.push(
        await (load === 'pace'
          ? measurePace(world, one, { connections: 128, seconds: plan.paceSeconds })
          : measure(world, one, load)),
      );
  return runs;
};

/** Targets take turns within a round, the other way round in every second one. */
const roundsOf = async (world, log, targets) => {
  const warming = (one) =>
    one.loads.filter((load) => load === 'list' || load === (one.loads.includes('128') ? '128' : '32'));
  for (const one of targets)
    for (const load of warming(one))
      await measure(world, one, load, { ...plan.warm, maxCalls: plan.warm.maxCalls / (load === 'list' ? 10 : 1) });
  const profiled = profiledIn(world, log);
  for (const [, { process }] of profiled) await process.ask('startProfile');
  const runs = [];
  for (let round = 1; round <= rounds; round += 1) {
    for (const load of LOADS)
      for (let turn = 0; turn < turnsOf(load, log); turn += 1)
        runs.push(...(await turnOf(world, load, (round + turn) % 2 === 1 ? targets : targets.toReversed())));
    say(`${log} a log: round ${round} of ${rounds} done; load average ${loadavg()[0].toFixed(1)}`);
  }
  for (const [name, { process }] of profiled)
    await process.ask('stopProfile', { file: join(resolve(given.profile), `${name}.cpuprofile`) });
  return runs;
};

const run = async (world) => {
  const runs = [];
  for (const [log, targets] of targetsOf(world))
    if (targets.some(({ name, loads }) => !/^direct$|relay$/.test(name) && loads.length > 0))
      runs.push(...(await roundsOf(world, log, targets)));
  return runs;
};

const machineText = () => `Node ${process.version}; ${cpuText()}`;

const write = async (measured) => {
  if (given.json)
    await writeFile(
      given.json,
      JSON.stringify(
        { node: process.version, cores: cores ?? null, cpu: cpuText(), rounds, turns: plan.turns, ...measured },
        null,
        2,
      ),
    );
  return measured.budget.every(({ holds }) => holds);
};

const show = async ({ runs, decisions, missing, began }) => {
  const rows = summarize(runs);
  const budget = [...judge(rows), ...judgeDecisions(decisions)];
  const without = missing ? `\nKAFKA WAS NOT MEASURED: it needs ${missing}\n` : '';
  const head =
    `${machineText()}\n${pinText()}\nmedians of ${rounds * restarts} interleaved rounds of ${plan.turns.without} ` +
    `and ${plan.turns.with} turns; ${Math.round((performance.now() - began) / 1000)} s\n${without}`;
  process.stdout.write(
    `${head}\n${table(rows)}\n\n${againstText(runs, rows)}${paceText(rows)}\n\n${decisionsText(decisions)}\n\n` +
      `${budgetText(budget)}\n`,
  );
  return write({ rows, decisions, budget, runs, kafka: missing ? 'not measured' : 'measured' });
};

const decideAlone = async () => {
  const decisions = await measureDecisions(resolve(given.dist));
  const budget = judgeDecisions(decisions);
  process.stdout.write(`${machineText()}\n\n${decisionsText(decisions)}\n\n${budgetText(budget)}\n`);
  return write({ decisions, budget });
};

const wholeBench = async () => {
  const began = performance.now();
  const dataDir = await mkdtemp(join(tmpdir(), 'toolgate-bench-'));
  const bound = setTimeout(
    () => {
      say('The bench took too long and was stopped.');
      process.exit(1);
    },
    (given.against || given.profile || rounds > 5 ? 1_200_000 : plan.boundMs) * restarts,
  );
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));
  process.once('exit', () => {
    endAll();
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
  });
  const decisions = await measureDecisions(resolve(given.dist));
  // Only now, as what these load would make the decisions slower.
  const [{ openKafka }, { startWorld }] = await Promise.all([import('./kafka.mjs'), import('./world.mjs')]);
  const kafka = given['no-kafka'] ? { missing: 'to be asked for: --no-kafka was given' } : await openKafka();
  if (kafka.missing) say(`KAFKA IS NOT MEASURED: it needs ${kafka.missing}`);
  const runs = [];
  try {
    for (let restart = 1; restart <= restarts; restart += 1) {
      if (restarts > 1) say(`processes ${restart} of ${restarts}`);
      const measured = await runAnew(startWorld, join(dataDir, String(restart)), kafka);
      runs.push(...measured.map((one) => ({ ...one, restart })));
    }
    return await show({ runs, decisions, missing: kafka.missing, began });
  } finally {
    clearTimeout(bound);
    await kafka.stop?.();
  }
};

/** One run with processes of its own. */
const runAnew = async (startWorld, dataDir, kafka) => {
  const against = given.against && resolve(given.against);
  const world = await startWorld({ dist: resolve(given.dist), dataDir, against, kafka, part: given.part });
  try {
    return await run(world);
  } finally {
    await world.close();
  }
};

const main = () => {
  if (positionals.length > 1 || (positionals[0] ?? 'decide') !== 'decide')
    throw new Error('usage: npm run bench -- [decide] [options]');
  if (restarts > 1 && !given['no-kafka']) throw new Error('--restarts wants --no-kafka');
  if (!['without', 'with', undefined].includes(given.part)) throw new Error('--part is `without` or `with`');
  return positionals[0] === 'decide' ? decideAlone() : wholeBench();
};

Promise.resolve()
  .then(main)
  .then(
    (held) => process.exit(held || given['no-gate'] ? 0 : 1),
    (error) => {
      say(error.stack);
      process.exit(1);
    },
  );
