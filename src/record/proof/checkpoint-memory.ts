import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Database } from '../../platform/postgres/database.js';

/**
 * The last checkpoint of each organization, kept outside the database: a database that was restored to an older state
 * does not know what was signed since.
 */
export type CheckpointMemory = Readonly<{
  /** The note that was kept last; undefined when there is none. */
  recall: (organizationId: string) => Promise<string | undefined>;
  keep: (organizationId: string, note: string) => Promise<void>;
}>;

/** A memory of files in a folder, one an organization, each replaced as a whole. */
export const openCheckpointMemory = (folder: string): CheckpointMemory => ({
  recall: (organizationId) =>
    readFile(join(folder, organizationId), 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    }),
  keep: async (organizationId, note) => {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(join(folder, `${organizationId}.new`), note, { mode: 0o600, flush: true });
    await rename(join(folder, `${organizationId}.new`), join(folder, organizationId));
  },
});

/** Forgets the checkpoints of organizations of which the database has nothing any more. */
export const forgetEnded = async (folder: string, db: Database): Promise<void> => {
  const names = await readdir(folder).catch(() => []);
  const ids = [...new Set(names.map((name) => name.replace(/\.new$/, '')))];
  const { rows } = await db.worker.query<{ id: string }>(
    'select kept.id from unnest($1::text[]) kept(id) left join organizations o on o.id = kept.id where o.id is null',
    [ids],
  );
  const ended = new Set(rows.map(({ id }) => id));
  for (const name of names) if (ended.has(name.replace(/\.new$/, ''))) await rm(join(folder, name), { force: true });
};
