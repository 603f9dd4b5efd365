import { reportFailure } from './guard.js';

/**
 * The exit code after a failure that nothing caught (`EX_SOFTWARE` of sysexits.h): neither a failed start (1) nor a
 * wanted end (0).
 */
export const CRASHED = 70;

/** How long running calls and their records get after such a failure. */
const DRAIN_MS = 8000;

type Ending = Readonly<{ drain: () => Promise<void>; exit: (code: number) => void }>;

/**
 * Makes the handler for `uncaughtException` and `unhandledRejection`. The state of the process can't be trusted after
 * the first of them: it is logged with its stack, `drain` gets 8 s to end running calls and write their records, and
 * the process exits with `CRASHED`. Further ones are only logged.
 */
export const makeLastResort = ({ drain, exit }: Ending): ((error: unknown) => void) => {
  let ending = false;
  return (error) => {
    reportFailure(
      'process',
      error,
      'a failure that nothing caught ends this process; start it again, and report this as a fault of Toolgate',
    );
    if (ending) return;
    ending = true;
    setTimeout(() => exit(CRASHED), DRAIN_MS).unref();
    drain().then(
      () => exit(CRASHED),
      () => exit(CRASHED),
    );
  };
};

/**
 * Installs the handler. Logging must not be what ends the process either: a closed standard error is no reason to stop.
 */
export const installLastResort = (drain: () => Promise<void>): void => {
  const handle = makeLastResort({ drain, exit: (code) => process.exit(code) });
  process.on('uncaughtException', handle);
  process.on('unhandledRejection', handle);
  process.stderr.on('error', () => undefined);
  process.stdout.on('error', () => undefined);
};
