import { describe, expect, test } from 'vitest';
import { loweredMax } from '../../../src/control-plane/advice/lower-limits.js';

describe('a limit', () => {
  test.each([
    ['comes down to twice what was used when that is half of it or less', 100, 10, 20],
    ['comes down to exactly half', 20, 5, 10],
    ['stays where twice the use is more than half', 20, 6, undefined],
    ['stays where it was used up', 10, 10, undefined],
    ['stays where more than it allows was counted, as in monitor mode', 10, 40, undefined],
    ['comes down to whole numbers', 100, 3.2, 7],
    ['leaves one, also where only nothing was spent', 100, 0, 1],
    ['of one stays', 1, 0, undefined],
  ])('%s', (_name, max, peak, expected) => {
    expect(loweredMax(max, peak)).toBe(expected);
  });
});
