const MAX_NAME_LENGTH = 100;
const NAMELESS = 'A client without a name';

/**
 * The name that a client gives itself, as it may be shown: without what turns a text around, ends its line, or can't be
 * seen.
 */
export const clientName = (name: unknown): string => {
  if (typeof name !== 'string') return NAMELESS;
  const shown = name
    .replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();
  return shown === '' ? NAMELESS : [...shown].slice(0, MAX_NAME_LENGTH).join('');
};
