import type { Database, Tx } from '../../../platform/postgres/database.js';
import type { CatalogEntry } from '../catalog-entry.js';
import { lockCatalog, saveEntries } from '../save-entries.js';
import type { Imported } from './registry-entry.js';

/** What an import has done so far. `leftOut` are entries without a name, and versions that are not the latest. */
export type ImportProgress = Readonly<{ read: number; saved: number; removed: number; leftOut: number }>;

export const NO_PROGRESS: ImportProgress = { read: 0, saved: 0, removed: 0, leftOut: 0 };

/** Of a server whose name comes twice, the last counts. */
const lastOfEach = (imported: readonly (Imported | undefined)[]): ReadonlyMap<string, CatalogEntry | null> => {
  const byName = new Map<string, CatalogEntry | null>();
  for (const one of imported)
    if (one !== undefined) byName.set('save' in one ? one.save.name : one.remove, 'save' in one ? one.save : null);
  return byName;
};

/** What was scanned here, or is shipped, is not the registry's to take away. */
const removeServers = async (tx: Tx, names: readonly string[]): Promise<number> => {
  if (names.length === 0) return 0;
  const removed = await tx.query("delete from catalog_servers where name = any ($1) and source = 'registry'", [names]);
  return removed.rowCount ?? 0;
};

/**
 * Saves a batch of entries, and what the batch makes of the state of its source, in one transaction: an import that is
 * cut off goes on behind the last batch that is there as a whole.
 */
export const saveImported = async (
  db: Database,
  imported: readonly (Imported | undefined)[],
  saveState: (tx: Tx) => Promise<void> = () => Promise.resolve(),
): Promise<ImportProgress> => {
  const byName = lastOfEach(imported);
  const entries = [...byName.values()].filter((entry) => entry !== null);
  const gone = [...byName].flatMap(([name, entry]) => (entry === null ? [name] : []));
  return db.asWorker(async (tx) => {
    await lockCatalog(tx);
    if (entries.length > 0) await saveEntries(tx, entries);
    const removed = await removeServers(tx, gone);
    await saveState(tx);
    return {
      read: imported.length,
      saved: entries.length,
      removed,
      leftOut: imported.filter((one) => one === undefined).length,
    };
  });
};

/** Adds up what batches did. */
export const addProgress = (one: ImportProgress, other: ImportProgress): ImportProgress => ({
  read: one.read + other.read,
  saved: one.saved + other.saved,
  removed: one.removed + other.removed,
  leftOut: one.leftOut + other.leftOut,
});
