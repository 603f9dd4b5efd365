import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import type { Database, Tx } from '../../platform/postgres/database.js';
import { lockCatalog, recountWords, saveEntries } from './save-entries.js';
import type { CatalogEntry } from './catalog-entry.js';
import { readShippedFile } from './shipped-file.js';

const FOLDER = new URL('./data/', import.meta.url);
const SOURCE = 'shipped';
const BATCH_SIZE = 50;

type Shipped = Readonly<{ hash: string; texts: readonly string[] }>;

const readShipped = async (): Promise<Shipped> => {
  const names = (await readdir(FOLDER)).filter((name) => name.endsWith('.json')).toSorted();
  const texts = await Promise.all(names.map((name) => readFile(new URL(name, FOLDER), 'utf8')));
  const hash = createHash('sha256');
  for (const text of texts) hash.update(text);
  return { hash: hash.digest('hex'), texts };
};

/** The entries that this release ships with, without a database. */
export const shippedEntries = async (): Promise<readonly CatalogEntry[]> => {
  const { texts } = await readShipped();
  return texts.flatMap(readShippedFile);
};

const isLoaded = async (tx: Tx, hash: string): Promise<boolean> => {
  const { rows } = await tx.query<{ hash: string }>(
    `select state->>'hash' as hash from catalog_sources where source = $1`,
    [SOURCE],
  );
  return rows[0]?.hash === hash;
};

/**
 * Saves the entries that this release ships with, unless the catalog has them already. What was scanned here since, or
 * read from a registry, is replaced: a release knows more of a server than it did.
 */
export const loadShippedCatalog = async (db: Database): Promise<boolean> => {
  const { hash, texts } = await readShipped();
  if (await db.asWorker((tx) => isLoaded(tx, hash))) return false;
  const entries = texts.flatMap(readShippedFile);
  return db.asWorker(async (tx) => {
    await lockCatalog(tx);
    if (await isLoaded(tx, hash)) return false;
    for (let from = 0; from < entries.length; from += BATCH_SIZE)
      await saveEntries(tx, entries.slice(from, from + BATCH_SIZE));
    await recountWords(tx);
    await tx.query(
      `insert into catalog_sources(source, state) values ($1, $2)
       on conflict (source) do update set state = excluded.state, read_at = now()`,
      [SOURCE, JSON.stringify({ hash })],
    );
    return true;
  });
};
