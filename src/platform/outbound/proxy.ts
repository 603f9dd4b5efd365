import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { buildConnector } from 'undici';
import { guarded, inBackground, listenTo, startTimer } from '../runtime/guard.js';

/** An HTTP proxy that the operator has set for https. `takes`: whether connections to an origin go through it. */
export type Proxy = Readonly<{ url: URL; takes: (origin: URL) => boolean }>;

const CONNECT_TIMEOUT_MS = 10_000;
const MAX_HEAD_BYTES = 16_384;

/**
 * The proxy of the settings HTTPS_PROXY and NO_PROXY: names with all below them, a leading dot or `*.` meaning the
 * same; `*` is everything.
 */
export const readProxy = (url: string | undefined, except: readonly string[]): Proxy | undefined => {
  if (url === undefined || except.includes('*')) return undefined;
  const suffixes = except.map((name) => name.toLowerCase().replace(/^\*?\./, ''));
  const isExcepted = (host: string): boolean =>
    suffixes.some((suffix) => host === suffix || host.endsWith(`.${suffix}`));
  return {
    url: new URL(url),
    takes: ({ protocol, hostname }) => protocol === 'https:' && !isExcepted(hostname.replace(/^\[|\]$/g, '')),
  };
};

const authorization = ({ username, password }: URL): string =>
  username === ''
    ? ''
    : `Proxy-Authorization: Basic ${Buffer.from(
        `${decodeURIComponent(username)}:${decodeURIComponent(password)}`,
      ).toString('base64')}\r\n`;

type Done = (error: Error | null, socket: Socket | null) => void;

/** Asks the proxy for a tunnel, and answers its socket once it stands. Answers once. */
const openTunnel = ({ url }: Proxy, authority: string, done: Done): void => {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  const socket = url.protocol === 'https:' ? connectTls({ host, port, servername: host }) : connectTcp({ host, port });
  let head = '';
  const settle = guarded('proxy', (error: Error | null): void => {
    clearTimeout(timer);
    socket.off('data', onData).off('error', settle).off('close', onClose);
    if (error) {
      listenTo(socket, 'error', () => undefined, { where: 'proxy' });
      socket.destroy();
    }
    done(error, error ? null : socket);
  });
  const timer = startTimer('proxy', CONNECT_TIMEOUT_MS, () => settle(new Error('the proxy did not answer in time')));
  const onData = guarded('proxy', (chunk: Buffer) => {
    head += chunk.toString('latin1');
    if (!head.includes('\r\n\r\n')) {
      if (head.length > MAX_HEAD_BYTES) settle(new Error('the proxy answered with too much'));
      return;
    }
    const status = /^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1];
    // What follows the head would be bytes of a TLS server that speaks first, which none does.
    const isOpen = status === '200' && head.endsWith('\r\n\r\n');
    settle(isOpen ? null : new Error(`the proxy refused the connection (HTTP ${status ?? 'unknown'})`));
  });
  const onClose = guarded('proxy', () => settle(new Error('the proxy closed the connection')));
  socket.on('data', onData).once('error', settle).once('close', onClose);
  listenTo(
    socket,
    url.protocol === 'https:' ? 'secureConnect' : 'connect',
    () => {
      socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${authorization(url)}\r\n`);
    },
    { where: 'proxy' },
  );
};

/**
 * Connections of undici through a proxy, by CONNECT and then TLS with the receiver itself. `judge` is asked before each
 * and answers why the receiver may not be reached.
 */
export const makeProxyConnector = (
  proxy: Proxy,
  tls: Readonly<Record<string, string>>,
  judge: (url: URL) => Promise<Error | undefined>,
): buildConnector.connector => {
  const secure = buildConnector({ timeout: CONNECT_TIMEOUT_MS, allowH2: false, ...tls } as buildConnector.BuildOptions);
  return (target, done) => {
    // undici takes the brackets off an IPv6 address.
    const host = isIP(target.hostname) === 6 ? `[${target.hostname}]` : target.hostname;
    const authority = `${host}:${target.port || '443'}`;
    const connect = async (): Promise<void> => {
      const refusal = await judge(new URL(`https://${authority}`));
      if (refusal) return done(refusal, null);
      openTunnel(proxy, authority, (error, socket) => {
        if (error || !socket) done(error ?? new Error('the proxy gave no connection'), null);
        else secure({ ...target, httpSocket: socket } as buildConnector.Options, done);
      });
    };
    inBackground('proxy', connect(), (error) => done(error as Error, null));
  };
};
