/**
 * The calculator of /token-cost. It reads a client's configuration in the browser. Of each server it keeps the name;
 * env, headers, arguments and the path of a URL are dropped before anything is sent.
 */
const MAX_SERVERS = 30;
const MAX_LENGTH = 200_000;
const number = new Intl.NumberFormat('en');

const area = document.querySelector('#config');
const button = document.querySelector('#calculator button');
const result = document.querySelector('#result');

/** JSON as clients write it: with comments, and commas before a closing bracket. */
const readLoosely = (text) => {
  const plain = text.replace(/("(?:[^"\\]|\\.)*")|\/\/[^\n]*|\/\*[^]*?\*\//g, (_, string) => string ?? '');
  return JSON.parse(plain.replace(/("(?:[^"\\]|\\.)*")|,(\s*[}\]])/g, (_, string, end) => string ?? end));
};

/** The names of the servers in a configuration. Nothing else of it leaves this function. */
const namesIn = (text) => {
  const { mcpServers, servers, mcp, context_servers: zed } = readLoosely(text);
  const found = mcpServers ?? servers ?? mcp?.servers ?? zed;
  if (typeof found !== 'object' || found === null) throw new TypeError('no servers');
  return Object.keys(found).slice(0, MAX_SERVERS);
};

const wordsOf = (name) =>
  name
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '' && word !== 'mcp' && word !== 'server');

/** The server of the catalog that a name means: one whose words hold all words of the name. */
const find = async (name) => {
  const words = wordsOf(name);
  if (words.length === 0) return undefined;
  const response = await fetch(`/v1/catalog/servers?limit=10&q=${encodeURIComponent(words.join(' '))}`);
  if (!response.ok) throw new Error(String(response.status));
  const { items } = await response.json();
  return items.find(
    (item) => item.toolCount > 0 && words.every((word) => wordsOf(`${item.name} ${item.slug}`).includes(word)),
  );
};

const cell = (row, tag, content) => {
  const made = document.createElement(tag);
  made.append(content);
  if (tag === 'th') made.scope = 'row';
  row.append(made);
};

const linkTo = ({ slug, name }) => {
  const link = document.createElement('a');
  link.href = `/catalog/${slug}`;
  link.textContent = name;
  return link;
};

const say = (text) => {
  const line = document.createElement('p');
  line.textContent = text;
  result.replaceChildren(line);
};

const show = (found) => {
  const table = document.createElement('table');
  const head = table.createTHead().insertRow();
  for (const title of ['Your server', 'In the catalog', 'Tools', 'Tokens']) {
    const made = document.createElement('th');
    made.scope = 'col';
    made.textContent = title;
    head.append(made);
  }
  const body = table.createTBody();
  for (const { name, server } of found) {
    const row = body.insertRow();
    cell(row, 'th', name);
    cell(row, 'td', server === undefined ? 'not known' : linkTo(server));
    cell(row, 'td', server === undefined ? '' : number.format(server.toolCount));
    cell(row, 'td', server === undefined ? '' : number.format(server.tokens));
  }
  const sum = found.reduce((total, { server }) => total + (server?.tokens ?? 0), 0);
  const unknown = found.filter(({ server }) => server === undefined).length;
  const line = document.createElement('p');
  const percent = (of) => `${Math.round((1000 * sum) / of) / 10} %`;
  line.textContent =
    `About ${number.format(sum)} tokens before the first call: ${percent(200_000)} of 200,000, ` +
    `${percent(1_000_000)} of a million.${unknown > 0 ? ` ${unknown} of ${found.length} servers are not known.` : ''}`;
  result.replaceChildren(line, table);
};

const calculate = async () => {
  let names;
  try {
    names = namesIn(area.value.slice(0, MAX_LENGTH));
  } catch {
    return say('This is not the configuration of a client: it wants JSON with "mcpServers" or "servers".');
  }
  if (names.length === 0) return say('This configuration has no servers.');
  button.disabled = true;
  say('Counting …');
  try {
    const found = [];
    for (const name of names) found.push({ name, server: await find(name) });
    show(found);
  } catch {
    say('The catalog did not answer. Try again in a moment.');
  } finally {
    button.disabled = false;
  }
};

for (const hidden of document.querySelectorAll('#calculator [hidden]')) hidden.hidden = false;
button.addEventListener('click', calculate);
