import type { Socket } from 'node:net';
import type { ISocketFactory } from 'kafkajs';
import { listenTo } from '../../../platform/runtime/guard.js';
import type { Outbound, TlsOptions } from '../../../platform/outbound/outbound.js';

const LENGTH_BYTES = 4;
const MIN_RESPONSE_BYTES = 4;
const MAX_RESPONSE_BYTES = 8 * 2 ** 20;
const KEEP_ALIVE_MS = 10_000;
const IN_STREAM = { where: 'kafka_stream' };

/** A SCRAM server's wish for rounds of hashing, as digits; seven of them would keep a thread busy for seconds. */
const TOO_MANY_ROUNDS = /,i=\d{7}/;
const MAX_SASL_BYTES = 4096;

const asksForTooManyRounds = (frame: Buffer): boolean =>
  frame.length <= MAX_SASL_BYTES && TOO_MANY_ROUNDS.test(frame.toString('latin1'));

/**
 * Passes on only whole responses of a sensible length. kafkajs reads a response of fewer bytes than a correlation id
 * out of bounds, in the callback of the socket, where that ends the process; it gathers one of two gigabytes; and it
 * hashes as often as a server of SCRAM asks.
 *
 * @throws RangeError for what no broker sends.
 */
export const makeFrameReader = (pass: (frame: Buffer) => void): ((chunk: Buffer) => void) => {
  let chunks: Buffer[] = [];
  let [bytes, needed] = [0, LENGTH_BYTES];
  return (chunk) => {
    chunks.push(chunk);
    bytes += chunk.length;
    while (bytes >= needed) {
      const all = Buffer.concat(chunks);
      const length = all.readInt32BE(0);
      if (length < MIN_RESPONSE_BYTES || length > MAX_RESPONSE_BYTES)
        throw new RangeError('the broker answered with a length that no response has');
      needed = LENGTH_BYTES + length;
      chunks = [all];
      if (bytes < needed) return;
      const frame = all.subarray(0, needed);
      if (asksForTooManyRounds(frame)) throw new RangeError('the broker asks for a million rounds of hashing or more');
      chunks = [all.subarray(needed)];
      bytes -= needed;
      needed = LENGTH_BYTES;
      pass(frame);
    }
  };
};

type Listener = (...args: never[]) => void;

/** Gives whoever listens for data whole frames, and an error where there is none or where the listener throws. */
const withWholeFrames = (socket: Socket): Socket => {
  const on = socket.on.bind(socket) as (event: string, listener: Listener) => Socket;
  const guardedOn = (event: string, listener: Listener): Socket => {
    if (event !== 'data') return on(event, listener);
    const read = makeFrameReader(listener as (frame: Buffer) => void);
    return on('data', (chunk: Buffer) => {
      try {
        read(chunk);
      } catch (error) {
        socket.destroy(error instanceof Error ? error : new Error('a response could not be read'));
      }
    });
  };
  socket.on = guardedOn as typeof socket.on;
  return socket;
};

/**
 * Connections for one client of a customer's Kafka, each through the guard: to the brokers that were configured and to
 * those that their metadata names. `sockets` are those that are open.
 */
export const guardedSockets = (
  outbound: Outbound,
  tls: TlsOptions | undefined,
): Readonly<{ factory: ISocketFactory; sockets: Set<Socket> }> => {
  const sockets = new Set<Socket>();
  const factory: ISocketFactory = ({ host, port, onConnect }) => {
    const socket = outbound.socket({ host, port, ...(tls === undefined ? {} : { tls }) });
    sockets.add(socket);
    listenTo(socket, 'close', () => void sockets.delete(socket), IN_STREAM);
    listenTo(socket, tls === undefined ? 'connect' : 'secureConnect', onConnect, IN_STREAM);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    return withWholeFrames(socket);
  };
  return { factory, sockets };
};
