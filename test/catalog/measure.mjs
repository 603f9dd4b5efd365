/**
 * Measures a running Toolgate with a large catalog:
 *
 *   node test/catalog/generate.mjs /tmp/servers.ndjson && npm run catalog:import -- /tmp/servers.ndjson
 *   npm start & node test/catalog/measure.mjs [URL, http://127.0.0.1:8080]
 *
 * Eight readers, each at an address of its own on the loopback, search at once; then one reads pages of tools that
 * nobody has read. Prints the percentiles and the load of the machine.
 */
import { request } from 'node:http';
import { loadavg } from 'node:os';

const READERS = 8;
const SEARCHES = 100;
const PAGES = 200;
const url = new URL(process.argv[2] ?? 'http://127.0.0.1:8080');
const WORDS = [
  'gitlab',
  'server',
  'mcp',
  'search files',
  'database query',
  'serach',
  'get',
  's',
  'github pull',
  'memry',
];
const FILTERS = ['', '&category=Financial', '&risk=critical', '&transport=stdio'];

const get = (path, localAddress) =>
  new Promise((resolve, reject) => {
    const began = performance.now();
    request(new URL(path, url), { localAddress }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part) => (text += part));
      response.on('end', () => resolve({ ms: performance.now() - began, status: response.statusCode, text }));
    })
      .on('error', reject)
      .end();
  });

const percentiles = (times) => {
  const sorted = times.toSorted((one, other) => one - other);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))].toFixed(1);
  return `p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, p99 ${at(0.99)} ms of ${times.length}`;
};

const load = () => `load of the machine ${loadavg()[0].toFixed(1)}`;

const search = async (reader) => {
  const times = [];
  for (let count = 0; count < SEARCHES; count += 1) {
    const q = encodeURIComponent(WORDS[(count + reader) % WORDS.length]);
    const filter = FILTERS[Math.floor(count / WORDS.length) % FILTERS.length];
    const { ms, status } = await get(`/v1/catalog/servers?limit=30&q=${q}${filter}`, `127.0.0.${reader + 2}`);
    if (status !== 200) throw new Error(`a search answered ${status}`);
    times.push(ms);
  }
  return times;
};

const readTools = async () => {
  const { text } = await get(`/v1/catalog/servers?limit=${PAGES}&risk=high`, '127.0.0.2');
  const times = [];
  for (const { slug } of JSON.parse(text).items) {
    const { tools } = JSON.parse((await get(`/v1/catalog/servers/${slug}`, '127.0.0.2')).text);
    const { ms, status } = await get(`/catalog/${slug}/${encodeURIComponent(tools[0].name)}`, '127.0.0.2');
    if (status === 200) times.push(ms);
  }
  return times;
};

await get('/v1/catalog/servers?limit=1');
const times = (await Promise.all(Array.from({ length: READERS }, (_, reader) => search(reader)))).flat();
console.log(`search, ${READERS} readers: ${percentiles(times)}, ${load()}`);
console.log(`page of a tool, not in memory: ${percentiles(await readTools())}, ${load()}`);
