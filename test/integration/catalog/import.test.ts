import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ImportStopped } from '../../../src/control-plane/catalog/import/fetch-page.js';
import { importFiles } from '../../../src/control-plane/catalog/import/import-files.js';
import { importRegistry } from '../../../src/control-plane/catalog/import/import-registry.js';
import type { ImportProgress } from '../../../src/control-plane/catalog/import/save-imported.js';
import { findCatalogServer, type CatalogServerDetail } from '../../../src/control-plane/catalog/catalog.store.js';
import { listCatalogServers } from '../../../src/control-plane/catalog/catalog-list.js';
import { makeOutbound } from '../../../src/platform/outbound/outbound.js';
import { Database } from '../../../src/platform/postgres/database.js';
import { testDatabase, type TestDatabase } from '../../support/database.js';
import { startRegistry, type RegistryServer, type TestRegistry } from '../../support/registry.js';

let database: TestDatabase;
let db: Database;
let registry: TestRegistry;
const waits: number[] = [];

beforeAll(async () => {
  database = await testDatabase();
  db = new Database(database.url, { app: 1, worker: 2 });
});
afterAll(async () => {
  await db.close();
  await database.drop();
});
beforeEach(async () => {
  registry = await startRegistry(10);
  waits.length = 0;
});
afterEach(() => registry.close());

const DAY = '2026-11-30';
const server = (index: number, more: Partial<RegistryServer> = {}): RegistryServer => ({
  name: `io.test.${registry.url.slice(-5)}/server-${String(index).padStart(2, '0')}`,
  updatedAt: `${DAY}T00:00:00Z`,
  ...more,
});
const fill = (count: number): void =>
  void registry.servers.push(...Array.from({ length: count }, (_, at) => server(at)));

const importIt = (now = `${DAY}T12:00:00Z`): Promise<ImportProgress> =>
  importRegistry({
    db,
    outbound: makeOutbound({ allow: ['127.0.0.0/8'], ownPorts: () => [] }),
    registry: registry.url,
    onProgress: () => undefined,
    now: () => new Date(now),
    wait: async (ms) => void waits.push(ms),
  });

const known = async (): Promise<number> => {
  const { rows } = await db.asWorker((tx) =>
    tx.query<{ count: number }>('select count(*) from catalog_servers where name like $1', [
      `${server(0).name.slice(0, -2)}%`,
    ]),
  );
  return rows[0]?.count ?? 0;
};

const slugOf = (index: number): string => server(index).name.replaceAll(/[^a-z0-9]/g, '-');
const found = async (index: number): Promise<CatalogServerDetail | undefined> =>
  db.asWorker((tx) => findCatalogServer(tx, slugOf(index)));

describe('An import of a registry', () => {
  test('reads all pages the first time, and later only what changed', async () => {
    fill(25);
    expect(await importIt()).toMatchObject({ read: 25, saved: 25, removed: 0 });
    expect(registry.asked.map((query) => query.get('cursor') !== null)).toEqual([false, true, true]);
    expect(await known()).toBe(25);
    registry.servers[3] = server(3, { updatedAt: '2026-12-01T00:00:00Z', version: '2.0.0' });
    expect(await importIt('2026-12-01T12:00:00Z')).toMatchObject({ read: 1, saved: 1 });
    expect(registry.asked.at(-1)?.get('updated_since')).toBe(`${DAY}T11:00:00.000Z`);
    expect(await found(3)).toMatchObject({ version: '2.0.0', source: 'registry' });
  });

  test('removes what was deleted, marks what is deprecated, and keeps only the latest version', async () => {
    fill(3);
    await importIt();
    const changed = '2026-12-02T00:00:00Z';
    registry.servers.push(server(1, { updatedAt: changed, version: '0.9.0', isLatest: false }));
    registry.servers[0] = server(0, { updatedAt: changed, status: 'deleted' });
    registry.servers[2] = server(2, { updatedAt: changed, status: 'deprecated' });
    expect(await importIt('2026-12-02T12:00:00Z')).toMatchObject({ read: 3, saved: 1, removed: 1, leftOut: 1 });
    expect(await found(0)).toBeUndefined();
    expect(await found(1)).toMatchObject({ version: '1.0.0', deprecated: false });
    expect(await found(2)).toMatchObject({ deprecated: true });
  });

  test('asks again after a connection that died and after 429, and waits as it is told', async () => {
    fill(15);
    registry.faults.push(undefined, 'dies', 'busy');
    expect(await importIt()).toMatchObject({ saved: 15 });
    expect(waits).toEqual([1000, 7000]);
  });

  test('that was cut off goes on behind the last page that it saved', async () => {
    fill(25);
    registry.faults.push(undefined, ...Array.from({ length: 6 }, () => 'dies' as const));
    await expect(importIt()).rejects.toThrow(ImportStopped);
    expect(await known()).toBe(10);
    registry.asked.length = 0;
    expect(await importIt()).toMatchObject({ read: 15, saved: 15 });
    expect(registry.asked[0]?.get('cursor')).toBe(server(9).name);
    expect(await known()).toBe(25);
  });

  test('begins again where the registry has forgotten the place', async () => {
    fill(15);
    registry.faults.push(undefined, ...Array.from({ length: 6 }, () => 'dies' as const));
    await expect(importIt()).rejects.toThrow(ImportStopped);
    registry.faults.push('no_cursor');
    expect(await importIt()).toMatchObject({ read: 15 });
  });

  test.each(['circle', 'huge', 'not_json', 'redirect'] as const)(
    'stops at a registry that answers with: %s',
    async (fault) => {
      registry.faults.push(...Array.from({ length: 10 }, () => fault));
      await expect(importIt()).rejects.toThrow(ImportStopped);
      expect(registry.asked.length).toBeLessThan(8);
    },
  );

  test('goes to no address that the guard refuses', async () => {
    const outbound = makeOutbound({ allow: [], ownPorts: () => [] });
    await expect(importRegistry({ db, outbound, registry: registry.url, onProgress: () => undefined })).rejects.toThrow(
      /UPSTREAM_ALLOW/,
    );
    expect(registry.asked).toEqual([]);
  });

  test('takes of a hostile entry what can be shown, and leaves the others be', async () => {
    const remotes = [
      { type: 'streamable-http', url: 'https://user:secret@evil.example/mcp' },
      { type: 'sse', url: 'javascript:alert(1)' },
      ...Array.from({ length: 5000 }, () => ({ type: 'x'.repeat(300), url: {} })),
    ];
    const packages = [{ registryType: '__proto__', identifier: '--upload', version: '$(id)' }, null, 7];
    registry.servers.push(
      server(0, { server: { description: `\u0000\u001b[2J${'long '.repeat(10_000)}`, remotes, packages } }),
      server(1, { server: { name: '../../etc/passwd\u202e' } }),
      server(2, { server: { name: 7, description: {} } }),
      server(3, { server: { description: 'A plain one' } }),
    );
    expect(await importIt()).toMatchObject({ read: 4, saved: 2, leftOut: 2 });
    const hostile = await found(0);
    expect(hostile?.summary).toMatch(/^\[2J(long )+/);
    expect(hostile?.summary.length).toBeLessThanOrEqual(500);
    expect(JSON.stringify(hostile)).not.toMatch(/secret|javascript:|--upload/);
    expect(await found(3)).toMatchObject({ summary: 'A plain one' });
  });

  test('keeps how a server is registered, with names of headers and variables and none of their values', async () => {
    registry.servers.push(
      server(0, {
        server: {
          remotes: [
            {
              type: 'streamable-http',
              url: 'https://mcp.example.com/mcp',
              headers: [{ name: 'Authorization', value: 'Bearer canary', isRequired: true, isSecret: true }],
            },
          ],
        },
      }),
      server(1, {
        server: {
          packages: [
            {
              registryType: 'npm',
              identifier: '@test/mcp',
              version: '1.2.3',
              transport: { type: 'stdio' },
              packageArguments: [
                { type: 'named', name: '--mode', value: 'fast' },
                { type: 'positional', value: '{folder}' },
              ],
              environmentVariables: [{ name: 'TEST_TOKEN', default: 'canary', isRequired: true, isSecret: true }],
            },
          ],
        },
      }),
    );
    await importIt();
    expect((await found(0))?.preset).toEqual({
      transport: { type: 'streamable-http', url: 'https://mcp.example.com/mcp' },
      auth: 'headers',
      settings: [{ name: 'Authorization', required: true, secret: true }],
    });
    expect((await found(1))?.preset).toEqual({
      transport: { type: 'stdio', command: 'npx', args: ['-y', '@test/mcp@1.2.3', '--mode', 'fast'] },
      auth: 'none',
      settings: [{ name: 'TEST_TOKEN', required: true, secret: true }],
    });
  });
});

describe('An import of files', () => {
  test('reads a folder of server.json files, lists and lines, and classifies the tools that they list', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'toolgate-import-'));
    try {
      const tools = [{ name: 'list_orders' }, { name: 'delete_order' }, { name: 'delete_order' }, 'none'];
      await writeFile(join(folder, 'one.json'), JSON.stringify({ name: 'file/one', description: 'Orders', tools }));
      await writeFile(join(folder, 'many.json'), JSON.stringify([{ name: 'file/two' }, { name: 'file/three' }]));
      await writeFile(join(folder, 'lines.ndjson'), '{"server":{"name":"file/four"}}\n\n{"name":"file/one-more"}\n');
      await writeFile(join(folder, 'notes.txt'), 'not looked at');
      const done = await importFiles({ db, onProgress: () => undefined, now: new Date(`${DAY}T12:00:00Z`) }, folder);
      expect(done).toEqual({ read: 5, saved: 5, removed: 0, leftOut: 0 });
      expect(await db.asWorker((tx) => findCatalogServer(tx, 'file-one'))).toMatchObject({
        verifiedOn: DAY,
        toolCount: 2,
        byCategory: { Read: 1, Destructive: 1 },
        versions: [],
      });
      const { items } = await db.asWorker((tx) => listCatalogServers(tx, { q: 'orders' }));
      expect(items.map(({ slug }) => slug)).toEqual(['file-one']);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('names the file that can not be read, and nothing of what it holds', async () => {
    const file = join(tmpdir(), `toolgate-broken-${process.pid}.json`);
    await writeFile(file, '{"canary');
    const work = importFiles({ db, onProgress: () => undefined, now: new Date() }, file);
    await expect(work.finally(() => rm(file))).rejects.toThrow(/toolgate-broken-\d+\.json can not be read as JSON\.$/);
  });
});
