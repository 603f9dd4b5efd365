import { clip } from './clip.js';

/**
 * A text of others in a mail: nothing of it may begin a line of its own, or turn around what is read. At most 128
 * characters.
 */
export const oneLine = (text: string): string => clip(text, 128).replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ');
