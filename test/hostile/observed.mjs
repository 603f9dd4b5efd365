/**
 * Loaded into the gateway's process. It answers the lab with what is left on the heap after collection and what is
 * open, and, on demand, watches the turns of the event loop: each turn that took more than LONG_TURN_MS of the thread's
 * own CPU (waiting for a core does not count), with the functions that it was spent in.
 */
import { readFileSync } from 'node:fs';
import { Session } from 'node:inspector';

const LONG_TURN_MS = 40;
const TICK_MS = 5;
const SHOWN_FRAMES = 14;

const heap = (reply) => {
  globalThis.gc();
  setImmediate(() => {
    globalThis.gc();
    const { heapUsed, external, rss } = process.memoryUsage();
    const open = process
      .getActiveResourcesInfo()
      .filter((name) => !name.endsWith('Wrap') || name.includes('TCP') || name.includes('Pipe'));
    reply({ heapUsed, external, rss, open });
  });
};

/** Milliseconds of CPU that the main thread used; 0 where the platform does not tell. */
const threadCpu = () => {
  try {
    return Number(readFileSync('/proc/self/schedstat', 'latin1').split(' ')[0]) / 1e6;
  } catch {
    return 0;
  }
};

const session = new Session();
session.connect();
const post = (method, params) =>
  new Promise((resolve, reject) =>
    session.post(method, params, (error, result) => (error ? reject(error) : resolve(result))),
  );
const long = [];
let timer;

const watch = async () => {
  await post('Profiler.enable');
  await post('Profiler.setSamplingInterval', { interval: 2000 });
  await post('Profiler.start');
  let [at, cpu] = [process.hrtime.bigint(), threadCpu()];
  timer = setInterval(() => {
    const [now, used] = [process.hrtime.bigint(), threadCpu()];
    if (used - cpu > LONG_TURN_MS) long.push({ from: Number(at / 1000n), to: Number(now / 1000n), cpu: used - cpu });
    [at, cpu] = [now, used];
  }, TICK_MS);
};

const nameOf = ({ functionName, url, lineNumber }) =>
  `${functionName || '(anonymous)'} ${url.replace(/^.*\/(dist|node_modules)\//, '')}:${lineNumber + 1}`;

/** Which functions the samples of a profile between two times were in, most first. */
const framesBetween = ({ nodes, samples, timeDeltas, startTime }, { from, to }) => {
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const counts = new Map();
  let at = startTime;
  let taken = 0;
  samples.forEach((sample, index) => {
    at += timeDeltas[index];
    if (at < from || at > to) return;
    taken += 1;
    const names = new Set();
    for (let id = sample; id !== undefined; id = parents.get(id)) names.add(nameOf(byId.get(id).callFrame));
    for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  });
  return [...counts]
    .toSorted(([, one], [, other]) => other - one)
    .map(([name, count]) => `${Math.round((100 * count) / taken)} % ${name}`)
    .filter((line) => !/\(root\)| node:internal/.test(line))
    .slice(0, SHOWN_FRAMES);
};

const watched = async (reply) => {
  clearInterval(timer);
  const { profile } = await post('Profiler.stop');
  const turns = long.splice(0).toSorted((one, other) => other.cpu - one.cpu);
  reply(
    turns.slice(0, 40).map((turn) => ({
      cpuMs: Math.round(turn.cpu),
      ms: Math.round((turn.to - turn.from) / 1000),
      frames: framesBetween(profile, turn),
    })),
  );
};

process.on('message', ({ ask }) => {
  const reply = (value) => process.send({ [ask]: value });
  if (ask === 'memory') heap(reply);
  if (ask === 'watch') void watch().then(() => reply(true));
  if (ask === 'turns') void watched(reply);
});
// The channel to the parent must not keep a gateway alive that wants to end.
process.channel?.unref();
