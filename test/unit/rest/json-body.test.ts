import { describe, expect, test } from 'vitest';
import { parseJsonBody } from '../../../src/platform/rest/json-body.js';

const parse = (text: string): unknown => parseJsonBody(Buffer.from(text), 'application/json');

describe('the JSON body of a REST request', () => {
  test('a well-formed object is read as it is', () =>
    expect(parse('{"a":[1,0.1,1e3,"é"]}')).toEqual({ a: [1, 0.1, 1000, 'é'] }));

  test.each([
    ['{"a":1,"\\u0061":2}', 'once'],
    ['{"max":9007199254740993}', 'numbers'],
    ['{"max":1e400}', 'numbers'],
    ['{"name":"\\ud800"}', 'surrogate'],
    [`${'{"a":'.repeat(65)}1${'}'.repeat(65)}`, 'levels'],
    ['[]', 'object'],
    [`{"a":[${'[],'.repeat(200_000)}0]}`, 'values'],
    [`{"a":[${`${'['.repeat(60)}${']'.repeat(60)},`.repeat(3400)}0]}`, 'values'],
    ['{"a":1} {}', 'well-formed'],
  ])('%.40s is refused with a reason that names the fault', (text, word) =>
    expect(() => parse(text)).toThrow(expect.objectContaining({ detail: expect.stringContaining(word) as string })),
  );

  test('bytes that are not UTF-8 are refused and not replaced', () =>
    expect(() => parseJsonBody(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 'application/json')).toThrow(
      'well-formed',
    ));
});
