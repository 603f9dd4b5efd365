/**
 * The load generator: HTTP/1.1 on plain sockets, one request at a time on each. Every answer must be a 200 with the
 * expected result under the id that was sent, or it counts as an error. Closed loop: each connection sends its next
 * request when its answer is in. Open loop: requests leave on a clock.
 */
import { connect } from 'node:net';
import { answer } from './child.mjs';
import { callText, ID_AT, listText, MESSAGE_BYTES } from './messages.mjs';

const OK = Buffer.from('HTTP/1.1 200');

const requestBytes = ({ port, path, era, headers, list }) => {
  const body = list ? listText : callText[era];
  const lines = Object.entries({
    host: `127.0.0.1:${port}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...headers,
    'content-length': body.length,
  });
  const head = `POST ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
  return { bytes: Buffer.from(head + body), idAt: head.length + ID_AT };
};

const digits = (bytes, at) => {
  let value = 0;
  for (let i = at; i < at + 8; i += 1) value = value * 10 + (bytes[i] - 48);
  return value;
};

const isResult = (bytes, id) => {
  const from = bytes.length - MESSAGE_BYTES;
  return (
    bytes.indexOf(OK) === 0 &&
    bytes[from - 1] === 10 &&
    bytes[from - 2] === 13 &&
    bytes[from - 3] === 10 &&
    digits(bytes, from + ID_AT) === id &&
    bytes[bytes.length - 1] === 125
  );
};

/** A list only has to be a whole answer; how long it may be is not known here. */
const isWholeList = (bytes) => {
  const head = bytes.indexOf('\r\n\r\n');
  const length = Number(/content-length: *(\d+)/i.exec(bytes.latin1Slice(0, head))?.[1]);
  return head > 0 && bytes.length === head + 4 + length && bytes.indexOf('"cancel_job"', head) > 0;
};

const isWhole = (bytes) => {
  const head = bytes.indexOf('\r\n\r\n');
  if (head < 0) return false;
  return bytes.length >= head + 4 + Number(/content-length: *(\d+)/i.exec(bytes.latin1Slice(0, head))?.[1] ?? 0);
};

let nextId = 10_000_000;

class Connection {
  #socket;
  #request;
  #idAt;
  #list;
  #held;
  #id = 0;
  #sentAt = 0;
  #onAnswer;

  constructor(socket, { bytes, idAt }, list) {
    this.#socket = socket;
    this.#request = Buffer.from(bytes);
    this.#idAt = idAt;
    this.#list = list;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#data(chunk));
    socket.on('error', () => undefined);
  }

  get idle() {
    return this.#id === 0;
  }

  send(onAnswer) {
    this.#onAnswer = onAnswer;
    nextId = nextId >= 99_999_999 ? 10_000_001 : nextId + 1;
    this.#id = nextId;
    this.#request.latin1Write(String(nextId), this.#idAt);
    this.#sentAt = performance.now();
    // A copy of its own, as a socket may still hold the bytes of the last write.
    this.#socket.write(this.#request.latin1Slice(), 'latin1');
  }

  #data(chunk) {
    const bytes = this.#held === undefined ? chunk : Buffer.concat([this.#held, chunk]);
    const good = this.#list ? isWholeList(bytes) : isResult(bytes, this.#id);
    if (!good && !isWhole(bytes)) {
      this.#held = bytes;
      return;
    }
    this.#held = undefined;
    this.#id = 0;
    this.#onAnswer(this, performance.now() - this.#sentAt, good ? undefined : bytes.latin1Slice(0, 1000));
  }

  end() {
    this.#socket.destroy();
  }
}

const open = (target) =>
  new Promise((resolve, reject) => {
    const socket = connect(target.port, '127.0.0.1', () =>
      resolve(new Connection(socket, requestBytes(target), target.list === true)),
    );
    socket.once('error', reject);
  });

const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0;

const summary = (latencies, errors, firstError, seconds) => {
  const sorted = Float64Array.from(latencies).sort();
  return {
    calls: latencies.length,
    seconds,
    errors,
    firstError,
    p50: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
  };
};

const openAll = (target, connections) => Promise.all(Array.from({ length: connections }, () => open(target)));

const closedLoop = async ({ target, connections, seconds, maxCalls = Infinity }) => {
  const all = await openAll(target, connections);
  const latencies = [];
  const failed = { count: 0, first: undefined };
  const began = performance.now();
  const until = began + seconds * 1000;
  let last = began;
  await new Promise((resolve) => {
    let running = connections;
    const onAnswer = (connection, ms, error) => {
      latencies.push(ms);
      if (error !== undefined) {
        failed.count += 1;
        failed.first ??= error;
      }
      last = performance.now();
      if (last < until && latencies.length < maxCalls) connection.send(onAnswer);
      else if (--running === 0) resolve();
    };
    for (const connection of all) connection.send(onAnswer);
  });
  for (const connection of all) connection.end();
  return summary(latencies, failed.count, failed.first, (last - began) / 1000);
};

const openLoop = async ({ target, connections, seconds, perSecond }) => {
  const all = await openAll(target, connections);
  const latencies = [];
  const failed = { count: 0, first: undefined };
  const began = performance.now();
  const total = Math.round(seconds * perSecond);
  const onAnswer = (_connection, ms, error) => {
    latencies.push(ms);
    if (error === undefined) return;
    failed.count += 1;
    failed.first ??= error;
  };
  for (let sent = 0; sent < total; sent += 1) {
    const due = began + (sent * 1000) / perSecond;
    const wait = due - performance.now();
    if (wait > 0.5) await new Promise((resolve) => setTimeout(resolve, wait));
    const free = all.find((connection) => connection.idle);
    if (free) {
      free.send(onAnswer);
      continue;
    }
    failed.count += 1;
    failed.first ??= 'none was sent: every connection still waited for an answer';
  }
  for (let tries = 0; latencies.length < total - failed.count && tries < 200; tries += 1)
    await new Promise((resolve) => setTimeout(resolve, 10));
  for (const connection of all) connection.end();
  return summary(latencies, failed.count, failed.first, seconds);
};

answer({}, { closed: closedLoop, open: openLoop });
