import type { Socket } from 'node:net';
import { guarded, reportFailure, soon, startInterval } from '../../platform/runtime/guard.js';
import { Connection } from './connection.js';
import { Exchange } from './exchange.js';
import { requestHead, type HttpRequest } from './request-head.js';
import type { PendingRequest, Sink } from './sink.js';

/**
 * Opens a connection to one origin, or says why not. The guard against forbidden addresses stands behind it
 * (platform/outbound).
 */
export type Connect = (done: (error: Error | null, socket: Socket | null) => void) => void;

const TICK_MS = 250;

const notSent: PendingRequest = { resume: () => undefined, abort: () => undefined };

/**
 * Keep-alive connections to one origin, as many as requests are under way at once. Nothing is retried and no redirect
 * followed. Requests of one turn of the event loop go out together at its end: by then, what an idle connection had
 * received meanwhile (its end, or bytes nobody asked for) has been seen.
 */
export class Origin {
  readonly #connect: Connect;
  readonly #idle: Connection[] = [];
  readonly #open = new Set<Connection>();
  #waiting: Exchange[] = [];
  #connecting = 0;
  #tick = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(connect: Connect) {
    this.#connect = connect;
  }

  /** Whether nothing is open, under way or wanted: then nothing is lost with it. */
  get unused(): boolean {
    return this.#open.size === 0 && this.#connecting === 0 && this.#waiting.length === 0;
  }

  /** Sends a request and its answer to `sink`. Never throws. */
  request(request: HttpRequest, sink: Sink): PendingRequest {
    const head = requestHead(request);
    if (head === undefined) {
      sink.fail({ kind: 'unreachable', sent: false, cause: { code: 'ERR_INVALID_CHAR' } });
      return notSent;
    }
    const exchange = new Exchange(head, request, sink);
    if (this.#waiting.push(exchange) === 1) soon('http_send', () => this.#sendAll());
    return exchange;
  }

  #sendAll(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const exchange of waiting) {
      if (exchange.over) continue;
      try {
        this.#send(exchange);
      } catch (error) {
        // The others of this turn still go out.
        reportFailure('http_send', error);
        exchange.fail('broken', error);
      }
    }
  }

  #send(exchange: Exchange): void {
    for (let connection = this.#idle.pop(); connection; connection = this.#idle.pop())
      if (connection.open) return connection.send(exchange);
    this.#connecting += 1;
    const connected = (error: Error | null, socket: Socket | null): void => {
      this.#connecting -= 1;
      if (error !== null || socket === null) return exchange.fail('unreachable', error);
      if (exchange.over) return void socket.destroy();
      const connection = new Connection(socket, this);
      this.#open.add(connection);
      this.#timer ??= startInterval('http_sweep', TICK_MS, () => this.#sweep()).unref();
      connection.send(exchange);
    };
    this.#connect(guarded('http_connect', connected, (cause) => exchange.fail('broken', cause)));
  }

  idle(connection: Connection): void {
    connection.idleSince = this.#tick;
    this.#idle.push(connection);
  }

  gone(connection: Connection): void {
    this.#open.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    if (this.#open.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #sweep(): void {
    this.#tick += 1;
    for (const connection of this.#open) {
      if (connection.exchange) connection.exchange.waited(TICK_MS);
      else if ((this.#tick - connection.idleSince) * TICK_MS >= connection.idleMs) connection.destroy();
    }
  }
}
