import type { Socket } from 'node:net';
import { guarded, listenTo, soon, startTimer } from '../../../platform/runtime/guard.js';
import { connectionFailure } from '../sending/send-http.js';

/** How long a receiver may take for a batch, from connecting to having read it. */
const TIMEOUT_MS = 30_000;
const IN_SYSLOG = { where: 'syslog' };

/**
 * How long the connection stays open behind the last octet, at least: a receiver that closed it without reading is
 * heard in this time. On longer ways it is twice as long as connecting took, which is a way there and back or more.
 */
const MIN_LINGER_MS = 50;
const MAX_LINGER_MS = 2_000;

type Delivery = Readonly<{ bytes: Buffer; isTls: boolean; signal: AbortSignal }>;
export type DeliveryFailure = Readonly<{ code: string; message: string }>;

const closedEarly: DeliveryFailure = {
  code: 'connection_failed',
  message: 'the receiver closed the connection before it had read the batch',
};
const timedOut: DeliveryFailure = {
  code: 'timed_out',
  message: `the receiver did not read the batch and close the connection in ${TIMEOUT_MS / 1000} s`,
};
const stopped: DeliveryFailure = { code: 'stopped', message: 'sending was stopped' };

const lingerMs = (connectedInMs: number): number => Math.min(MAX_LINGER_MS, Math.max(MIN_LINGER_MS, 2 * connectedInMs));

/**
 * Sends bytes over a connection of their own and resolves to undefined when the receiver has read them to the end.
 *
 * Syslog has no acknowledgement. A write that succeeds has only filled the buffers of both hosts: what a receiver that
 * died or refused us had not read would be lost without a sign. So a batch ends its connection, and is taken when the
 * receiver, which reads up to that end, then ends its side too. A receiver that hangs does not; one that dies with more
 * to read resets the connection. One that ends its side first has not read all: a proxy whose receivers are away, or,
 * in TLS 1.3, a receiver that refuses our certificate, which a client learns after the handshake. To hear of those our
 * end comes a little after the last octet.
 */
export const deliverOver = (
  connect: () => Socket,
  { bytes, isTls, signal }: Delivery,
): Promise<DeliveryFailure | undefined> =>
  new Promise((resolve) => {
    const beganAt = performance.now();
    const socket = connect();
    const timers = [startTimer('syslog', TIMEOUT_MS, () => settle(timedOut))];
    let isEnded = false;
    const settle = (failure: DeliveryFailure | undefined): void => {
      for (const timer of timers) clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      socket.destroy();
      resolve(failure);
    };
    const stop = guarded('syslog', () => settle(stopped));
    const end = (): void => {
      if (socket.destroyed) return;
      isEnded = true;
      socket.end();
    };
    listenTo(socket, 'error', (error: Error) => settle(connectionFailure(error)), IN_SYSLOG);
    listenTo(socket, 'close', () => settle(closedEarly), IN_SYSLOG);
    listenTo(socket, 'end', () => settle(isEnded ? undefined : closedEarly), IN_SYSLOG);
    socket.resume();
    const sendAll = (): void => {
      const linger = lingerMs(performance.now() - beganAt);
      socket.write(bytes, (error) => {
        // A busy process hears of what has come meanwhile before it goes on.
        if (!error && !socket.destroyed) timers.push(startTimer('syslog', linger, () => soon('syslog', end)));
      });
    };
    listenTo(socket, isTls ? 'secureConnect' : 'connect', sendAll, IN_SYSLOG);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
