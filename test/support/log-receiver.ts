import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';

type Json = Readonly<Record<string, unknown>>;

/** A request that arrived: its headers, its body as text, and what a listener made of it. */
export type Received = Readonly<{ headers: IncomingMessage['headers']; text: string; status: number }>;

/** How a receiver answers a request, told from its body: a status with headers and text, or nothing for ever. */
export type Answering =
  'hang' | 'reset' | 'half' | Readonly<{ status: number; headers?: Readonly<Record<string, string>>; body?: string }>;

type How = (text: string, count: number, headers: IncomingMessage['headers']) => Answering | Promise<Answering>;

export type LogReceiver = Readonly<{
  url: string;
  port: number;
  requests: readonly Received[];
  /** Items of the requests that were taken, in the order of their arrival. */
  taken: () => readonly Json[];
  /** From now on; a list is used up first, then 200. */
  answer: (how: How) => void;
  close: () => Promise<void>;
}>;

const readBody = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  return (request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString();
};

/** The items of a body: of a webhook, of an array, or of lines. */
export const itemsOf = (text: string): readonly Json[] => {
  if (text.startsWith('{"streamId"')) return (JSON.parse(text) as { items: Json[] }).items;
  if (text.startsWith('[')) return JSON.parse(text) as Json[];
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Json);
};

const OK: Answering = { status: 200, body: 'taken' };

const respond = (response: ServerResponse, how: Answering): number => {
  if (how === 'hang') return 0;
  if (how === 'reset') {
    response.socket?.resetAndDestroy();
    return 0;
  }
  if (how === 'half') {
    response.writeHead(200, { 'content-length': '100' }).write('half an ans');
    response.socket?.end();
    return 0;
  }
  response.writeHead(how.status, { 'content-type': 'text/plain', ...how.headers }).end(how.body ?? '');
  return how.status;
};

type Tls = Readonly<{ key: string; cert: string; ca?: string }>;

const makeServer = (listener: RequestListener, tls: Tls | undefined): Server =>
  tls === undefined
    ? createServer(listener)
    : createSecureServer({ ...tls, ...(tls.ca === undefined ? {} : { requestCert: true }) }, listener);

/** A receiver of log streams over HTTP on loopback, whose answers a test chooses. */
export const startLogReceiver = async (tls?: Tls, port = 0): Promise<LogReceiver> => {
  const requests: Received[] = [];
  let how: How = () => OK;
  let count = 0;
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const text = await readBody(request);
    const status = respond(response, await how(text, (count += 1), request.headers));
    requests.push({ headers: request.headers, text, status });
  };
  const server = makeServer((request, response) => void handle(request, response).catch(() => undefined), tls);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const bound = (server.address() as AddressInfo).port;
  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${bound}/logs`,
    port: bound,
    requests,
    taken: () => requests.filter(({ status }) => status >= 200 && status < 300).flatMap(({ text }) => itemsOf(text)),
    answer: (next) => {
      how = next;
      count = 0;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

/** Answers these one after the other, then 200. */
export const inTurn =
  (...answers: readonly Answering[]) =>
  (_text: string, count: number): Answering =>
    answers[count - 1] ?? OK;
