import type { Kind } from '../../policy-engine/decide.js';

/**
 * A list of the protocol: the member of its result that holds the items, how many of them a page may have, and the
 * member of an item that names it. A template is judged by its text.
 */
export type ListKind = Readonly<{ items: string; name: string; kind: Kind; maxItems: number }>;

/**
 * A tool, of which discovery knows 1000, is hashed and compared with others; of the rest only the name is looked up.
 */
const MAX_TOOLS = 2000;
const MAX_OTHER_ITEMS = 20_000;

const LISTS: ReadonlyMap<string, ListKind> = new Map<string, ListKind>([
  ['tools/list', { items: 'tools', name: 'name', kind: 'tool', maxItems: MAX_TOOLS }],
  ['prompts/list', { items: 'prompts', name: 'name', kind: 'prompt', maxItems: MAX_OTHER_ITEMS }],
  ['resources/list', { items: 'resources', name: 'uri', kind: 'resource', maxItems: MAX_OTHER_ITEMS }],
  [
    'resources/templates/list',
    { items: 'resourceTemplates', name: 'uriTemplate', kind: 'resource', maxItems: MAX_OTHER_ITEMS },
  ],
]);

/** Whether a method lists tools, prompts, resources or resource templates. */
export const isList = (method: string): boolean => LISTS.has(method);

/** What a method lists. @throws Error for a method that lists nothing. */
export const listOf = (method: string): ListKind => {
  const list = LISTS.get(method);
  if (!list) throw new Error(`${method} is no list`);
  return list;
};
