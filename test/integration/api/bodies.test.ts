import { connect } from 'node:net';
import { afterAll, expect, test } from 'vitest';
import { request, signUp } from '../../support/tenant.js';
import { startTestToolgate } from '../../support/toolgate.js';
import { hasId, makeFor, objectPath, withId } from './objects.js';
import { operationsOf, resolved, type OpenApi, type Schema } from './openapi.js';
import { send } from './problem.js';

const toolgate = await startTestToolgate();
afterAll(() => toolgate.close());
const tenant = await signUp(toolgate.url);
const document = (await request(`${toolgate.url}/openapi.json`, 'GET')).body as unknown as OpenApi;
const operations = operationsOf(document);
const named = operations.map((operation) => [operation.name, operation] as const);

/**
 * What comes back for bytes on a connection of their own; `more` is sent again and again until the connection closes.
 */
const exchange = (bytes: string, more?: Buffer): Promise<Readonly<{ answer: string; sent: number }>> =>
  new Promise((resolve) => {
    const socket = connect(Number(new URL(toolgate.url).port), '127.0.0.1');
    let answer = '';
    let sent = 0;
    const again = (): void => {
      if (!more || socket.destroyed || sent > 64 * 1024 * 1024) return;
      sent += more.length;
      socket.write(more, () => setImmediate(again));
    };
    const finish = (): void => resolve({ answer, sent });
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      answer += text;
      if (!more) socket.destroy();
    });
    socket.on('error', () => undefined).on('close', finish);
    socket.write(bytes, again);
  });

const head = (path: string, headers: readonly string[]): string =>
  [
    `POST ${path} HTTP/1.1`,
    `Host: ${new URL(toolgate.url).host}`,
    'Content-Type: application/json',
    ...headers,
    '',
    '',
  ].join('\r\n');

test.each(named.filter(([, { allowed, body }]) => allowed.includes('anyone') && body !== undefined))(
  '%s takes at most 16 KiB or what it declares, announced or not, as anyone may call it',
  async (_, { path, maxBodyBytes = 16_384 }) => {
    const announced = await exchange(head(path, [`Content-Length: ${maxBodyBytes + 1}`]));
    expect(announced.answer).toContain('HTTP/1.1 413 ');
    expect(announced.answer).toContain('"code":"too_large"');
    const size = (maxBodyBytes + 1).toString(16);
    const chunked = await exchange(
      `${head(path, ['Transfer-Encoding: chunked'])}${size}\r\n{${' '.repeat(maxBodyBytes)}\r\n`,
    );
    expect(chunked.answer).toContain('HTTP/1.1 413 ');
    const fits = await send(toolgate.url, 'POST', path, { body: `{${' '.repeat(maxBodyBytes - 2)}}` });
    expect(fits).toMatchObject({ status: 400, body: { code: 'invalid_body' } });
  },
);

test.each(
  named.filter(
    ([, { allowed, method, body }]) => !allowed.includes('anyone') && method === 'POST' && body !== undefined,
  ),
)('%s tells a stranger that a credential is missing without waiting for the body', async (_, { path }) => {
  expect((await exchange(head(path.replaceAll(/\{\w+\}/g, 'x'), ['Content-Length: 1000000']))).answer).toContain(
    'HTTP/1.1 401 ',
  );
});

test('A client that sends on and on after its answer loses its connection', async () => {
  const { answer, sent } = await exchange(
    head('/v1/login', ['Transfer-Encoding: chunked']),
    Buffer.from(`10000\r\n${'x'.repeat(65_536)}\r\n`),
  );
  expect(answer).toContain('HTTP/1.1 413 ');
  expect(sent).toBeLessThan(64 * 1024 * 1024);
});

test('A body with a Content-Encoding is refused, as nobody knows how large it becomes', async () => {
  const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
  expect(await send(toolgate.url, 'POST', '/v1/login', { body: '{}', headers })).toMatchObject({
    status: 400,
    body: { code: 'invalid_body' },
  });
});

const listsIn = (schema: Schema, at: string): readonly (readonly [string, Schema])[] => {
  const { type, items, properties = {} } = resolved(document, schema);
  const inside = [...Object.entries(properties), ...(items ? [['*', items] as const] : [])].flatMap(([name, child]) =>
    listsIn(child, `${at}/${name}`),
  );
  return type === 'array' ? [[at, resolved(document, schema)], ...inside] : inside;
};

test('Every list that a body or a query may hold has a greatest size in the document', () => {
  const sent = operations.flatMap(({ name, body, parameters }) => [
    ...(body ? listsIn(body, name) : []),
    ...parameters.flatMap((parameter) => listsIn(parameter.schema ?? {}, `${name} ?${parameter.name}`)),
  ]);
  expect(sent.length).toBeGreaterThan(3);
  expect(sent.filter(([, schema]) => !('maxItems' in schema)).map(([at]) => at)).toEqual([]);
});

test.each(named.filter(([, { method }]) => method === 'PUT' || method === 'PATCH'))(
  '%s changes nothing when it names nothing to change',
  async (_, { method, path }) => {
    const id = hasId(path) ? await makeFor(path, tenant, 'http://127.0.0.1:9/mcp') : '';
    const target = withId(path, id);
    const events = async (): Promise<number> =>
      (await toolgate.db.worker.query('select 1 from events where organization_id = $1', [tenant.organizationId])).rows
        .length;
    const before = await events();
    for (const body of ['{}', undefined, '{"x":1}']) {
      const answer = await send(toolgate.url, method, target, {
        token: tenant.token,
        body,
        headers: { 'if-match': '*' },
      });
      expect(answer, `${objectPath(path)} ${body}`).toMatchObject({ status: 400, body: { code: 'invalid_body' } });
    }
    expect(await events()).toBe(before);
  },
);
