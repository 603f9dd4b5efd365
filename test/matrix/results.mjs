import { readFile, writeFile } from 'node:fs/promises';

const FILE = new URL('results.json', import.meta.url);

export const readResults = async () => JSON.parse(await readFile(FILE, 'utf8').catch(() => '[]'));

const keyOf = ({ client, server, transport }) => `${server} ${transport} ${client}`;

/** Puts these rows in the place of the earlier ones of the same pairs. */
export const saveResults = async (rows) => {
  const fresh = new Set(rows.map(keyOf));
  const kept = (await readResults()).filter((row) => !fresh.has(keyOf(row)));
  const all = [...kept, ...rows].toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  await writeFile(FILE, `${JSON.stringify(all, null, 2)}\n`);
};
