const PAGE_SIZE = 1000;

type Page<Item> = Readonly<{ items: readonly Item[]; nextCursor?: string | null; hasMore: boolean }>;
type PageQuery = Readonly<{ limit: number; after?: string }>;

/** Every item of a list, page by page. */
export async function everything<Item>(ask: (query: PageQuery) => Promise<Page<Item>>): Promise<readonly Item[]> {
  const items: Item[] = [];
  for (let after: string | undefined; ;) {
    const page = await ask({ limit: PAGE_SIZE, ...(after !== undefined && { after }) });
    items.push(...page.items);
    if (!page.hasMore || !page.nextCursor) return items;
    after = page.nextCursor;
  }
}
