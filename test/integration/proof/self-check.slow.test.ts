import pg from 'pg';
import { describe, expect } from 'vitest';
import { leafHash } from '../../../src/record/proof/merkle.js';
import { growTiles } from '../../../src/record/proof/tiles.js';
import { append, decided, until } from '../audit/audit-support.js';
import { tenantTest } from '../../support/product-test.js';
import { signUp, type Tenant } from '../../support/tenant.js';

const RECORDS = 600;

const { test, toolgate, tenant } = tenantTest();
let superuser: pg.Client;

const signedSize = async (of: Tenant): Promise<number> =>
  ((await of.api('GET', '/v1/audit/checkpoints?limit=1')).body['items'] as { treeSize: number }[])[0]?.treeSize ?? 0;

/** Puts this many decisions on an organization's record, and waits for a checkpoint of them. */
const record = async (of: Tenant, count: number): Promise<void> => {
  const sequences = Array.from({ length: count }, (_, index) => index + 1);
  await append(
    toolgate.toolgate.eventLog,
    sequences.map((sequence) => decided(of.organizationId, { sequence })),
  );
  await until(async () => (await signedSize(of)) > count);
};

/** What the projector finds in its next round. */
const checkedByProjector = async (of: Tenant): Promise<number | null> => {
  await superuser.query('update proof_trees set checked_at = null where organization_id = $1', [of.organizationId]);
  const checked = async () =>
    (
      await superuser.query<{ checked: boolean; bad: string | null }>(
        'select checked_at is not null as checked, first_bad_seq as bad from proof_trees where organization_id = $1',
        [of.organizationId],
      )
    ).rows[0];
  await expect.poll(async () => (await checked())?.bad ?? null, { timeout: 25_000 }).not.toBeNull();
  return Number((await checked())?.bad);
};

const failuresOf = async (of: Tenant): Promise<readonly unknown[]> =>
  (await of.api('GET', '/v1/audit/events?type=audit.selfCheckFailed')).body['items'] as readonly unknown[];

test.beforeAll(async () => {
  superuser = new pg.Client({ connectionString: toolgate.databaseUrl });
  await superuser.connect();
  await record(tenant, RECORDS);
}, 60_000);
test.afterAll(async () => superuser.end());

describe('a self-check', () => {
  test('looks at every record up to the newest checkpoint, and finds nothing where nobody changed one', async () => {
    const size = await signedSize(tenant);
    const { status, body } = await tenant.api('POST', '/v1/audit/self-check');
    expect(status).toBe(200);
    expect(body).toEqual({ checkedTo: expect.any(Number), ok: true, firstBadSeq: null });
    expect(body['checkedTo']).toBeGreaterThanOrEqual(size);
  });

  test.each([
    [
      'changed',
      77,
      `update audit_records set event = replace(convert_from(event, 'utf8'), '"enforce"', '"monitor"')::bytea`,
    ],
    ['deleted', 301, 'delete from audit_records'],
  ])(
    'names the first record that somebody %s in the database, and tells the organization once',
    async (_, seq, sql) => {
      const victim = await signUp(toolgate.url);
      await record(victim, 400);
      for (const at of [seq, seq + 50])
        await superuser.query(`${sql} where organization_id = $1 and seq = $2`, [victim.organizationId, at]);
      expect(await checkedByProjector(victim)).toBe(seq);
      const { body } = await victim.api('POST', '/v1/audit/self-check');
      expect(body).toMatchObject({ ok: false, firstBadSeq: seq });
      await until(async () => (await failuresOf(victim)).length > 0);
      expect(await failuresOf(victim)).toEqual([expect.objectContaining({ firstBadSeq: seq })]);
    },
  );

  test('finds records that were changed together with the tree, behind the last checkpoint that holds', async () => {
    const victim = await signUp(toolgate.url);
    await record(victim, 300);
    const before = await signedSize(victim);
    await record(victim, before + 100);
    await superuser.query(
      `update audit_records set event = replace(convert_from(event, 'utf8'), '"enforce"', '"monitor"')::bytea
        where organization_id = $1 and seq > $2`,
      [victim.organizationId, before],
    );
    const text = String((await victim.api('GET', '/v1/audit/export?format=ndjson')).body['text']);
    const leaves = text
      .split('\n')
      .slice(0, await signedSize(victim))
      .map((line) => leafHash(Buffer.from(line)));
    for (const { level, index, hashes } of growTiles([], 0, leaves))
      await superuser.query(
        'update proof_tiles set hashes = $4 where organization_id = $1 and level = $2 and index = $3',
        [victim.organizationId, level, index, hashes],
      );
    const { body } = await victim.api('POST', '/v1/audit/self-check');
    expect(body).toMatchObject({ ok: false, firstBadSeq: before + 1 });
  });
});

describe('the tiles of a log', () => {
  const tile = async (path: string): Promise<Readonly<{ status: number; bytes: Buffer }>> => {
    const response = await fetch(`${toolgate.url}/v1/audit/tlog/tile/${path}`, {
      headers: { authorization: `Bearer ${tenant.token}` },
    });
    return { status: response.status, bytes: Buffer.from(await response.arrayBuffer()) };
  };

  test('hold the very lines of an export as entries, and their hashes', async () => {
    const lines = String((await tenant.api('GET', '/v1/audit/export?format=ndjson')).body['text']).split('\n');
    for (const [path, first, count] of [
      ['000', 0, 256],
      ['001', 256, 256],
      ['002.p/40', 512, 40],
      ['000.p/7', 0, 7],
    ] as const) {
      const entries = await tile(`entries/${path}`);
      expect(entries.status).toBe(200);
      const expected = lines.slice(first, first + count).map((line) => Buffer.from(line));
      const framed = expected.map((line) => Buffer.concat([Buffer.of(line.length >> 8, line.length & 255), line]));
      expect(entries.bytes.equals(Buffer.concat(framed))).toBe(true);
      const { bytes } = await tile(`0/${path}`);
      expect(bytes.equals(Buffer.concat(expected.map(leafHash)))).toBe(true);
    }
    expect((await tile('1/000.p/2')).bytes).toHaveLength(64);
  });

  test.each([
    '0/003',
    '0/002.p/255',
    '0/000.p/256',
    '0/x000/000',
    '0/0',
    '7/000',
    'entries/x001/000',
    'x/000',
    '0/000/',
  ])('at %s are 404, as no checkpoint covers them or no such place is', async (path) => {
    expect((await tile(path)).status).toBe(404);
  });
});
