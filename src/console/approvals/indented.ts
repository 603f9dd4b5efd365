import { applyEdits, format } from 'jsonc-parser';

/** JSON text in lines; only blanks change, so that every number and escape stays as it was written. */
export const indented = (text: string): string =>
  applyEdits(text, format(text, undefined, { insertSpaces: true, tabSize: 2, eol: '\n' }));
