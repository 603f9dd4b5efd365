import type { EventEmitter } from 'node:events';
import { Counter } from 'prom-client';
import { errorText, log } from './log.js';

/** Unexpected failures by the place that caught them. Counts for the whole process, so every registry may show it. */
export const internalErrors = new Counter({
  name: 'toolgate_internal_errors_total',
  help: 'Unexpected failures in the code of Toolgate, by where they were caught; each ended one exchange or one task',
  labelNames: ['where'],
  registers: [],
});

const FRAMES = 12;

/** The frames of a stack without the message, which may quote foreign text. */
const framesOf = (error: unknown): string | undefined =>
  error instanceof Error
    ? error.stack
        ?.split('\n')
        .filter((line) => /^\s+at /.test(line))
        .slice(0, FRAMES)
        .map((line) => line.trim())
        .join(' | ')
    : undefined;

/** A `SyntaxError` quotes the text that it is about. */
const messageOf = (error: unknown): string => (error instanceof SyntaxError ? error.name : errorText(error));

/**
 * Counts an unexpected failure and logs one line with its stack. Never throws. `where` is a fixed text: it is a label
 * of a metric.
 */
export const reportFailure = (
  where: string,
  error: unknown,
  message = 'an unexpected failure ended one exchange or task',
): void => {
  internalErrors.inc({ where });
  log.error(message, { where, error: messageOf(error), stack: framesOf(error) });
};

type Work<A extends readonly unknown[]> = (...args: A) => void | Promise<unknown>;
type Failed = (error: unknown) => void;

const settle = (where: string, error: unknown, failed: Failed | undefined): void => {
  reportFailure(where, error);
  try {
    failed?.(error);
  } catch (second) {
    reportFailure(where, second);
  }
};

/**
 * Lets a promise go on by itself: a rejection is reported, then told to `failed`, which ends what the promise belonged
 * to. Never throws.
 */
export const inBackground = (where: string, promise: Promise<unknown>, failed?: Failed): void => {
  promise.catch((error: unknown) => settle(where, error, failed));
};

/**
 * Makes a callback for a socket, a stream or a timer: Node ends the process when such a callback throws or rejects.
 * What fails is reported, then told to `failed`, which ends the exchange that the callback belongs to.
 */
export const guarded =
  <A extends readonly unknown[]>(where: string, work: Work<A>, failed?: Failed): ((...args: A) => void) =>
  (...args) => {
    try {
      const running = work(...args);
      if (running instanceof Promise) inBackground(where, running, failed);
    } catch (error) {
      settle(where, error, failed);
    }
  };

/** `setTimeout` with a guarded callback. */
export const startTimer = (where: string, ms: number, work: Work<[]>, failed?: Failed): NodeJS.Timeout =>
  setTimeout(guarded(where, work, failed), ms);

/** `setInterval` with a guarded callback: a turn that fails does not end the next ones. */
export const startInterval = (where: string, ms: number, work: Work<[]>): NodeJS.Timeout =>
  setInterval(guarded(where, work), ms);

/** `setImmediate` with a guarded callback. */
export const soon = (where: string, work: Work<[]>, failed?: Failed): void =>
  void setImmediate(guarded(where, work, failed));

/** `emitter.on` with a guarded listener, which is returned so that it can be taken off. */
export const listenTo = <A extends readonly unknown[]>(
  emitter: EventEmitter,
  event: string,
  listener: Work<A>,
  { where, failed }: Readonly<{ where: string; failed?: Failed }>,
): ((...args: A) => void) => {
  const callback = guarded(where, listener, failed);
  emitter.on(event, callback);
  return callback;
};
