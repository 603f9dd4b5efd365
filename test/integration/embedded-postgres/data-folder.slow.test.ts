import { existsSync, mkdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

import { backUpDataFolder } from '../../../src/platform/embedded-postgres/backup-data-folder.js';
import { lockDataFolder, LOCK_FOLDER } from '../../../src/platform/embedded-postgres/data-lock.js';
import { startEmbeddedPostgres } from '../../../src/platform/embedded-postgres/embedded-postgres.js';
import { postgresFolders, queryOnce } from '../../support/postgres-folders.js';

const { at, own } = postgresFolders();

describe('the data folder has one owner', () => {
  test('a second Toolgate is refused by name of the first, whose database goes on; a backup too', async () => {
    const dataDir = at('owned');
    const server = await startEmbeddedPostgres({ dataDir });
    try {
      const second = await own(dataDir).first;
      expect(second.error).toContain(`in use by another Toolgate (process ${process.pid})`);
      await expect(startEmbeddedPostgres({ dataDir })).rejects.toThrow(/in use by another Toolgate \(this process/);
      await expect(backUpDataFolder({ dataDir, target: at('backups'), now: new Date() })).rejects.toThrow(
        /in use by another Toolgate/,
      );
      expect(await queryOnce(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    } finally {
      await server.stop();
    }
  });

  test('of two that start at the same time at most one runs, and the lock of one killed is no hindrance', async () => {
    const dataDir = at('raced');
    const [a, b] = [own(dataDir), own(dataDir)];
    const lines = await Promise.all([a.first, b.first]);
    expect(lines.filter((line) => line.url !== undefined)).toHaveLength(1);
    const winner = lines[0]!.url === undefined ? b : a;
    process.kill(winner.child.pid!, 'SIGKILL');
    await new Promise((done) => winner.child.once('exit', done));
    await (await lockDataFolder(dataDir)).release();
  });

  test('an owner out of sight counts while its lock is touched, and not after', async () => {
    const dataDir = at('other-container');
    const foreign = join(dataDir, LOCK_FOLDER, '0123456789abcdef-1-100');
    mkdirSync(join(dataDir, LOCK_FOLDER), { recursive: true });
    writeFileSync(foreign, '');
    const beat = setInterval(() => writeFileSync(foreign, 'x'), 500);
    const refused = lockDataFolder(dataDir);
    await expect(refused).rejects.toThrow(/another container or on another machine/);
    clearInterval(beat);
    utimesSync(foreign, 0, 0);
    await (await lockDataFolder(dataDir)).release();
    expect(existsSync(foreign)).toBe(false);
  });
});

test(
  'a backup is complete, keeps modes, starts as a database of its own, and may not lie in the data ' + 'folder',
  async () => {
    const dataDir = at('backed-up');
    const server = await startEmbeddedPostgres({ dataDir });
    await queryOnce(server.url, 'create table kept as select 99 as n');
    await server.stop();
    writeFileSync(join(dataDir, 'master.key'), 'key', { mode: 0o600 });
    await expect(backUpDataFolder({ dataDir, target: join(dataDir, 'here'), now: new Date() })).rejects.toThrow(
      /inside the data folder/,
    );
    rmSync(join(dataDir, 'here'), { recursive: true });
    const backup = await backUpDataFolder({
      dataDir,
      target: at('backups'),
      now: new Date('2030-01-02T03:04:05Z'),
    });
    expect(backup.folder).toBe(at('backups', 'toolgate-2030-01-02T03-04-05-000Z'));
    expect(statSync(join(backup.folder, 'master.key')).mode & 0o777).toBe(0o600);
    expect(statSync(join(backup.folder, 'pg', '18')).mode & 0o777).toBe(0o700);
    const restored = await startEmbeddedPostgres({ dataDir: backup.folder });
    try {
      expect(await queryOnce(restored.url, 'select n from kept')).toEqual([{ n: 99 }]);
    } finally {
      await restored.stop();
    }
  },
);
