import { createRequire } from 'node:module';

/**
 * The mapping of Unicode's confusables.txt (UTS 39, section 4). The package's own types are not those of what it
 * exports.
 */
const mapped = createRequire(import.meta.url)('unhomoglyph') as (text: string) => string;

const REMEMBERED = 4096;
const memo = new Map<string, string>();

const mapOne = (char: string): string => {
  const known = memo.get(char);
  if (known !== undefined) return known;
  const image = mapped(char);
  if (memo.size >= REMEMBERED) memo.clear();
  memo.set(char, image);
  return image;
};

/** No longer name is ever called, so that nothing needs to be compared with one. */
const MAX_NAME_LENGTH = 256;

/** The skeleton of UTS 39: equal for names that can be mistaken for each other. Not for showing. */
const skeleton = (name: string): string => {
  if (name.length > MAX_NAME_LENGTH) return name;
  let image = '';
  for (const char of name.normalize('NFD')) image += mapOne(char);
  return image.normalize('NFD');
};

// Braille's blank is a symbol by its category.
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}|^ | $| {2}/u;
const isAscii = (text: string): boolean => /^[ -~]*$/.test(text);
/** East Asian names mix these with Latin letters as a matter of course (UTS 39, "highly restrictive"). */
const BESIDE_LATIN = new RegExp(
  '[\\p{Script=Latin}\\p{Script=Common}\\p{Script=Inherited}\\p{Script=Han}\\p{Script=Hiragana}' +
    '\\p{Script=Katakana}\\p{Script=Hangul}\\p{Script=Bopomofo}]',
  'u',
);

/** Why a name can be mistaken whatever others there are; undefined when it can't. */
export const mistakable = (name: string): string | undefined => {
  if (UNSEEN.test(name)) return 'holds characters that can not be seen';
  if (isAscii(name)) return undefined;
  if (name.normalize('NFKC') !== name) return 'is not in the plain form of its characters (Unicode NFKC)';
  if (/\p{Script=Latin}/u.test(name) && [...name].some((char) => !BESIDE_LATIN.test(char)))
    return 'mixes Latin letters with those of another script';
  return isAscii(skeleton(name)) ? 'looks like Latin letters that it does not have' : undefined;
};

/** Names that look alike: the first that came stays, later ones are taken for it. */
export class LookAlikes {
  readonly #names = new Map<string, string>();

  constructor(names: Iterable<string> = []) {
    for (const name of names) this.add(name);
  }

  add(name: string): void {
    const image = skeleton(name);
    if (!this.#names.has(image)) this.#names.set(image, name);
  }

  /** Why a name is not to be used beside those that were added; undefined when it may be. */
  refusal(name: string): string | undefined {
    const other = this.#names.get(skeleton(name));
    return mistakable(name) ?? (other === undefined || other === name ? undefined : `looks like ${spelledOut(other)}`);
  }
}

/** What is said of a call by a name that is refused beside the names of a server's tools; undefined when it is not. */
export const misreadName = (known: LookAlikes, name: string): string | undefined => {
  const why = known.refusal(name);
  return why && `a tool name that ${why} is not used: it could be mistaken for another`;
};

const codePoint = (char: string): string => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;

/** A text in which every character that is not plain ASCII is written by its code point. */
export const spelledOut = (text: string): string => text.replaceAll(/[^ -~]/gu, codePoint);

/** A text in which characters that can't be seen, and those that reorder others, are written by their code points. */
export const withoutUnseen = (text: string): string =>
  text.replaceAll(/[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]|(?! )\p{Zs}/gu, (char) =>
    char === '\n' ? '\\n' : codePoint(char),
  );
