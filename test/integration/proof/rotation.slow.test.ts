import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openCheckpointMemory } from '../../../src/record/proof/checkpoint-memory.js';
import { RefusedToSign } from '../../../src/record/proof/rotate-key.js';
import { signTree } from '../../../src/record/proof/sign-checkpoint.js';
import { openCheckpoint, signingKeyOf } from '../../../src/record/proof/signed-note.js';
import { until } from '../audit/audit-support.js';
import { signUp, request, type Tenant } from '../../support/tenant.js';
import { startBeside, startTestToolgate } from '../../support/toolgate.js';

type Key = Readonly<{ vkey: string; until: string | null }>;
type Item = Readonly<{ treeSize: number; note: string }>;

const [FIRST, SECOND, STRANGER] = [1, 2, 3].map(() => randomBytes(32).toString('base64')) as [string, string, string];

const checkpointsOf = async (tenant: Tenant): Promise<readonly Item[]> =>
  (await tenant.api('GET', '/v1/audit/checkpoints')).body['items'] as readonly Item[];

const keysOf = async (url: string, origin: string): Promise<readonly Key[]> =>
  (await request(`${url}/.well-known/toolgate-log-keys?origin=${encodeURIComponent(origin)}`, 'GET')).body[
    'keys'
  ] as readonly Key[];

/** Makes a record, and waits for a checkpoint that covers it. */
const grow = async (tenant: Tenant): Promise<Item> => {
  const before = (await checkpointsOf(tenant))[0]?.treeSize ?? 0;
  await tenant.identity(`after ${before}`);
  await expect
    .poll(async () => (await checkpointsOf(tenant))[0]?.treeSize ?? 0, { timeout: 25_000 })
    .toBeGreaterThan(before);
  return (await checkpointsOf(tenant))[0] as Item;
};

test('after a change of the log key the old one signs a record that names the new one, which then signs', async () => {
  // The projector is a process of its own, which is started again with other keys.
  const api = await startTestToolgate({ ROLES: 'api,gateway' });
  const dataDir = await mkdtemp(join(tmpdir(), 'toolgate-rotation-'));
  const project = (settings: Readonly<Record<string, string>>) =>
    startBeside(api, { ROLES: 'projector', PUBLIC_URL: 'http://log.example', DATA_DIR: dataDir, ...settings });
  const tenant = await signUp(api.url);
  const origin = `log.example/${tenant.organizationId}`;
  let projector = await project({ LOG_SIGNING_KEY: FIRST });
  try {
    await grow(tenant);
    const [old] = await keysOf(api.url, origin);
    await projector.close();
    projector = await project({ LOG_SIGNING_KEY: SECOND, LOG_SIGNING_KEY_PREVIOUS: FIRST });
    await grow(tenant);
    await expect.poll(async () => (await keysOf(api.url, origin)).length, { timeout: 25_000 }).toBe(1);
    await grow(tenant);
    await grow(tenant);
    const keys = await keysOf(api.url, origin);
    expect(keys.map(({ vkey, until }) => [vkey === old?.vkey, until === null])).toEqual([
      [true, false],
      [false, true],
    ]);
    const fresh = keys[1] as Key;
    const { items } = (await tenant.api('GET', '/v1/audit/events?type=audit.signingKeyChanged')).body as {
      items: readonly { seq: number; vkey: string; previousVkey: string }[];
    };
    expect(items).toEqual([expect.objectContaining({ vkey: fresh.vkey, previousVkey: old?.vkey })]);
    const notes = (await checkpointsOf(tenant)).map(({ note }) => note);
    const byOld = notes.flatMap((note) => openCheckpoint(note, [(old as Key).vkey]) ?? []);
    const byNew = notes.flatMap((note) => openCheckpoint(note, [fresh.vkey]) ?? []);
    expect(byOld.length + byNew.length).toBe(notes.length);
    // The newest of the old key covers the record that names the new one.
    expect(Math.max(...byOld.map(({ size }) => size))).toBeGreaterThanOrEqual(items[0]?.seq ?? Infinity);
    expect(Math.min(...byNew.map(({ size }) => size))).toBeGreaterThan(Math.max(...byOld.map(({ size }) => size)));
    expect((await tenant.api('POST', '/v1/audit/self-check')).body).toMatchObject({ ok: true });
    await tenant.identity('nobody signs yet');
    const unsigned = 'select from proof_trees where organization_id = $1 and signed_size < size';
    await until(async () => (await api.db.worker.query(unsigned, [tenant.organizationId])).rowCount === 1);
    const memory = openCheckpointMemory(join(dataDir, 'checkpoints'));
    const strange = { db: api.db, memory, keys: { key: signingKeyOf(Buffer.from(STRANGER, 'base64')), previous: [] } };
    await expect(signTree(strange, tenant.organizationId, new Date(Date.now() + 60_000))).rejects.toThrow(
      RefusedToSign,
    );
  } finally {
    await projector.close();
    await api.close();
    await rm(dataDir, { recursive: true });
  }
}, 180_000);
