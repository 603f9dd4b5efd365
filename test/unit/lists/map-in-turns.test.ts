import { expect, test } from 'vitest';
import { mapInTurns } from '../../../src/data-plane/lists/map-in-turns.js';

/** How many turns other work had until a promise was kept. */
const turnsDuring = async (work: Promise<unknown>): Promise<number> => {
  const ended = { yes: false };
  const end = work.then(() => (ended.yes = true));
  let turns = -1;
  while (!ended.yes) {
    turns += 1;
    await new Promise((resolve) => setImmediate(resolve));
  }
  await end;
  return turns;
};

function* texts(count: number, text: (at: number) => string): Generator<string, 'end'> {
  for (let at = 0; at < count; at += 1) yield text(at);
  return 'end';
}

test(
  'mapping in turns keeps the order of the texts, leaves out what becomes undefined, and tells ' + 'the end',
  async () => {
    const even = (text: string): string | undefined => (Number(text) % 2 === 0 ? `<${text}>` : undefined);
    expect(await mapInTurns(texts(5, String), even)).toEqual({ kept: ['<0>', '<2>', '<4>'], end: 'end' });
  },
);

test('mapping in turns gives other work a turn after each 500,000 steps that the texts took', async () => {
  const costly = mapInTurns(texts(2000, String), (text, work) => ((work.left -= 100_000) < 0 ? text : undefined));
  expect(await turnsDuring(costly)).toBeGreaterThanOrEqual(2000 / 5 - 2);
});

test('mapping in turns counts the length of the texts too', async () => {
  const long = 'x'.repeat(5000);
  const large = mapInTurns(
    texts(2000, () => long),
    (text) => text,
  );
  expect(await turnsDuring(large)).toBeGreaterThanOrEqual(20);
});

test('mapping few short texts takes no turn of its own', async () => {
  expect(await turnsDuring(mapInTurns(texts(20, String), (text) => text))).toBeLessThanOrEqual(1);
});
