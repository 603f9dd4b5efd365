import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { parseObject } from '../../../src/platform/json/json-object.js';
import {
  flawOf,
  isTooWide,
  MAX_JSON_COMMAS,
  MAX_JSON_CONTAINERS,
  MAX_JSON_DEPTH,
  MAX_JSON_MEMBERS,
  readForeignJson,
} from '../../../src/platform/json/foreign-json.js';

const nested = (levels: number, open = '[', close = ']', inside = ''): string =>
  open.repeat(levels) + inside + close.repeat(levels);
const wide = `"${'[{\\"'.repeat(20_000)}",`;

describe('JSON of outside origin', () => {
  test.each([
    ['arrays', nested(MAX_JSON_DEPTH), nested(MAX_JSON_DEPTH + 1)],
    ['objects', nested(MAX_JSON_DEPTH, '{"a":', '}', '1'), nested(MAX_JSON_DEPTH + 1, '{"a":', '}', '1')],
    ['both in turn', nested(MAX_JSON_DEPTH / 2, '[{"a":', '}]', '1'), nested(MAX_JSON_DEPTH / 2, '[{"a":', '}]', '[]')],
    [
      'arrays behind many brackets in a string',
      `[${wide}${nested(MAX_JSON_DEPTH - 1)}]`,
      `[${wide}${nested(MAX_JSON_DEPTH)}]`,
    ],
    [
      'arrays behind many shallow ones',
      `[${'[],'.repeat(20_000)}${nested(MAX_JSON_DEPTH - 1)}]`,
      `[${'[],'.repeat(20_000)}${nested(MAX_JSON_DEPTH)}]`,
    ],
  ])('JSON of outside origin is read at 64 levels and refused at 65: %s', (_what, allowed, refused) => {
    expect(readForeignJson(allowed)).toEqual({ ok: true, value: JSON.parse(allowed) });
    expect(flawOf(allowed)).toBeUndefined();
    expect(readForeignJson(refused)).toEqual({ ok: false, flaw: 'too_deep' });
    expect(flawOf(refused)).toBe('too_deep');
    expect(parseObject(refused)).toBeUndefined();
  });

  test.each([20_000, 5_000_000])(
    'JSON of outside origin is refused at %i levels without recursion, closed or not',
    (levels) => {
      for (const text of [nested(levels), '['.repeat(levels), nested(levels, '{"a":', '}', '1')])
        expect(readForeignJson(text)).toMatchObject({
          ok: false,
          flaw: expect.stringMatching(/^(too_deep|not_json)$/),
        });
    },
  );

  test('JSON of outside origin is refused when it has more objects and arrays than memory should hold', () => {
    expect(readForeignJson(`[${'[],'.repeat(MAX_JSON_CONTAINERS)}[]]`)).toEqual({ ok: false, flaw: 'too_large' });
  });

  test.each([
    [
      'members',
      (count: number) => `{${Array.from({ length: count }, (_, index) => `"k${index}":0`).join(',')}}`,
      MAX_JSON_MEMBERS,
    ],
    ['values', (count: number) => `[${'0,'.repeat(count)}0]`, MAX_JSON_COMMAS],
  ])(
    'JSON of outside origin is read with so many %s and refused with one more, without being parsed',
    (_what, of, most) => {
      expect(readForeignJson(of(most))).toMatchObject({ ok: true });
      const parse = vi.spyOn(JSON, 'parse');
      try {
        expect(readForeignJson(of(most + 1))).toEqual({ ok: false, flaw: 'too_large' });
        expect(parse).not.toHaveBeenCalled();
      } finally {
        parse.mockRestore();
      }
    },
  );

  test('colons and commas in strings are no members and values', () => {
    const text = JSON.stringify({ text: ':,'.repeat(2 * MAX_JSON_COMMAS) });
    expect(isTooWide(text)).toBe(false);
    expect(readForeignJson(text)).toMatchObject({ ok: true });
  });

  test(
    'JSON of outside origin is not given to the parser where its ends show that it is none, as a ' +
      'failed parse is costly',
    () => {
      const parse = vi.spyOn(JSON, 'parse');
      try {
        for (const text of ['', ' ', 'x', '{', '[', '"', '{"a":1', '[1,', '"a', '<html>', ")]}'", '\uFEFF{}']) {
          expect(readForeignJson(text)).toEqual({ ok: false, flaw: 'not_json' });
        }
        expect(parse).not.toHaveBeenCalled();
      } finally {
        parse.mockRestore();
      }
    },
  );

  test('brackets in strings are no levels', () => {
    for (const inside of ['['.repeat(100_000), '\\"['.repeat(100_000), '\\\\'.repeat(3), '{\\\\\\"'.repeat(100_000)]) {
      const text = JSON.stringify({ text: JSON.parse(`"${inside}"`) as unknown });
      expect(readForeignJson(text)).toEqual({ ok: true, value: JSON.parse(text) });
      expect(flawOf(text)).toBeUndefined();
    }
  });

  test('JSON of outside origin says of every other text what JSON.parse says of it, and never throws', () => {
    const broken = fc.tuple(fc.json(), fc.nat()).map(([text, at]) => text.slice(0, at % (text.length + 1)));
    fc.assert(
      fc.property(fc.oneof(fc.json({ maxDepth: 8 }), fc.string(), broken), (text) => {
        let expected: unknown;
        try {
          expected = { ok: true, value: JSON.parse(text) as unknown };
        } catch {
          expected = { ok: false, flaw: 'not_json' };
        }
        expect(readForeignJson(text)).toEqual(expected);
        expect(flawOf(text)).toBeUndefined();
      }),
      { numRuns: 2000 },
    );
  });

  test('JSON of outside origin costs less to judge than to parse', () => {
    const tool = {
      name: 'a_tool',
      description: 'Does something useful for somebody',
      inputSchema: { type: 'object', properties: { a: { type: 'string' }, b: { type: 'number' } } },
    };
    const text = JSON.stringify({ jsonrpc: '2.0', id: 1, result: { tools: Array.from({ length: 2000 }, () => tool) } });
    const cpu = (work: (text: string) => unknown): number => {
      const began = process.cpuUsage();
      for (let run = 0; run < 20; run += 1) work(text);
      const { user, system } = process.cpuUsage(began);
      return user + system;
    };
    const rounds = Array.from({ length: 7 }, () => cpu(readForeignJson) / cpu(JSON.parse)).sort(
      (one, other) => one - other,
    );
    expect(rounds[3]).toBeLessThan(1.6);
  });
});
