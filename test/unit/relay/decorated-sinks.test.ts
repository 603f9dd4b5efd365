import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { LegacyChannels } from '../../../src/mcp/transports/legacy-channels.js';
import { DEFAULT_SESSION_LIMITS } from '../../../src/mcp/transports/channel-registry.js';
import { NO_SESSION_STORE } from '../../../src/mcp/transports/session-store.js';
import { openEraBridge } from '../../../src/mcp/era-bridge/era-bridge.js';
import { forcePrivateScope } from '../../../src/data-plane/relay/private-scope.js';
import { withTaskIds } from '../../../src/mcp/protocol/task-messages.js';
import { relayAnswer, type AnswerOptions } from '../../../src/data-plane/relay/relay-answer.js';
import type { Relayed } from '../../../src/data-plane/relay/relayed.js';
import { rewriteMessages } from '../../../src/data-plane/relay/rewrite-messages.js';
import type { Forward, UpstreamFailure, UpstreamRequest } from '../../../src/mcp/upstream/forward.js';

const FAILURES = ['unreachable', 'timeout', 'broken', 'aborted'] as const satisfies readonly UpstreamFailure['kind'][];
const STATUSES = {
  unreachable: 'upstream_unreachable',
  timeout: 'timeout',
  broken: 'upstream_error',
  aborted: 'cancelled',
};
const JSON_HEAD = { 'content-type': 'application/json' };

const request: UpstreamRequest = {
  server: {
    id: 'srv_1',
    organizationId: 'org_1',
    transport: { type: 'streamable-http', url: new URL('http://127.0.0.1:9/mcp') },
    eras: ['legacy'],
  },
  grantId: 'grt_1',
  era: 'legacy',
  method: 'POST',
  headers: {},
  body: Buffer.from('{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}'),
  silenceMs: 0,
};

/** How far an upstream comes before it fails. */
const BEGINNINGS = {
  'before its head': () => undefined,
  'in a JSON answer': (sink) => {
    sink.head(200, JSON_HEAD);
    sink.data(Buffer.from('{"jsonrpc":"2.0","id":1,"result":{"taskId":"1","cacheScope":"pub'));
  },
  'in a long JSON answer': (sink) => {
    sink.head(200, JSON_HEAD);
    sink.data(Buffer.from('{"jsonrpc":"2.0","id":1,"result":{"x":"'));
    for (let part = 0; part < 40 && sink.data(Buffer.alloc(64 * 1024, 'x')); part += 1);
  },
  'in an event stream': (sink) => {
    sink.head(200, { 'content-type': 'text/event-stream' });
    sink.data(Buffer.from('data: {"jsonrpc":"2.0","method":"notifications/progress","params":{}}\n\ndata: {"half'));
  },
} satisfies Readonly<Record<string, (sink: Parameters<Forward>[1]) => void>>;

const failing =
  (kind: UpstreamFailure['kind'], begin: (sink: Parameters<Forward>[1]) => void): Forward =>
  (_request, sink) => {
    setImmediate(() => {
      begin(sink);
      sink.fail({ kind, sent: true });
    });
    return { resume: () => undefined, abort: () => undefined };
  };

const THROUGH = {
  nothing: undefined,
  forcePrivateScope,
  rewriting: (sink) => rewriteMessages(sink, { marker: '"taskId', rewrite: (text) => text }),
} satisfies Readonly<Record<string, AnswerOptions['transform']>>;

/** The ways that an answer takes from a transport to the relay; each decorates the sink. */
const ROUTES = {
  straight: (forward) => forward,
  'an attempt': (forward) => openEraBridge(forward).forward,
  'a channel': (forward) => {
    const servers = new LegacyChannels(
      ({ server }, events) => {
        forward(
          { ...request, server },
          { head: () => undefined, data: () => true, end: () => undefined, fail: (failure) => events.closed(failure) },
        );
        return { send: () => undefined, pause: () => undefined, resume: () => undefined, close: () => undefined };
      },
      { isGrantActive: () => true, limits: DEFAULT_SESSION_LIMITS, store: NO_SESSION_STORE },
    );
    return servers.forward;
  },
} satisfies Readonly<Record<string, (forward: Forward) => Forward>>;

const relayed = (forward: Forward, through: AnswerOptions['transform'], era: 'legacy' | 'modern'): Promise<Relayed> =>
  new Promise((done) => {
    const response = new ServerResponse(new IncomingMessage(new Socket()));
    const parts = { forward, streams: { add: () => undefined }, upstreamTimeoutMs: 0, toolsChanged: () => undefined };
    const exchange = { response, session: { era, sessionId: 'ses_1', clientCapabilities: {} }, who: {} };
    relayAnswer(
      parts as never,
      exchange as never,
      { ...request, era: 'legacy' },
      { id: 1, tool: null, transform: through, done },
    );
  });

const cases = Object.entries(THROUGH).flatMap(([through]) =>
  Object.keys(ROUTES).flatMap((route) =>
    Object.keys(BEGINNINGS).flatMap((begin) => FAILURES.map((kind) => [kind, begin, through, route] as const)),
  ),
);

test.each(cases)(
  'an upstream that fails as %s %s, through %s by way of %s, ends its call with that outcome',
  async (kind, begin, through, route) => {
    const forward = ROUTES[route as keyof typeof ROUTES](failing(kind, BEGINNINGS[begin as keyof typeof BEGINNINGS]));
    for (const era of ['legacy', 'modern'] as const)
      expect(await relayed(forward, THROUGH[through as keyof typeof THROUGH], era)).toMatchObject({
        status: STATUSES[kind],
        sent: true,
      });
  },
);

/** What of an answer goes on, or how it fails. */
const rewritten = (contentType: string, text: string): string => {
  let out = '';
  const sink = rewriteMessages(
    {
      head: () => undefined,
      data: (chunk) => ((out += chunk.toString()), true),
      end: () => undefined,
      fail: ({ kind }) => void (out += `failed: ${kind}`),
    },
    {
      marker: '"taskId',
      rewrite: (text) => withTaskIds(text, () => 'sealed'),
    },
  );
  sink.head(200, { 'content-type': contentType });
  sink.data(Buffer.from(text));
  sink.end();
  return out;
};

test.each([
  ['too deep to be read', `{"x":${'['.repeat(100)}${']'.repeat(100)},"result":{"taskId":"raw"}}`],
  ['not JSON', '{"result":{"taskId":"raw"}'],
])('of an answer that is to be rewritten and is %s, nothing goes on', (_, text) => {
  expect(rewritten('application/json', text)).toBe('failed: broken');
  expect(rewritten('text/event-stream', `data: ${text}\n\n`)).toBe('');
});

test('a key is rewritten in every spelling, and what is not rewritten passes byte for byte', () => {
  expect(rewritten('application/json', '{"result":{"\\u0074askId":"raw"}}')).toBe(
    '{"result":{"\\u0074askId":"sealed"}}',
  );
  expect(rewritten('text/event-stream', 'data: {"result":{"task\\u0049d":"raw"}}\n\n')).toBe(
    'data: {"result":{"task\\u0049d":"sealed"}}\n\n',
  );
  expect(rewritten('application/json', '{"n":12345678901234567890,"x":"\\u00e9"}')).toBe(
    '{"n":12345678901234567890,"x":"\\u00e9"}',
  );
  expect(rewritten('application/json', '{"result":{"b":1.0,"taskId":"raw","a":9007199254740993}}')).toBe(
    '{"result":{"b":1.0,"taskId":"sealed","a":9007199254740993}}',
  );
  expect(rewritten('text/event-stream', 'data: {"n":1.0,"x":"\\u00e9"}\r\n\r\n')).toBe(
    'data: {"n":1.0,"x":"\\u00e9"}\r\n\r\n',
  );
});
