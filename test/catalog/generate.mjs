/**
 * Writes servers as they might be listed, one a line, with the tools of those that have any:
 *
 *   node test/catalog/generate.mjs <file.ndjson> [servers, 42500] [tools, 500000] [seed, 1]
 *
 * Names and sizes follow frequencies.json: how often each word stands in the names and descriptions of published tools,
 * how many tools servers have, how many words and inputs tools. None of the texts is anybody's. The same seed makes the
 * same file.
 */
import { createWriteStream, readFileSync } from 'node:fs';
import { once } from 'node:events';
import { pathToFileURL } from 'node:url';

const frequencies = JSON.parse(readFileSync(new URL('frequencies.json', import.meta.url), 'utf8'));

/** Numbers between 0 and 1 (mulberry32). */
const randomFrom = (seed) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

/** Draws one of some values, each as often as its count says. */
const drawerOf = (counted, random) => {
  const sums = [];
  let sum = 0;
  for (const [, count] of counted) sums.push((sum += count));
  return () => {
    const at = random() * sum;
    let [from, to] = [0, sums.length - 1];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (sums[middle] <= at) from = middle + 1;
      else to = middle;
    }
    return counted[from][0];
  };
};

/** Draws between the values at two neighbouring hundredths. */
const quantileDrawer = (values, random) => () => {
  const at = random() * (values.length - 1);
  const low = Math.floor(at);
  return Math.round(values[low] + (at - low) * ((values[low + 1] ?? values[low]) - values[low]));
};

const SYLLABLES =
  'an ar be bo ca da de di el en fa ga ha in jo ka la le lo ma mi na no or pa qui ra ri sa se ta ti to va xo ze';

const times = (count, make) => Array.from({ length: count }, make);

/** Servers as entries of a registry, of which some list tools, `tools` in all. */
export function* generate({ servers, tools, seed }) {
  const random = randomFrom(seed);
  const draw = Object.fromEntries(
    [
      'serverWords',
      'toolFirstWords',
      'toolOtherWords',
      'descriptionWords',
      'inputNames',
      'wordsPerTool',
      'inputsPerTool',
    ].map((name) => [name, drawerOf(frequencies[name], random)]),
  );
  const toolCount = quantileDrawer(frequencies.toolsPerServer, random);
  const descriptionLength = quantileDrawer(frequencies.wordsPerDescription, random);
  const syllables = SYLLABLES.split(' ');
  const syllable = () => syllables[Math.floor(random() * syllables.length)];
  const owner = () => times(2 + Math.floor(random() * 3), syllable).join('');
  const words = (count, one) => times(count, one).join(' ');

  const tool = () => {
    const rest = times(draw.wordsPerTool() - 1, draw.toolOtherWords);
    const inputs = new Set(times(draw.inputsPerTool(), draw.inputNames));
    const properties = Object.fromEntries(
      [...inputs].map((name) => [
        name,
        { type: random() < 0.8 ? 'string' : 'number', description: words(6, draw.descriptionWords) },
      ]),
    );
    return {
      name: [draw.toolFirstWords(), ...rest].join('_'),
      description: words(descriptionLength(), draw.descriptionWords),
      inputSchema: { type: 'object', properties },
    };
  };

  const sizes = times(servers, () => toolCount());
  const drawn = sizes.reduce((sum, size) => sum + size, 0);
  let [before, given] = [0, 0];
  for (const [at, size] of sizes.entries()) {
    before += size;
    const share = Math.round((before * tools) / drawn) - given;
    const listed = new Map();
    while (listed.size < share) {
      const one = tool();
      listed.set(one.name, one);
    }
    given += listed.size;
    const name = times(1 + Math.floor(random() * 3), draw.serverWords).join('-');
    const isRemote = random() < 0.45;
    yield {
      name: `io.github.${owner()}/${name}-${at}`,
      description: words(8 + Math.floor(random() * 12), draw.descriptionWords),
      version: `${Math.floor(random() * 3)}.${Math.floor(random() * 20)}.0`,
      ...(isRemote
        ? {
            remotes: [
              {
                type: 'streamable-http',
                url: `https://mcp-${at}.example/mcp`,
                headers: [{ name: 'Authorization', isRequired: true, isSecret: true }],
              },
            ],
          }
        : {
            packages: [
              {
                registryType: random() < 0.7 ? 'npm' : 'pypi',
                identifier: `${owner()}-${name}`,
                version: '1.0.0',
                transport: { type: 'stdio' },
              },
            ],
          }),
      ...(listed.size === 0 ? {} : { tools: [...listed.values()] }),
    };
  }
}

const write = async (file, [servers = 42_500, tools = 500_000, seed = 1]) => {
  const out = createWriteStream(file);
  for (const entry of generate({ servers, tools, seed }))
    if (!out.write(`${JSON.stringify(entry)}\n`)) await once(out, 'drain');
  out.end();
  await once(out, 'close');
};

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [file, ...numbers] = process.argv.slice(2);
  if (file === undefined) throw new Error('say the file to write');
  await write(file, numbers.map(Number));
}
