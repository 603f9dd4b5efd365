import { expect, test } from 'vitest';
import { ListCache, type ListFilter } from '../../../src/data-plane/lists/list-cache.js';

type Body = { id: unknown; result: { tools: { name: string }[] } };

const upstream = (id: unknown, names: readonly string[], more: object = {}): Buffer =>
  Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, result: { tools: names.map((name) => ({ name, ...more })) } }));

const reading =
  (shown: (text: string) => string | undefined): ListFilter =>
  (text) =>
    Promise.resolve(shown(text));

/** Shows what begins with `a`, and counts how often it was asked. */
const makeFilter = () => {
  const asked: string[] = [];
  const filter = reading((text) => {
    asked.push(text);
    const message = JSON.parse(text) as Body;
    return JSON.stringify({
      ...message,
      result: { tools: message.result.tools.filter(({ name }) => name.startsWith('a')) },
    });
  });
  return { asked, filter };
};

test('an answer that differs only in the id is filtered once, and carries its own id', async () => {
  const cache = new ListCache();
  const { asked, filter } = makeFilter();
  await cache.filtered('k', { id: 1, body: upstream(1, ['a1', 'b1']) }, filter);
  for (const id of [2, 77, 'x"y', 'é'])
    expect((await cache.filtered('k', { id, body: upstream(id, ['a1', 'b1']) }, filter))?.toString()).toBe(
      upstream(id, ['a1']).toString(),
    );
  expect(asked).toHaveLength(1);
});

test(
  'what is kept is bounded, keys and small lists included: the longest unused goes first, and a key ' +
    'of kilobytes is not kept at all',
  async () => {
    const cache = new ListCache();
    const { asked, filter } = makeFilter();
    const ask = async (key: string): Promise<unknown> =>
      cache.filtered(key, { id: 1, body: upstream(1, ['a1']) }, filter);
    const key = (n: number): string => `${n} ${'k'.repeat(8000)}`;
    const isKept = async (of: string): Promise<boolean> => {
      const before = asked.length;
      await ask(of);
      return asked.length === before;
    };
    for (let n = 0; n < 5000; n += 1) await ask(key(n));
    expect([await isKept(key(4999)), await isKept(key(1500)), await isKept(key(0))]).toEqual([true, true, false]);
    await ask('k'.repeat(9000));
    expect(await isKept('k'.repeat(9000))).toBe(false);
  },
);

test('an answer that differs in one byte, or came under another key, is filtered anew', async () => {
  const cache = new ListCache();
  const { filter } = makeFilter();
  await cache.filtered('k', { id: 1, body: upstream(1, ['a1', 'b1']) }, filter);
  expect((await cache.filtered('k', { id: 2, body: upstream(2, ['a1', 'a2']) }, filter))?.toString()).toBe(
    upstream(2, ['a1', 'a2']).toString(),
  );
  expect(
    (
      await cache.filtered(
        'other',
        { id: 3, body: upstream(3, ['a1', 'b1']) },
        reading((text) => text),
      )
    )?.toString(),
  ).toBe(upstream(3, ['a1', 'b1']).toString());
});

test(
  'an id that stands elsewhere too, or whose own place is spelled in another way, is never mistaken ' + 'for it',
  async () => {
    const cache = new ListCache();
    const { filter } = makeFilter();
    const nested = (id: number): Buffer => upstream(id, ['a1'], { default: { id: 1 } });
    const spaced = (id: number): Buffer => Buffer.from(nested(id).toString().replace(`"id":${id},`, `"id" : ${id},`));
    const escaped = (id: number): Buffer =>
      Buffer.from(upstream(id, ['a1'], { 'x"id': id }).toString().replace(`"id":${id},`, `"id" : ${id},`));
    for (const make of [nested, spaced, escaped]) {
      for (const id of [1, 2, 1, 3])
        expect(JSON.parse(String(await cache.filtered('k', { id, body: make(id) }, filter)))).toEqual(
          JSON.parse(String(make(id))),
        );
    }
  },
);

test('what can not be filtered is not kept', async () => {
  const cache = new ListCache();
  expect(
    await cache.filtered(
      'k',
      { id: 1, body: upstream(1, ['a1']) },
      reading(() => undefined),
    ),
  ).toBeUndefined();
  expect((await cache.filtered('k', { id: 1, body: upstream(1, ['a1']) }, makeFilter().filter))?.toString()).toBe(
    upstream(1, ['a1']).toString(),
  );
});
