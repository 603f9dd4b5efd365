import { expect, test } from 'vitest';
import { ListCache } from '../../../src/lists/list-cache.js';

type Body = { id: unknown; result: { tools: { name: string }[] } };

const upstream = (id: unknown, names: readonly string[], more: object = {}): Buffer => Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, result: { tools: names.map((name) => ({ name, ...more })) } }));

/** Shows what begins with `a`, and counts how often it was asked. */
const makeFilter = () => {
  const asked: string[] = [];
  const filter = (text: string): string | undefined => {
    asked.push(text);
    const message = JSON.parse(text) as Body;
    return JSON.stringify({ ...message, result: { tools: message.result.tools.filter(({ name }) => name.startsWith('a')) } });
  };
  return { asked, filter };
};

test('an answer that differs only in the id is filtered once, and carries its own id', () => {
  const cache = new ListCache();
  const { asked, filter } = makeFilter();
  cache.filtered('k', { id: 1, body: upstream(1, ['a1', 'b1']) }, filter);
  const before = asked.length;
  for (const id of [2, 77, 'x"y', 'é']) expect(cache.filtered('k', { id, body: upstream(id, ['a1', 'b1']) }, filter)?.toString()).toBe(upstream(id, ['a1']).toString());
  expect(asked.length).toBe(before);
});

test('an answer that differs in one byte, or came under another key, is filtered anew', () => {
  const cache = new ListCache();
  const { filter } = makeFilter();
  cache.filtered('k', { id: 1, body: upstream(1, ['a1', 'b1']) }, filter);
  expect(cache.filtered('k', { id: 2, body: upstream(2, ['a1', 'a2']) }, filter)?.toString()).toBe(upstream(2, ['a1', 'a2']).toString());
  expect(cache.filtered('other', { id: 3, body: upstream(3, ['a1', 'b1']) }, (text) => text)?.toString()).toBe(upstream(3, ['a1', 'b1']).toString());
});

test('an id that stands elsewhere too, or whose own place is spelled in another way, is never mistaken for it', () => {
  const cache = new ListCache();
  const { filter } = makeFilter();
  const nested = (id: number): Buffer => upstream(id, ['a1'], { default: { id: 1 } });
  const spaced = (id: number): Buffer => Buffer.from(nested(id).toString().replace(`"id":${id},`, `"id" : ${id},`));
  for (const make of [nested, spaced]) {
    for (const id of [1, 2, 1, 3]) expect(JSON.parse(String(cache.filtered('k', { id, body: make(id) }, filter)))).toEqual(JSON.parse(String(make(id))));
  }
});

test('what can not be filtered is not kept', () => {
  const cache = new ListCache();
  expect(cache.filtered('k', { id: 1, body: upstream(1, ['a1']) }, () => undefined)).toBeUndefined();
  expect(cache.filtered('k', { id: 1, body: upstream(1, ['a1']) }, makeFilter().filter)?.toString()).toBe(upstream(1, ['a1']).toString());
});
