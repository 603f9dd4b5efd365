import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { unzip } from '../../support/bundles.js';
import { tenantTest } from '../../support/product-test.js';

const { test, toolgate, tenant } = tenantTest();

let folder = '';
let lossy: Server;
test.beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'toolgate-api-page-'));
  lossy = await startLossyProxy();
  for (const name of ['one', 'two', 'three']) await tenant.identity(name);
});
test.afterAll(async () => {
  lossy.close();
  await rm(folder, { recursive: true, force: true });
});

/** A proxy that passes every request on, and loses the first answer to each creation: it says 503 instead. */
const startLossyProxy = async (): Promise<Server> => {
  const known = new Set<unknown>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const key = request.headers['idempotency-key'];
      const headers = Object.entries(request.headers).filter(
        ([name]) => !/^(host|connection|content-length)$/.test(name),
      );
      const isRead = request.method === 'GET' || request.method === 'HEAD';
      void fetch(`${toolgate.url}${request.url}`, {
        method: request.method ?? 'GET',
        headers: headers as [string, string][],
        ...(isRead ? {} : { body: Buffer.concat(chunks) }),
      }).then(async (answer) => {
        const isLost = key !== undefined && !known.has(key);
        known.add(key);
        if (isLost) response.writeHead(503, { 'retry-after': '1' }).end('{}');
        else response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text());
      });
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return server;
};

const page = (): Promise<string> => readFile(new URL('../../../docs/api.md', import.meta.url), 'utf8');

/** What step 1 of the worked example leaves. */
const prelude = (): string =>
  `U=${toolgate.url}
   field() { node -pe "JSON.parse(require('fs').readFileSync(0)).$1"; }
   json='content-type: application/json'; auth='authorization: Bearer ${tenant.token}'`;

/** What each command of the page prints, by the heading that it stands under. */
const outputs = async (): Promise<ReadonlyMap<string, readonly string[]>> => {
  const { port } = lossy.address() as AddressInfo;
  const blocks = [...(await page()).matchAll(/^## (.+)$|^```sh\n([^]*?)^```$/gm)];
  const script = blocks.map(([, heading, command = '']) =>
    heading === undefined
      ? // The tail has no end, and the way back of an answer is what a retry is about.
        `echo; echo '=='\n${command.replace('curl -sN', 'curl -sN --max-time 2').replace(/(--retry .*)\$U/, `$1http://127.0.0.1:${port}`)}`
      : `echo; echo '## ${heading}'`,
  );
  const { stdout } = await promisify(execFile)(
    'bash',
    ['-o', 'pipefail', '-c', [prelude(), ...script, 'true'].join('\n')],
    {
      cwd: folder,
    },
  );
  return new Map(
    stdout.split('\n## ').map((section) => {
      const [heading = '', ...printed] = section.split('\n==\n');
      return [heading.trim(), printed.map((text) => text.trim())] as const;
    }),
  );
};

test('every command of the page on the API does what the page says', async () => {
  const printed = await outputs();
  const of = (heading: string): readonly string[] => printed.get(heading) ?? [];
  const [people] = of('People').map((text) => JSON.parse(text) as Record<string, unknown>);
  expect(people).toMatchObject({ email: 'ada@example.com', token: expect.stringMatching(/^tg_invite_/) });
  expect(unzip(await readFile(join(folder, 'organization.zip'))).has('audit-log.ndjson')).toBe(true);
  expect(of('Alarms')[0]).toMatch(/"webhook":"https:\/\/ops\.example\.com\/toolgate"/);

  const [pages, searched] = of('Pages');
  expect(pages).toBe('one, two\nthree');
  expect(searched).toBe('{"items":[],"nextCursor":null,"hasMore":false}');

  const [problem] = of('Errors').map((text) => JSON.parse(text) as unknown);
  const [shown] = [...(await page()).matchAll(/^```json\n([^]*?)^```$/gm)].map(([, text = '']) => JSON.parse(text));
  expect(problem).toEqual(shown);

  const [, repeated = ''] = of('Retries and idempotency');
  expect(repeated).toMatch(/^HTTP\/1\.1 201 /);
  expect(repeated).toMatch(/^idempotency-replayed: true/im);
  expect((await tenant.api('GET', '/v1/identities?q=release%20bot')).body['items']).toHaveLength(1);

  const changed = of('Concurrent changes')[0] ?? '';
  expect(changed).toMatch(/"name":"release bot of Ada"[^]*"code":"precondition_failed"/);
  expect(changed).not.toMatch(/"name":"release bot of Alan"/);

  const [newest = '', tail = ''] = of('Read the record');
  expect(JSON.parse(newest)).toHaveProperty('items');
  expect(tail).toMatch(/^: open/);
  for (const [heading, texts] of printed)
    for (const text of texts) expect(text, heading).not.toContain('"code":"internal"');
}, 60_000);
