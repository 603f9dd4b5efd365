import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

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
