import { describe, expect } from 'vitest';
import { leafHash, type Hash } from '../../../src/record/proof/merkle.js';
import { openCheckpoint } from '../../../src/record/proof/signed-note.js';
import { growTiles, readRoot, type ReadTiles } from '../../../src/record/proof/tiles.js';
import { tenantTest } from '../../support/product-test.js';
import { signUp, type Tenant } from '../../support/tenant.js';

type Item = Readonly<{ treeSize: number; rootHash: string; time: string; note: string }>;

const { test, toolgate, tenant } = tenantTest();

const checkpointsOf = async (of: Tenant): Promise<readonly Item[]> =>
  (await of.api('GET', '/v1/audit/checkpoints')).body['items'] as readonly Item[];

/** Waits until a checkpoint covers a record. */
const coverOf = async (of: Tenant, seq: number): Promise<Item> => {
  await expect
    .poll(async () => (await checkpointsOf(of))[0]?.treeSize ?? 0, { timeout: 25_000 })
    .toBeGreaterThanOrEqual(seq);
  return (await checkpointsOf(of))[0] as Item;
};

/** The lines of the whole record, as an export holds them. */
const linesOf = async (of: Tenant): Promise<readonly string[]> =>
  String((await of.api('GET', '/v1/audit/export?format=ndjson')).body['text'])
    .split('\n')
    .slice(0, -1);

const rootOf = (leaves: readonly Hash[]): Promise<Hash> => {
  const tiles = growTiles([], 0, leaves);
  const read: ReadTiles = async (places) =>
    places.flatMap((place) => tiles.find(({ level, index }) => level === place.level && index === place.index) ?? []);
  return readRoot(read, leaves.length);
};

const keysOf = async (origin: string): Promise<readonly string[]> => {
  const response = await fetch(`${toolgate.url}/.well-known/toolgate-log-keys?origin=${encodeURIComponent(origin)}`);
  const { keys } = (await response.json()) as { keys: readonly { vkey: string }[] };
  return keys.map(({ vkey }) => vkey);
};

describe('a checkpoint', () => {
  test('signs, by a published key, the root over the very lines that an export holds', async () => {
    await tenant.identity('somebody');
    const { note, treeSize, rootHash } = await coverOf(tenant, 2);
    const origin = `${new URL(toolgate.url).host}/${tenant.organizationId}`;
    expect(note.split('\n')[0]).toBe(origin);
    const lines = (await linesOf(tenant)).slice(0, treeSize);
    const root = await rootOf(lines.map((line) => leafHash(Buffer.from(line))));
    expect(root.toString('base64')).toBe(rootHash);
    expect(openCheckpoint(note, await keysOf(origin))).toEqual({ origin, size: treeSize, root });
  });

  test('is followed by one of a longer log, and the consistency between them is proven', async () => {
    const first = await coverOf(tenant, 1);
    await tenant.identity('somebody else');
    const second = await coverOf(tenant, first.treeSize + 1);
    const { status, body } = await tenant.api(
      'GET',
      `/v1/audit/consistency?from=${first.treeSize}&to=${second.treeSize}`,
    );
    expect(status).toBe(200);
    expect(body['hashes']).not.toEqual([]);
    expect((await tenant.api('GET', '/v1/audit/tlog/checkpoint')).body['text']).toBe(second.note);
    expect((await tenant.api('GET', `/v1/audit/consistency?from=1&to=${second.treeSize + 1000}`)).status).toBe(404);
  });

  test('proves one record by its index, its path and the checkpoint, and none that it does not cover', async () => {
    const { treeSize, note } = await coverOf(tenant, 2);
    const { status, body } = await tenant.api('GET', '/v1/audit/proofs/2');
    expect(status).toBe(200);
    const text = body['text'] as string;
    expect(text.startsWith('c2sp.org/tlog-proof@v1\nindex 1\n')).toBe(true);
    expect(text.endsWith(`\n\n${note}`)).toBe(true);
    for (const seq of [0, treeSize + 100, 'x', '1e3'])
      expect((await tenant.api('GET', `/v1/audit/proofs/${seq}`)).status).toBe(404);
  });

  test('of one organization says nothing of another, and a role that may not audit reads none', async () => {
    const other = await signUp(toolgate.url);
    const [mine, theirs] = [await coverOf(tenant, 1), await coverOf(other, 1)];
    expect(mine.note.split('\n')[0]).not.toBe(theirs.note.split('\n')[0]);
    expect(await keysOf('127.0.0.1/nobody')).toEqual([]);
    const viewer = await other.person('viewer');
    expect((await viewer.api('GET', '/v1/audit/checkpoints')).status).toBe(403);
  });
});
