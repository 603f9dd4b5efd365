/**
 * `npm run matrix`: real clients at real servers, each pair directly and through Toolgate. What the client sees of each
 * step is compared: the two transcripts are equal but for the kinds of difference in `differences.mjs`.
 *
 *   npm run matrix -- [--quick] [--only=PATTERN] [--folder=PATH] [--report=FILE] [--transcripts=FILE] [--save]
 *
 * --quick   the programs that npm ci has installed; without it also those of `others.mjs`, which it installs into a
 *           temporary folder, or into
 * --folder  this one, where they stay for the next run; those in Go and Rust are built where the machine has these
 * --soak    no pairs: fifty agents call tools while all is started anew in turn, for --minutes=10 (`soak.mjs`), with
 *           the servers --kinds=http,sse,stdio and the --restarts=gateway,kill,http,sse
 * --only    the pairs whose name this regular expression finds, such as `Python SDK 2 at .* over http`
 * --transcripts  writes what the client saw of each step, directly and through Toolgate, and how long it took
 * --save    writes what was measured to results.json, from which docs/compatibility.md is generated
 */
import { writeFile } from 'node:fs/promises';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { differenceOf } from './differences.mjs';
import { signUp, startGateway } from './gateway.mjs';
import { startClient, startServer } from './processes.mjs';
import { installOthers } from './install.mjs';
import { othersOf } from './others.mjs';
import { clients, pairsOf, servers } from './programs.mjs';
import { startCounter } from './proxy.mjs';
import { requestFault } from './requests.mjs';
import { readResults, saveResults } from './results.mjs';
import { afterRestart } from './scenarios.mjs';
import { soak } from './soak.mjs';

const { values: given } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    soak: { type: 'boolean', default: false },
    minutes: { type: 'string', default: '10' },
    kinds: { type: 'string', default: 'http,sse,stdio' },
    restarts: { type: 'string', default: 'gateway,kill,http,sse' },
    only: { type: 'string', default: '' },
    folder: { type: 'string' },
    report: { type: 'string' },
    transcripts: { type: 'string' },
    save: { type: 'boolean', default: false },
  },
});
const CONCURRENT_PAIRS = 3;

const say = (text) => process.stdout.write(`${text}\n`);
const nameOf = ({ client, server, transport }) => `${client.name} at ${server.name} over ${transport}`;

const inTurns = async (items, work) => {
  const left = [...items];
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: CONCURRENT_PAIRS }, worker));
};

/** The server of one side of a pair, and how it is reached: by a client (`target`), and by Toolgate (`transport`). */
const serve = async ({ server, transport }) => {
  if (transport === 'stdio') {
    const { command, args, env = {} } = server.stdio;
    return {
      target: { command, args, env },
      registration: { type: 'stdio', command, args, env },
      count: () => undefined,
      stop: async () => undefined,
    };
  }
  const running = await startServer(server[transport].programAt);
  const counter = await startCounter(running.port);
  const url = `http://127.0.0.1:${counter.port}${server[transport].path}`;
  return {
    target: { url, sse: transport === 'sse' },
    registration: { type: transport === 'sse' ? 'sse' : 'streamable-http', url },
    count: counter.count,
    restart: running.restart,
    stop: async () => {
      await counter.stop();
      await running.stop();
    },
  };
};

const directly = async (pair) => {
  const served = await serve(pair);
  return { ...served, requests: () => ({ client: served.count() }) };
};

const throughToolgate = async (pair, { gateway, organization }) => {
  const served = await serve(pair);
  const grant = await organization.grantFor(nameOf(pair), served.registration, pair.server.scenario.policy);
  const counter = await startCounter(gateway.port);
  const url = grant.mcpUrl.replace(`:${gateway.port}/`, `:${counter.port}/`);
  const before = served.count();
  return {
    ...served,
    target: { url, headers: { authorization: `Bearer ${grant.token}` } },
    registered: grant.server.status,
    requests: () => ({
      client: counter.count(),
      upstream: before === undefined ? undefined : served.count() - before,
    }),
    stop: async () => {
      await counter.stop();
      await served.stop();
    },
  };
};

/** Connects, and takes all steps; the requests are those of connect, list and the first call. */
const play = async (side, pair) => {
  const { client, server } = pair;
  const program = startClient(client.program());
  const target = (client.targetOf ?? ((same) => same))(side.target);
  const began = Date.now();
  const connected = await program.ask('connect', target);
  const transcript = { connect: connected.failed ? { failed: connected.failed } : connected.ok };
  const played = { ...side, program, target, transcript, took: { connect: Date.now() - began } };
  if (!connected.failed)
    await take(server.scenario.steps, client, played, (name) => {
      if (name === 'call') played.requests = side.requests();
    });
  return played;
};

/** The steps that this client is able to take, one after the other. */
const take = async (steps, { only }, { program, transcript, took }, onTaken = () => undefined) => {
  for (const [name, step] of Object.entries(steps)) {
    if (only && !only.includes(name)) continue;
    const began = Date.now();
    transcript[name] = await step(program);
    took[name] = Date.now() - began;
    onTaken(name);
  }
};

const begin = async (pair, world) => {
  const sides = await Promise.all([
    directly(pair).then((side) => play(side, pair)),
    throughToolgate(pair, world).then((side) => play(side, pair)),
  ]);
  say(`   ${nameOf(pair)}`);
  return { pair, direct: sides[0], through: sides[1] };
};

/** What is left of the sessions after Toolgate, and then each server, was started anew. */
const restart = async (played, { gateway }) => {
  await gateway.restart();
  await inTurns(played, async ({ pair, direct, through }) => {
    const { again } = pair.server.scenario;
    if (direct.transcript.connect.failed || through.transcript.connect.failed) return;
    direct.transcript['gateway restart'] = { session: 'kept', result: await again(direct.program) };
    through.transcript['gateway restart'] = await afterRestart(through.program, through.target, again);
    if (direct.restart) {
      await Promise.all([direct.restart(), through.restart()]);
      direct.transcript['upstream restart'] = await afterRestart(direct.program, direct.target, again);
      through.transcript['upstream restart'] = await afterRestart(through.program, through.target, again);
    }
    // Last, as a session in which the tools have changed is not begun anew; and in a session of their own, as clients
    // give up the stream for notifications when a restart takes long.
    const { changes } = pair.server.scenario;
    if (changes)
      await Promise.all(
        [direct, through].map(async (side) => {
          await side.program.ask('close');
          await side.program.ask('connect', side.target);
          await take(changes, pair.client, side);
        }),
      );
  });
};

/** The cells of one pair: for each step `equal`, the kind of its difference, or both transcripts where that is new. */
const judge = ({ pair, direct, through }) => {
  const steps = {};
  const faults = [];
  for (const step of new Set([...Object.keys(direct.transcript), ...Object.keys(through.transcript)])) {
    const seen = { step, pair, direct: direct.transcript[step], through: through.transcript[step] };
    if (isDeepStrictEqual(seen.direct, seen.through)) {
      steps[step] = 'equal';
      continue;
    }
    steps[step] = differenceOf(seen) ?? 'new';
    if (steps[step] === 'new') faults.push(seen);
  }
  const { client, server, transport } = pair;
  const requests = {
    direct: direct.requests?.client,
    client: through.requests?.client,
    upstream: through.requests?.upstream,
  };
  return { client: client.name, server: server.name, transport, steps, requests, faults };
};

const show = ({ step, direct, through }) =>
  say(
    `      ${step}\n        directly: ${JSON.stringify(direct)}\n        through Toolgate: ${JSON.stringify(through)}`,
  );

const playAll = async (pairs, others) => {
  const unique = (names) => [...new Set(names)];
  const gateway = await startGateway({
    commands: unique(pairs.map(({ server }) => server.stdio?.command ?? process.execPath)),
    variables: unique(pairs.flatMap(({ server }) => Object.keys(server.stdio?.env ?? {}))),
  });
  const played = [];
  try {
    const world = { gateway, organization: await signUp(gateway.port) };
    await inTurns(pairs, async (pair) => played.push(await begin(pair, world)));
    await restart(played, world);
  } catch (error) {
    say(`The last words of Toolgate:\n${gateway.output().slice(-4000)}`);
    throw error;
  } finally {
    const sides = played.flatMap(({ direct, through }) => [direct, through]);
    await Promise.all(sides.map(({ program }) => program.end()));
    await Promise.all(sides.map((side) => side.stop()));
    await gateway.stop();
    await others?.remove();
  }
  return played;
};

const tell = ({ name, steps, requests: { direct, client, upstream }, faults }) => {
  const differs = Object.entries(steps)
    .filter(([, kind]) => kind !== 'equal')
    .map(([step, kind]) => `${step}: ${kind}`);
  const requests = `requests ${direct ?? '-'} directly, ${client ?? '-'} + ${upstream ?? '-'}`;
  say(`${faults.length > 0 ? 'FAILED' : 'ok    '} ${name} (${requests}): ${differs.join(', ') || 'equal'}`);
  for (const fault of faults) show(fault);
};

const transcriptsOf = ({ pair, direct, through }) => {
  const sideOf = ({ transcript, took }) => ({ transcript, took });
  return { name: nameOf(pair), direct: sideOf(direct), through: sideOf(through) };
};

const main = async () => {
  const began = Date.now();
  const others = given.quick ? undefined : await installOthers(given.folder, say);
  const more = others ? await othersOf(others.folder) : { clients: [], servers: [] };
  const all = pairsOf([...clients, ...more.clients], [...servers, ...more.servers]);
  const pairs = all.filter((pair) => new RegExp(given.only).test(nameOf(pair)));
  const played = await playAll(pairs, others);
  const rows = pairs.map((pair) => judge(played.find((one) => one.pair === pair)));
  const known = [...(await readResults()), ...rows];
  for (const row of rows) row.faults.push(...[requestFault(row, known)].filter(Boolean));
  for (const [index, row] of rows.entries()) tell({ ...row, name: nameOf(pairs[index]) });
  const failed = rows.flatMap(({ faults }) => faults).length;
  const passed = rows.flatMap(({ steps }) => [...Object.values(steps), 'requests']).length - failed;
  const seconds = Math.round((Date.now() - began) / 1000);
  say(`${rows.length} pairs in ${seconds} s; ${passed} steps as they should be, ${failed} not`);
  if (given.transcripts) await writeFile(given.transcripts, JSON.stringify(played.map(transcriptsOf), null, 1));
  if (given.save)
    await saveResults(rows.filter(({ faults }) => faults.length === 0).map(({ faults: _faults, ...row }) => row));
  if (given.report) await writeFile(given.report, JSON.stringify({ passed, failed, skipped: 0 }));
  return failed === 0;
};

// What was started ends with this process, also where its time is up.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

const soaked = async () =>
  (await soak(Number(given.minutes), say, {
    kinds: given.kinds.split(','),
    restarts: given.restarts.split(','),
  })) === 0;

process.exit((given.soak ? await soaked() : await main()) ? 0 : 1);
