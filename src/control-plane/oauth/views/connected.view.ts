import { lead } from '../../pages/document/blocks.js';
import type { Page } from '../../pages/page.js';

/** The page that ends a sign-in to an upstream. */
export const connectedView = (): Page => ({
  path: '/oauth/connected',
  title: 'The server is connected',
  description: 'Toolgate is signed in to a server.',
  heading: 'The server is connected',
  isPrivate: true,
  blocks: [lead('Toolgate is signed in, and renews the sign-in by itself. You can close this page.')],
});
