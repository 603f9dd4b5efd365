import { get, type IncomingMessage } from 'node:http';
import { describe, expect } from 'vitest';
import { newId } from '../../../src/platform/crypto/ids.js';
import { tenantTest } from '../../support/product-test.js';
import { signUp, type Tenant } from '../../support/tenant.js';
import { append, decided, numbers, until } from './audit-support.js';

const { test, toolgate, tenant } = tenantTest();

type Stream = Readonly<{
  status: number;
  events: readonly Readonly<{ id: string; event: string; data: Record<string, unknown> }>[];
  comments: readonly string[];
  ended: () => boolean;
  response: IncomingMessage;
  close: () => void;
}>;

const read = (block: string): Record<string, string> =>
  Object.fromEntries(
    block.split('\n').map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
    }),
  );

const openTail = async (
  of: Readonly<{ token: string }>,
  { query = '', headers = {} }: Readonly<{ query?: string; headers?: Readonly<Record<string, string>> }> = {},
): Promise<Stream> => {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(
      `${toolgate.url}/v1/audit/events?${query}`,
      { headers: { authorization: `Bearer ${of.token}`, accept: 'text/event-stream', ...headers } },
      resolve,
    ).on('error', reject);
  });
  const [events, comments]: [{ id: string; event: string; data: Record<string, unknown> }[], string[]] = [[], []];
  let [text, isEnded] = ['', false];
  response.setEncoding('utf8').on('data', (chunk: string) => {
    const blocks = (text + chunk).split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const { id = '', event = 'message', data, ...rest } = read(block);
      if (data === undefined) comments.push(rest[''] ?? '');
      else events.push({ id, event, data: JSON.parse(data) as Record<string, unknown> });
    }
  });
  response.on('close', () => (isEnded = true)).on('error', () => undefined);
  return {
    status: response.statusCode ?? 0,
    events,
    comments,
    ended: () => isEnded,
    response,
    close: () => response.destroy(),
  };
};

const record = (of: Tenant, count: number, more: Parameters<typeof decided>[1] = {}): Promise<void> =>
  append(
    toolgate.toolgate.eventLog,
    numbers(count).map(() => decided(of.organizationId, more)),
  );

describe('the tail of the audit log', () => {
  test('a tail sends each new record once, with its seq as id, and Last-Event-ID goes on behind it', async () => {
    const own = await signUp(toolgate.url);
    const stream = await openTail(own, { query: 'type=toolCall.decided' });
    await record(own, 30);
    await until(() => stream.events.length === 30);
    stream.close();
    expect(stream.events.map(({ id }) => Number(id))).toEqual(stream.events.map(({ data }) => data['seq']));
    await record(own, 5);
    const resumed = await openTail(own, {
      query: 'type=toolCall.decided',
      headers: { 'last-event-id': stream.events[9]?.id ?? '' },
    });
    await until(() => resumed.events.length === 25);
    resumed.close();
    expect(resumed.events.slice(0, 20)).toEqual(stream.events.slice(10));
    const listed = await own.events('&type=toolCall.decided');
    expect([...stream.events.slice(0, 10), ...resumed.events].map(({ data }) => data)).toEqual(listed);
  });

  test('a tail begins at from or at a cursor, and its filters pass over all other records', async () => {
    const own = await signUp(toolgate.url);
    const callId = newId('call');
    await record(own, 700);
    await record(own, 1, { callId });
    await until(async () => (await own.events(`&callId=${callId}`)).length === 1);
    const first = (await own.api('GET', '/v1/audit/events?limit=1')).body;
    for (const query of ['from=2020-01-01T00:00:00Z', `after=${String(first['nextCursor'])}`]) {
      const stream = await openTail(own, { query: `${query}&callId=${callId}` });
      await until(() => stream.events.length === 1);
      expect(stream.events[0]?.data['callId']).toBe(callId);
      stream.close();
    }
  });

  test('a tail ends when its session is signed out, its member is demoted, or its key is deleted', async () => {
    const key = (await tenant.api('POST', '/v1/api-keys', { name: 'tail', role: 'auditor' })).body as {
      id: string;
      secret: string;
    };
    const [person, leaver] = [await tenant.person('auditor'), await tenant.person('auditor')];
    const streams = [
      await openTail({ token: key.secret }),
      await openTail({ token: person.token }),
      await openTail({ token: leaver.token }),
      await openTail(tenant),
    ];
    expect(streams.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    await tenant.api('DELETE', `/v1/api-keys/${key.id}`);
    await tenant.api('PATCH', `/v1/members/${person.id}`, { role: 'approver' });
    await leaver.api('POST', '/v1/logout');
    await until(() => streams.slice(0, 3).every(({ ended }) => ended()));
    expect(streams[3]?.ended()).toBe(false);
    streams[3]?.close();
  });

  test('an organization has ten tails at once, and a closed one makes room', async () => {
    const own = await signUp(toolgate.url);
    const streams = await Promise.all(numbers(10).map(() => openTail(own)));
    expect(streams.map(({ status }) => status)).toEqual(numbers(10).map(() => 200));
    const eleventh = await openTail(own);
    expect([eleventh.status, eleventh.response.headers['retry-after']]).toEqual([429, expect.stringMatching(/^\d+$/)]);
    const others = await openTail(tenant);
    expect(others.status).toBe(200);
    others.close();
    streams[0]?.close();
    await until(async () => {
      const next = await openTail(own);
      next.close();
      return next.status === 200;
    });
    for (const stream of streams) stream.close();
  });

  test('a reader that takes nothing gets a gap that names what it missed, and then the newest records', async () => {
    const own = await signUp(toolgate.url);
    const stream = await openTail(own);
    stream.response.pause();
    const reason = 'x'.repeat(20_000);
    for (let i = 0; i < 6; i += 1) await record(own, 500, { reason });
    await new Promise((resolve) => setTimeout(resolve, 3000));
    stream.response.resume();
    await until(() => stream.events.some(({ event }) => event === 'gap'));
    await record(own, 1, { callId: newId('call') });
    const gap = stream.events.find(({ event }) => event === 'gap');
    const before = stream.events.slice(
      0,
      stream.events.findIndex(({ event }) => event === 'gap'),
    );
    expect(gap?.data['fromSeq']).toBe(Number(before.at(-1)?.id) + 1);
    expect(gap?.id).toBe(String(gap?.data['toSeq']));
    await until(() => stream.events.at(-1)?.event === 'message' && Number(stream.events.at(-1)?.id) > Number(gap?.id));
    stream.close();
  });

  test.each([
    ['order=desc', {}],
    ['to=2030-01-01T00:00:00Z', {}],
    ['', { 'last-event-id': 'x' }],
    ['effect=maybe', {}],
  ])('a tail with ?%s %j is refused before it begins', async (query, headers) => {
    expect((await openTail(tenant, { query, headers })).status).toBe(400);
  });
});
