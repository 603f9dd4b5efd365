import { countTokens, setMergeCacheSize } from 'gpt-tokenizer/encoding/o200k_base';

// Its cache of merges costs more than it spares as soon as a text has many different words.
setMergeCacheSize(0);

/**
 * The tokenizer joins the characters of a run pair by pair, in a time that grows with the square of the run: longer
 * ones are cut first. No word of any language is as long, and a cut adds one token at most.
 */
const MAX_RUN_LENGTH = 128;
const LONG_RUN = new RegExp(
  `[\\p{L}\\p{M}]{${MAX_RUN_LENGTH}}|[^\\p{L}\\p{M}\\p{N}\\s]{${MAX_RUN_LENGTH}}|\\s{${MAX_RUN_LENGTH}}`,
  'gu',
);

/** Text that looks like a mark of the model is text all the same. */
const OPTIONS = { disallowedSpecial: new Set<string>() };

/** How many tokens of one counter are counted: this many take half a second when they are hard to count. */
const MAX_COUNTED = 150_000;
const PART_LENGTH = 4096;

/** Counts the tokens of texts, as the vocabulary o200k_base has them. */
export class TokenCounter {
  #tokens = 0;
  #characters = 0;

  /**
   * The tokens of a text. After 150,000 tokens the rest is an estimate by what the texts before had a character: the
   * work is bounded whatever the texts hold.
   */
  count(text: string): number {
    let tokens = 0;
    for (let at = 0; at < text.length; at += PART_LENGTH) {
      const part = text.slice(at, at + PART_LENGTH);
      const counted = this.#tokens < MAX_COUNTED ? countPart(part) : (part.length * this.#tokens) / this.#characters;
      this.#tokens += counted;
      this.#characters += part.length;
      tokens += counted;
    }
    return Math.ceil(tokens);
  }
}

function countPart(text: string): number {
  let [tokens, from] = [0, 0];
  for (const run of text.matchAll(LONG_RUN)) {
    const end = run.index + run[0].length;
    tokens += countTokens(text.slice(from, end), OPTIONS);
    from = end;
  }
  return tokens + countTokens(text.slice(from), OPTIONS);
}
