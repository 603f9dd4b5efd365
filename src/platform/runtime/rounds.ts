import { startTimer } from './guard.js';
import { errorText, log } from './log.js';

/** One round of the work; resolves to the milliseconds until the next is due, 0 for at once. */
export type Poll = () => Promise<number>;

/** `wake` makes the next round due at once, also when one is under way; `stop` resolves when none is. */
export type PollingLoop = Readonly<{ wake: () => void; stop: () => Promise<void> }>;

/**
 * Runs a round after the other until it is stopped, never two at a time. A round that fails is logged under `failed`
 * (with the reason, without values of its own) and comes again after `retryDelayMs`.
 */
export const startPollingLoop = (
  round: Poll,
  onFailure: Readonly<{ failed: string; retryDelayMs: number; fields?: Readonly<Record<string, string>> }>,
): PollingLoop => {
  let stopping = false;
  let woken = false;
  let rouse: () => void = () => undefined;
  const sleep = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = startTimer('rounds', ms, resolve);
      rouse = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  const run = async (): Promise<void> => {
    while (!stopping) {
      woken = false;
      const pauseMs = await round().catch((error: unknown) => {
        if (!stopping) log.warn(`${onFailure.failed}; trying again`, { ...onFailure.fields, error: errorText(error) });
        // What was woken for would fail alike: a failure always rests.
        woken = false;
        return onFailure.retryDelayMs;
      });
      if (pauseMs > 0 && !woken && !stopping) await sleep(pauseMs);
    }
  };
  const running = run();
  const wake = (): void => {
    woken = true;
    rouse();
  };
  return {
    wake,
    stop: async () => {
      stopping = true;
      wake();
      await running;
    },
  };
};
