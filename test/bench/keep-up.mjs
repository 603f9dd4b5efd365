/**
 * Whether the projector keeps up with a gateway at saturation, each with a core of its own. On two cores they can't
 * have that at once beside the load and PostgreSQL, so they take turns: the projector is stopped while the gateway is
 * driven as fast as it goes, and afterwards records and counts what came of it.
 */
import { setTimeout as sleep } from 'node:timers/promises';

const STEP_MS = 20;
const BOUND_MS = 20_000;

const isBehind = ({ appended, recorded, counted }) => recorded < appended || counted < recorded;

/** Waits until everything appended is recorded and counted; resolves to how long that took. */
export const caughtUp = async (progress) => {
  const began = performance.now();
  while (isBehind(await progress()) && performance.now() - began < BOUND_MS) await sleep(STEP_MS);
  return (performance.now() - began) / 1000;
};

/**
 * Events a second: what the gateway makes while the projector rests, and what the projector records and counts of it
 * while the gateway does.
 */
export const measurePace = async (world, one, { connections, seconds }) => {
  const { projector, progress } = one;
  await caughtUp(progress);
  const before = await progress();
  process.kill(projector.pid, 'SIGSTOP');
  let driven;
  try {
    driven = await world.load.ask('closed', { target: one.target, connections, seconds });
  } finally {
    process.kill(projector.pid, 'SIGCONT');
  }
  // What is queued for the log when the last answer is in belongs to the load too, but is a few milliseconds' worth.
  const after = await progress();
  const drainSeconds = await caughtUp(progress);
  const events = after.appended - before.appended;
  return {
    name: one.name,
    log: one.log,
    load: 'pace',
    calls: driven.calls,
    errors: driven.errors,
    made: events / driven.seconds,
    recorded: (after.appended - after.recorded) / drainSeconds,
  };
};
