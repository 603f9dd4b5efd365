import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { append, decided, until } from '../audit/audit-support.js';
import { unzip, verifyBundle, zipOf } from '../../support/bundles.js';
import { tenantTest } from '../../support/product-test.js';

const VERIFIER = fileURLToPath(new URL('../../../src/toolgate-verify.mjs', import.meta.url));
const RECORDS = 600;

const { test, toolgate, tenant } = tenantTest();
let folder = '';
let treeSize = 0;
let vkey = '';

test.beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'toolgate-bundle-'));
  const sequences = Array.from({ length: RECORDS }, (_, index) => index + 1);
  await append(
    toolgate.toolgate.eventLog,
    sequences.map((sequence) => decided(tenant.organizationId, { sequence, tool: `ÄÖ "${sequence}"` })),
  );
  const newest = async (): Promise<number> =>
    ((await tenant.api('GET', '/v1/audit/checkpoints?limit=1')).body['items'] as { treeSize: number }[])[0]?.treeSize ??
    0;
  await until(async () => (await newest()) > RECORDS);
  treeSize = await newest();
  const origin = encodeURIComponent(`${new URL(toolgate.url).host}/${tenant.organizationId}`);
  const { keys } = (await (await fetch(`${toolgate.url}/.well-known/toolgate-log-keys?origin=${origin}`)).json()) as {
    keys: { vkey: string }[];
  };
  vkey = keys[0]?.vkey ?? '';
}, 60_000);
test.afterAll(async () => rmSync(folder, { recursive: true }));

const take = async (from: number, to: number): Promise<Readonly<{ status: number; bytes: Buffer }>> => {
  const response = await fetch(`${toolgate.url}/v1/audit/bundle?from=${from}&to=${to}`, {
    headers: { authorization: `Bearer ${tenant.token}` },
  });
  return { status: response.status, bytes: Buffer.from(await response.arrayBuffer()) };
};

test('a bundle of any part of the record verifies by the program that we ship, without us', async () => {
  const file = join(folder, 'bundle.zip');
  for (const [from, to] of [
    [1, treeSize],
    [300, 301],
    [2, 256],
    [treeSize, treeSize],
  ] as const) {
    writeFileSync(file, (await take(from, to)).bytes);
    const said = execFileSync(process.execPath, [VERIFIER, file, '--key', vkey], { encoding: 'utf8' });
    expect(said).toBe(`verified: ${to - from + 1} records\n`);
  }
});

test('a bundle holds the very lines of the export, and what the manifest says', async () => {
  const files = unzip((await take(5, 400)).bytes);
  const lines = String((await tenant.api('GET', '/v1/audit/export?format=ndjson')).body['text']).split('\n');
  expect(String(files.get('records.ndjson'))).toBe(`${lines.slice(4, 400).join('\n')}\n`);
  expect(JSON.parse(String(files.get('manifest.json')))).toEqual({
    organizationId: tenant.organizationId,
    origin: `${new URL(toolgate.url).host}/${tenant.organizationId}`,
    firstSeq: 1,
    fromSeq: 5,
    toSeq: 400,
    // A take is on record itself, and the tree grows by it.
    treeSize: Number(String(files.get('checkpoint.txt')).split('\n')[1]),
  });
  expect(JSON.parse(String(files.get('keys.json')))).toMatchObject({ keys: [{ vkey, until: null }] });
});

test('a bundle with one changed byte does not verify, and the verifier names the record', async () => {
  const { bytes } = await take(1, treeSize);
  const at = await toolgate.db.worker.query<{ seq: number }>(
    `select seq from audit_records where organization_id = $1 and tool like '%"77"'`,
    [tenant.organizationId],
  );
  const seq = at.rows[0]?.seq ?? 0;
  const files = unzip(bytes);
  const records = String(files.get('records.ndjson')).replace('\\"77\\"', '\\"78\\"');
  const changed = new Map([...files, ['records.ndjson', Buffer.from(records)]]);
  const file = join(folder, 'changed.zip');
  writeFileSync(file, await zipOf(changed));
  expect((await verifyBundle(file, [vkey])).faults).toEqual([`record ${seq} is not what was signed: it was changed`]);
});

test('a bundle beyond the newest checkpoint is 404, and one that ends before it begins 400', async () => {
  expect((await take(1, treeSize + 1000)).status).toBe(404);
  expect((await take(0, 1)).status).toBe(400);
  expect((await take(3, 2)).status).toBe(400);
});

test('anybody gets the program that verifies bundles from the product', async () => {
  const response = await fetch(`${toolgate.url}/.well-known/toolgate-verify.mjs`);
  expect(response.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
  expect(await response.text()).toBe(readFileSync(VERIFIER, 'utf8'));
});
