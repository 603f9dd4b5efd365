import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { entryOfAnswer, type Answer } from './control-plane/catalog/scan/answers.js';
import { writeShippedFile } from './control-plane/catalog/shipped-file.js';
import { readForeignJson } from './platform/json/foreign-json.js';
import { errorText } from './platform/runtime/log.js';

/**
 * `node src/start.mjs --run catalog-ship <folder> <file>`: makes the entries that a release ships with from what
 * servers answered, one JSON file a server (test/catalog/scan.mjs).
 */
const main = async ([folder, file]: readonly string[]): Promise<void> => {
  if (folder === undefined || file === undefined) throw new Error('say the folder of the answers, and the file');
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json')).toSorted();
  const entries = [];
  for (const name of names) {
    const read = readForeignJson(await readFile(join(folder, name), 'utf8'));
    if (!read.ok) throw new Error(`${name} can not be read: ${read.flaw}`);
    const entry = entryOfAnswer(read.value as Answer);
    if (entry) entries.push(entry);
  }
  await writeFile(file, writeShippedFile(entries));
  const tools = entries.reduce((sum, { tools: all = [] }) => sum + all.length, 0);
  process.stderr.write(`${entries.length} servers with ${tools} tools\n`);
};

main(process.argv.slice(2)).then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${errorText(error)}\n`);
    process.exit(1);
  },
);
