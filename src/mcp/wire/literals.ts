/**
 * For each byte whether it stands in a number, `true`, `false` or `null`, and, as a second bit, whether it may begin
 * one.
 */
export const LITERAL = new Uint8Array(256);
for (const byte of Buffer.from('0123456789+-.eEtrufalsn')) LITERAL[byte] = 1;
for (const byte of Buffer.from('0123456789-tfn')) LITERAL[byte] = 3;
