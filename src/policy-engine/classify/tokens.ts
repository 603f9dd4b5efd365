/** How many characters of a kind take about one token, in the texts of definitions. */
const CHARACTERS_PER_TOKEN = { letter: 6, digit: 3, mark: 2, other: 1 } as const;

type CharacterKind = keyof typeof CHARACTERS_PER_TOKEN | 'space';

const kinds: readonly CharacterKind[] = Array.from({ length: 0x80 }, (_, code) => {
  const character = String.fromCharCode(code);
  if (/[a-z]/i.test(character)) return 'letter';
  if (/\d/.test(character)) return 'digit';
  return /\s/.test(character) ? 'space' : 'mark';
});

const kindAt = (text: string, at: number): CharacterKind => {
  const code = text.charCodeAt(at);
  return code < 0x80 ? (kinds[code] as CharacterKind) : 'other';
};

/**
 * About how many tokens of a context window a text takes: an estimate by its runs of letters, digits, marks and other
 * characters, linear in the text, without the vocabulary of any model.
 */
export function estimateTokens(text: string): number {
  let tokens = 0;
  for (let at = 0; at < text.length;) {
    const kind = kindAt(text, at);
    const start = at;
    do at += 1;
    while (at < text.length && kindAt(text, at) === kind);
    if (kind !== 'space') tokens += Math.ceil((at - start) / CHARACTERS_PER_TOKEN[kind]);
  }
  return tokens;
}
