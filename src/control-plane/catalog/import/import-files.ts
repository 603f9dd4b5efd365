import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { MAX_JSON_LENGTH, readForeignJson } from '../../../platform/json/foreign-json.js';
import { isObject } from '../../../platform/json/json-object.js';
import type { Database } from '../../../platform/postgres/database.js';
import { lockCatalog, recountWords } from '../save-entries.js';
import { ImportStopped } from './fetch-page.js';
import { importedOf, type Imported } from './registry-entry.js';
import { addProgress, NO_PROGRESS, saveImported, type ImportProgress } from './save-imported.js';

const BATCH_SIZE = 250;

const parse = (text: string, where: string): unknown => {
  const read = readForeignJson(text);
  if (!read.ok) throw new ImportStopped(`${where} can not be read as JSON.`);
  return read.value;
};

/** The entries of a JSON file: one `server.json`, a list of them, or a page of a registry's API. */
const entriesIn = (value: unknown): readonly unknown[] => {
  if (Array.isArray(value)) return value;
  if (isObject(value) && Array.isArray(value['servers'])) return value['servers'];
  return [value];
};

/** The entries of a file, in its order; a `.ndjson` has one a line, and may be of any size. */
async function* entriesOf(file: string): AsyncGenerator {
  if (/\.(ndjson|jsonl)$/i.test(file)) {
    let line = 0;
    for await (const text of createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: Infinity })) {
      line += 1;
      if (text.trim() !== '') yield parse(text, `Line ${line} of ${file}`);
    }
    return;
  }
  const { size } = await stat(file);
  if (size > MAX_JSON_LENGTH) throw new ImportStopped(`${file} is too large: write one entry a line, as .ndjson.`);
  yield* entriesIn(parse(await readFile(file, 'utf8'), file));
}

/** A file itself, or the JSON files of a folder and the folders in it. */
const filesAt = async (path: string): Promise<readonly string[]> => {
  if (!(await stat(path)).isDirectory()) return [path];
  const names = await readdir(path, { recursive: true });
  return names
    .filter((name) => /\.(nd)?json$/i.test(name))
    .toSorted()
    .map((name) => join(path, name));
};

async function* batches(files: readonly string[]): AsyncGenerator<readonly unknown[]> {
  let batch: unknown[] = [];
  for (const file of files)
    for await (const entry of entriesOf(file)) {
      batch.push(entry);
      if (batch.length < BATCH_SIZE) continue;
      yield batch;
      batch = [];
    }
  if (batch.length > 0) yield batch;
}

/**
 * Imports `server.json` files: a file with one or many, or all in a folder. Batches are saved as they are read, and
 * saving one again changes nothing.
 * @throws ImportStopped for a file that can not be read; what was read until then stays
 */
export const importFiles = async (
  { db, onProgress, now }: Readonly<{ db: Database; onProgress: (progress: ImportProgress) => void; now: Date }>,
  path: string,
): Promise<ImportProgress> => {
  const today = now.toISOString().slice(0, 10);
  let progress = NO_PROGRESS;
  const save = async (imported: readonly (Imported | undefined)[]): Promise<void> => {
    progress = addProgress(progress, await saveImported(db, imported));
    onProgress(progress);
  };
  // While a batch is saved the next one is read and classified.
  let saving: Promise<void> = Promise.resolve();
  for await (const batch of batches(await filesAt(path))) {
    const imported = batch.map((one) => importedOf(one, today));
    await saving;
    saving = save(imported);
    saving.catch(() => undefined);
  }
  await saving;
  await db.asWorker(async (tx) => {
    await lockCatalog(tx);
    await recountWords(tx);
  });
  return progress;
};
