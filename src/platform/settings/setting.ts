/**
 * One variable: how a given text is read (undefined: not valid), what an absent one means, and the words for errors and
 * the table in docs/operating.md.
 */
export type Setting<T> = Readonly<{
  read: (text: string) => T | undefined;
  absent: T;
  takes: string;
  fallback: string;
  meaning: string;
}>;

/** A variable that has a value when it is absent. */
export const setting = <T>(
  read: Setting<T>['read'],
  absent: T,
  words: readonly [takes: string, fallback: string, meaning: string],
): Setting<T> => ({
  read,
  absent,
  takes: words[0],
  fallback: words[1],
  meaning: words[2],
});

/** A variable that may be absent. */
export const optional = <T>(
  read: (text: string) => T | undefined,
  words: readonly [takes: string, fallback: string, meaning: string],
): Setting<T | undefined> => setting<T | undefined>(read, undefined, words);
