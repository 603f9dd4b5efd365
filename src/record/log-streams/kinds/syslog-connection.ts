import type { Socket } from 'node:net';
import { guarded, startTimer } from '../../../platform/runtime/guard.js';
import { connectionFailure } from '../sending/send-http.js';

/** How long a receiver may take for a batch, from connecting to having read it. */
const TIMEOUT_MS = 30_000;

/**
 * How long a TLS receiver that was never seen to take anything may look at our certificate before the first octet
 * leaves, unless it says sooner that it is content.
 */
const CERTIFICATE_CHECK_MS = 300;

type Delivery = Readonly<{ bytes: Buffer; isTls: boolean; isKnown: boolean; signal: AbortSignal }>;
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

/**
 * Sends bytes over a connection of their own and resolves to undefined when the receiver has read them to the end.
 *
 * Syslog has no acknowledgement. A write that succeeds has only filled the buffers of both hosts: what a receiver that
 * died or refused us had not read would be lost without a sign. So a batch ends its connection, and is taken when
 * the receiver, which reads up to that end, ends its side too. One that hangs, or refuses our certificate after the
 * handshake (in TLS 1.3 a client learns that late), does not.
 */
export const deliverOver = (
  connect: () => Socket,
  { bytes, isTls, isKnown, signal }: Delivery,
): Promise<DeliveryFailure | undefined> =>
  new Promise((resolve) => {
    const socket = connect();
    let isAllSent = false;
    const settle = (failure: DeliveryFailure | undefined): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      socket.destroy();
      resolve(failure);
    };
    const stop = guarded('syslog', () => settle(stopped));
    const timer = startTimer('syslog', TIMEOUT_MS, () => settle(timedOut));
    const sendAll = (): void => {
      socket.end(bytes, () => (isAllSent = true));
    };
    socket.on('error', (error) => settle(connectionFailure(error)));
    socket.on('close', () => settle(closedEarly));
    socket.on('end', () => settle(isAllSent ? undefined : closedEarly));
    socket.resume();
    if (!isTls) socket.once('connect', sendAll);
    else socket.once('secureConnect', () => (isKnown ? sendAll() : sendWhenContent(socket, sendAll)));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });

/** A session ticket comes after the receiver has checked our certificate; not every receiver gives one. */
const sendWhenContent = (socket: Socket, sendAll: () => void): void => {
  const send = (): void => {
    clearTimeout(timer);
    socket.off('session', send);
    if (socket.writable) sendAll();
  };
  const timer = startTimer('syslog', CERTIFICATE_CHECK_MS, send);
  socket.once('session', send);
  socket.once('close', () => clearTimeout(timer));
};
