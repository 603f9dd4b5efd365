import { link, paragraph } from '../document/blocks.js';
import type { Page } from '../page.js';

/** The page for an address where nothing is. */
export const notFoundView = (): Page => ({
  path: '/404',
  title: 'Not found · Toolgate',
  description: 'There is nothing at this address.',
  heading: 'Nothing here',
  isFault: true,
  blocks: [
    paragraph('There is no page at this address. It may be a tool that its server no longer has.'),
    paragraph(link('/catalog', 'Search the catalog'), ' · ', link('/', 'Start page'), ' · ', link('/docs', 'API')),
  ],
});

/** The page for a request that failed or was refused. */
export const faultView = (title: string, detail: string): Page => ({
  path: '/404',
  title: `${title} · Toolgate`,
  description: detail,
  heading: title,
  isFault: true,
  blocks: [paragraph(detail), paragraph(link('/', 'Start page'))],
});
