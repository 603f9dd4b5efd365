import { expect, test } from 'vitest';
import { Places } from '../../../src/platform/places.js';

const one = (bytes: number) => ({ count: 1, bytes });

test('there is room up to the count and up to the bytes, in all and of one grant, and what is given back is there again', () => {
  const places = new Places({ count: 4, bytes: 100 }, { count: 2, bytes: 60 });
  expect([places.take('a', one(10)), places.take('a', one(10)), places.take('a', one(0))]).toEqual([true, true, false]);
  expect([places.take('b', one(61)), places.take('b', one(60)), places.take('c', one(21)), places.take('c', one(20))]).toEqual([false, true, false, true]);
  expect([places.hasRoom('d', one(0)), places.take('c', { count: 0, bytes: 1 })]).toEqual([false, false]);
  places.free('a', one(10));
  expect([places.take('d', one(11)), places.take('d', one(10)), places.take('a', one(0))]).toEqual([false, true, false]);
});
