import { code, lead, paragraph } from '../../pages/document/blocks.js';
import type { Page } from '../../pages/page.js';

/** Why a client could not be let in; `error` is the code of OAuth, `advice` what to do. */
export type Refusal = Readonly<{ error: string; advice: string }>;

/** The page that says why a client was not let in. */
export const refusedView = ({ error, advice }: Refusal): Page => ({
  path: '/oauth/refused',
  title: 'The client was not let in',
  description: 'A sign-in of a client was refused.',
  heading: 'The client was not let in',
  isPrivate: true,
  blocks: [lead(advice), paragraph('The error is ', code(error), '. Nothing was allowed. You can close this page.')],
});
