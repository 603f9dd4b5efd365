import { startTimer } from './guard.js';
import { errorText, log } from './log.js';

/** One poll; resolves to the milliseconds until the next is due, 0 for at once. */
export type Poll = () => Promise<number>;

/** `wake` makes the next poll due at once, also when one is running; `stop` resolves when none is. */
export type PollingLoop = Readonly<{ wake: () => void; stop: () => Promise<void> }>;

/**
 * Polls again and again until it is stopped, never two at a time. A poll that fails is logged under `failed` (with the
 * reason, without values of its own) and repeated after `retryDelayMs`.
 */
export const startPollingLoop = (
  poll: Poll,
  onFailure: Readonly<{ failed: string; retryDelayMs: number; fields?: Readonly<Record<string, string>> }>,
): PollingLoop => {
  let stopping = false;
  let woken = false;
  let wakeUp: () => void = () => undefined;
  const sleep = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = startTimer('polling_loop', ms, resolve);
      wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  const run = async (): Promise<void> => {
    while (!stopping) {
      woken = false;
      const pauseMs = await poll().catch((error: unknown) => {
        if (!stopping) log.warn(`${onFailure.failed}; trying again`, { ...onFailure.fields, error: errorText(error) });
        // What `wake` asked for would fail alike: a failed poll always waits.
        woken = false;
        return onFailure.retryDelayMs;
      });
      if (pauseMs > 0 && !woken && !stopping) await sleep(pauseMs);
    }
  };
  const running = run();
  const wake = (): void => {
    woken = true;
    wakeUp();
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
