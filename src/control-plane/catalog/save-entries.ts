import type { Tx } from '../../platform/postgres/database.js';
import { countCategories, otherSlugOf, slugOf, toolsHashOf, type CatalogEntry } from './catalog-entry.js';
import { searchWordsOf, trigramsOf } from './search-words.js';

type Slugged = Readonly<{ slug: string; entry: CatalogEntry }>;

/** Each entry with its slug: the one that it has, else its own unless another server has that. */
const withSlugs = async (tx: Tx, entries: readonly CatalogEntry[]): Promise<readonly Slugged[]> => {
  const plain = entries.map(({ name }) => slugOf(name));
  const { rows } = await tx.query<{ slug: string; name: string }>(
    'select slug, name from catalog_servers where slug = any ($1) or name = any ($2)',
    [plain, entries.map(({ name }) => name)],
  );
  const known = new Map(rows.map(({ name, slug }) => [name, slug]));
  const taken = new Map(rows.map(({ name, slug }) => [slug, name]));
  return entries.map((entry, at) => {
    const own = known.get(entry.name);
    if (own !== undefined) return { slug: own, entry };
    const wanted = plain[at] ?? '';
    const slug = (taken.get(wanted) ?? entry.name) === entry.name ? wanted : otherSlugOf(entry.name);
    taken.set(slug, entry.name);
    return { slug, entry };
  });
};

const rowOf = ({ slug, entry }: Slugged): object => {
  const { tools = [] } = entry;
  const counts = countCategories(tools);
  const nameWords = searchWordsOf(entry.name);
  return {
    slug,
    name: entry.name,
    summary: entry.summary,
    version: entry.version,
    source: entry.source,
    transports: entry.transports,
    preset: entry.preset,
    deprecated: entry.isDeprecated ?? false,
    tool_count: tools.length,
    read_count: counts.Read,
    write_count: counts.Write,
    execute_count: counts.Execute,
    destructive_count: counts.Destructive,
    financial_count: counts.Financial,
    tokens: tools.reduce((sum, { tokens }) => sum + tokens, 0),
    verified_on: entry.verifiedOn,
    name_words: nameWords,
    words: searchWordsOf(entry.name, entry.summary, ...tools.map(({ name }) => name)),
  };
};

const COUNTED =
  'tool_count, read_count, write_count, execute_count, destructive_count, financial_count, tokens, verified_on, words';

/** An entry without tools says nothing of those that are known: what is counted of them stays. */
const saveServers = async (tx: Tx, entries: readonly Slugged[], hasTools: boolean): Promise<void> => {
  const always = 'name, summary, version, source, transports, preset, deprecated, name_words';
  const changed = (hasTools ? `${always}, ${COUNTED}` : always).split(', ').map((name) => `${name} = excluded.${name}`);
  const words = 'words = case when catalog_servers.tool_count = 0 then excluded.words else catalog_servers.words end';
  await tx.query(
    `insert into catalog_servers(slug, ${always}, ${COUNTED})
     select slug, ${always}, ${COUNTED} from jsonb_to_recordset($1::jsonb) as r(slug text, name text, summary text,
       version text, source text, transports text[], preset jsonb, deprecated boolean,
       tool_count integer, read_count integer, write_count integer, execute_count integer, destructive_count integer,
       financial_count integer, tokens integer, verified_on date, name_words text[], words text[])
     on conflict (slug) do update set ${[...changed, ...(hasTools ? [] : [words])].join(', ')}, updated_at = now()`,
    [JSON.stringify(entries.map(rowOf))],
  );
};

const saveTools = async (tx: Tx, entries: readonly Slugged[]): Promise<void> => {
  await tx.query('delete from catalog_tools where server_slug = any ($1)', [entries.map(({ slug }) => slug)]);
  const rows = entries.flatMap(({ slug, entry }) =>
    (entry.tools ?? []).map((tool) => ({
      server_slug: slug,
      name: tool.name,
      category: tool.category,
      confidence: tool.confidence,
      evidence: tool.evidence,
      signals: tool.signals,
      inputs: tool.inputs,
      amount_input: tool.amountInput,
      tokens: tool.tokens,
      definition_hash: tool.definitionHash,
    })),
  );
  await tx.query(
    `insert into catalog_tools(server_slug, name, category, confidence, evidence, signals, inputs, amount_input,
       tokens, definition_hash)
     select server_slug, name, category, confidence, evidence, signals, inputs, amount_input, tokens, definition_hash
     from jsonb_to_recordset($1::jsonb) as r(server_slug text, name text, category text, confidence real,
       evidence text[], signals text[], inputs text[], amount_input text, tokens integer, definition_hash text)
     on conflict do nothing`,
    [JSON.stringify(rows)],
  );
};

const saveVersions = async (tx: Tx, entries: readonly Slugged[]): Promise<void> => {
  const rows = entries.flatMap(({ slug, entry: { version, tools, verifiedOn } }) =>
    version === null || tools === undefined || verifiedOn === null
      ? []
      : [
          {
            server_slug: slug,
            version,
            tool_count: tools.length,
            tokens: tools.reduce((sum, { tokens }) => sum + tokens, 0),
            tools_hash: toolsHashOf(tools),
            seen_on: verifiedOn,
          },
        ],
  );
  await tx.query(
    `insert into catalog_versions(server_slug, version, tool_count, tokens, tools_hash, seen_on)
     select * from jsonb_to_recordset($1::jsonb) as r(server_slug text, version text, tool_count integer,
       tokens integer, tools_hash text, seen_on date)
     on conflict (server_slug, version) do update set tool_count = excluded.tool_count, tokens = excluded.tokens,
       tools_hash = excluded.tools_hash, seen_on = excluded.seen_on`,
    [JSON.stringify(rows)],
  );
};

/** Makes words findable that were not. How many servers have each is counted when a load ends (`recountWords`). */
const saveWords = async (tx: Tx, entries: readonly Slugged[]): Promise<void> => {
  const words = new Set<string>();
  for (const { entry } of entries)
    for (const word of searchWordsOf(entry.name, entry.summary, ...(entry.tools ?? []).map(({ name }) => name)))
      words.add(word);
  const { rows } = await tx.query<{ word: string }>(
    `insert into catalog_words(word, servers) select word, 1 from unnest($1::text[]) as word
     on conflict do nothing returning word`,
    [[...words].toSorted()],
  );
  const pairs = rows.flatMap(({ word }) => trigramsOf(word).map((part) => [part, word]));
  await tx.query(
    `insert into catalog_trigrams(trigram, word) select * from unnest($1::text[], $2::text[]) on conflict do nothing`,
    [pairs.map(([part]) => part), pairs.map(([, word]) => word)],
  );
};

/**
 * Saves entries of different names; each replaces what was known of its server. The caller's transaction is the
 * worker's, and holds the catalog's lock.
 */
export const saveEntries = async (tx: Tx, entries: readonly CatalogEntry[]): Promise<void> => {
  const slugged = await withSlugs(tx, entries);
  const [withTools, without] = [
    slugged.filter(({ entry }) => entry.tools !== undefined),
    slugged.filter(({ entry }) => entry.tools === undefined),
  ];
  if (without.length > 0) await saveServers(tx, without, false);
  if (withTools.length > 0) {
    await saveServers(tx, withTools, true);
    await saveTools(tx, withTools);
    await saveVersions(tx, withTools);
  }
  await saveWords(tx, slugged);
};

/** Counts again how many servers each word has, and takes words away that none has any more. */
export const recountWords = async (tx: Tx): Promise<void> => {
  await tx.query(
    `with counted as (select word, count(*)::int as servers from catalog_servers, unnest(words) as word group by word)
     update catalog_words w set servers = coalesce(c.servers, 0)
       from catalog_words k left join counted c on c.word = k.word
       where k.word = w.word and w.servers is distinct from coalesce(c.servers, 0)`,
  );
  await tx.query('delete from catalog_trigrams t using catalog_words w where w.word = t.word and w.servers = 0');
  await tx.query('delete from catalog_words where servers = 0');
};

/** One writer of the catalog at a time, in whichever process; it ends with the transaction. */
export const lockCatalog = async (tx: Tx): Promise<void> => {
  await tx.query("select pg_advisory_xact_lock(hashtext('toolgate catalog'))");
};
