import { expect, test } from 'vitest';
import { FreeList } from '../../../src/platform/runtime/free-list.js';

test('holds exactly what was added and not removed, and takes emptied places again', () => {
  const slots = new FreeList<number>();
  const held = new Map<number, number>();
  for (let n = 0; n < 1000; n += 1) {
    const at = slots.add(n);
    expect(held.has(at)).toBe(false);
    held.set(at, n);
    if (n % 3 === 0) continue;
    const [oldest] = held.keys();
    slots.remove(oldest!);
    held.delete(oldest!);
  }
  expect([...slots.members()].sort((a, b) => a - b)).toEqual([...held.values()].sort((a, b) => a - b));
  expect(Math.max(...held.keys())).toBeLessThan(held.size + 2);
});

test('a member that is removed while all are gone through is still in that one listing', () => {
  const slots = new FreeList<string>();
  const places = ['a', 'b'].map((name) => slots.add(name));
  const seen: string[] = [];
  for (const name of slots.members()) {
    seen.push(name);
    for (const at of places.splice(0)) slots.remove(at);
  }
  expect(seen).toEqual(['a', 'b']);
  expect(slots.members()).toEqual([]);
});
