import { startTimer } from './guard.js';

/** What a promise resolves to; undefined when it rejects or takes longer than `timeoutMs`. */
export const within = <T>(promise: Promise<T>, timeoutMs: number): Promise<T | undefined> =>
  new Promise((resolve) => {
    const timer = startTimer('within', timeoutMs, () => resolve(undefined));
    const settle = (value?: T): void => {
      clearTimeout(timer);
      resolve(value);
    };
    promise.then(settle, () => settle());
  });
