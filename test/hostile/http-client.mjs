/** A client on bare sockets: sends the bytes it is given, collects what comes back, bounded in time and size. */
import { connect } from 'node:net';
import { writeSomehow, write } from './wire.mjs';

const MAX_COLLECTED = 4 * 1024 * 1024;

/** Whether `text` holds a whole HTTP response. */
const isWhole = (text) => {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return false;
  const head = text.slice(0, end).toLowerCase();
  const length = /\r\ncontent-length: (\d+)/.exec(head)?.[1];
  if (length !== undefined) return text.length - end - 4 >= Number(length);
  if (head.includes('transfer-encoding: chunked')) return text.endsWith('0\r\n\r\n');
  return / (202|204|304) /.test(head.slice(0, 16));
};

/**
 * Sends `bytes` to a port of this machine and answers what came back within `timeoutMs`, as Latin-1 text. With `random`
 * the bytes are written in some hostile way.
 */
export const exchange = (port, bytes, { timeoutMs = 3000, random } = {}) =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let got = '';
    const timer = setTimeout(() => socket.destroy(), timeoutMs);
    socket.setEncoding('latin1');
    socket.on('data', (data) => {
      got += data;
      if (got.length > MAX_COLLECTED || isWhole(got)) socket.destroy();
    });
    socket.on('error', () => undefined);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve(got);
    });
    socket.once('connect', () => {
      const writing = random ? writeSomehow(socket, bytes, random) : write(socket, bytes);
      writing.catch(() => socket.destroy());
    });
  });

/** An HTTP/1.1 request as bytes. */
export const requestBytes = (method, path, headers, body = '') => {
  const content = Buffer.from(body);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const length = method === 'GET' || 'content-length' in headers ? '' : `content-length: ${content.length}\r\n`;
  return Buffer.concat([
    Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}${length}\r\n`, 'latin1'),
    content,
  ]);
};

export const statusOf = (text) => Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0);
export const headerOf = (text, name) => new RegExp(`\\r\\n${name}: ([^\\r]*)`, 'i').exec(text.slice(0, 8192))?.[1];
