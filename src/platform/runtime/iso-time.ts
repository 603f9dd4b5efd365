let lastMs = Number.NaN;
let lastText = '';

/**
 * RFC 3339 UTC of milliseconds since the epoch. Remembers the last one: a busy process asks for the same millisecond
 * many times.
 */
export const isoTime = (ms: number): string => {
  if (ms !== lastMs) {
    lastText = new Date(ms).toISOString();
    lastMs = ms;
  }
  return lastText;
};
