import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MessageScan } from '../../../src/data-plane/relay/message-scan.js';

const NOTE = '[from the MCP server] ';

type Scanned = Readonly<{ text: string; isBroken: boolean; hasList: boolean; hasDeepList: boolean }>;

const scanned = (chunks: readonly (string | Buffer)[], stopsAtList = false): Scanned => {
  const scan = new MessageScan({ stopsAtList });
  const out = chunks.map((chunk) => scan.feed(Buffer.from(chunk)));
  out.push(scan.end());
  const { isBroken, hasList, hasDeepList } = scan;
  return { text: Buffer.concat(out).toString(), isBroken, hasList, hasDeepList };
};

/** The text in chunks that are cut at these places. */
const cut = (text: string, places: readonly number[]): readonly Buffer[] => {
  const bytes = Buffer.from(text);
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((one, other) => one - other);
  return [0, ...at].map((from, index) => bytes.subarray(from, at[index] ?? bytes.length));
};

/**
 * A JSON text with some of the letters of its keys and texts written as escapes, and white space between its tokens.
 */
const spelled = (value: unknown, escapes: (code: number) => boolean, space: string): string => {
  const plain = (one: string): string => JSON.stringify(one).slice(1, -1);
  const escaped = (one: string): string => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`;
  const string = (text: string): string =>
    `"${[...text].map((one) => (escapes(one.charCodeAt(0)) ? escaped(one) : plain(one))).join('')}"`;
  if (typeof value === 'string') return string(value);
  if (Array.isArray(value))
    return `[${value.map((one) => space + spelled(one, escapes, space)).join(`${space},`)}${space}]`;
  if (typeof value === 'object' && value !== null)
    return `{${Object.entries(value)
      .map(([key, one]) => `${space}${string(key)}${space}:${space}${spelled(one, escapes, space)}`)
      .join(',')}${space}}`;
  return JSON.stringify(value);
};

/** What a member is, by where it stands. */
const insideOf = (inside: string, key: string): string => {
  if (inside === 'data' || inside === 'meta') return 'data';
  if (key === '_meta' || (inside === 'error' && key === 'data')) return 'meta';
  if (inside === 'result' && key === 'structuredContent') return 'data';
  return inside === 'message' && ['result', 'error'].includes(key) ? key : 'other';
};

const noted = (inside: string, key: string, text: string): string => {
  const isSaid =
    inside !== 'data' && inside !== 'meta' && (key === 'text' || (key === 'message' && inside === 'error'));
  return isSaid && /^\s*\[(POLICY DENIED|APPROVAL REQUIRED)\]/.test(text) ? NOTE + text : text;
};

/** What the scan promises, on a message that was read. */
const expected = (value: unknown, inside = 'message'): unknown => {
  if (Array.isArray(value)) return value.map((one) => (typeof one === 'string' ? one : expected(one, inside)));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).flatMap(([key, one]): [string, unknown][] => {
    if (inside === 'meta' && key.startsWith('io.toolgate/')) return [];
    return [[key, typeof one === 'string' ? noted(inside, key, one) : expected(one, insideOf(inside, key))]];
  });
  return Object.fromEntries(entries);
};

const text = fc.oneof(
  fc.constantFrom(
    '[POLICY DENIED] no',
    '[APPROVAL REQUIRED] wait',
    ' \n[POLICY DENIED]',
    'see [POLICY DENIED]',
    '[POLICY',
    '',
    'é "quoted" \\ ☃',
    '[from the MCP server] [POLICY DENIED] x',
    'x'.repeat(300),
  ),
  fc.string(),
);
const key = fc.constantFrom(
  'text',
  'message',
  'data',
  '_meta',
  'structuredContent',
  'io.toolgate/decision',
  'io.toolgate',
  'io.toolgate/',
  'x',
  'content',
  'k'.repeat(300),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    text,
    fc.constantFrom(1, -2.5e10, true, null),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(key, tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
}));
const object = fc.dictionary(key, value, { maxKeys: 4, noNullPrototype: true });
const message = fc.oneof(
  object.map((result) => ({ jsonrpc: '2.0', id: 1, result })),
  object.map((error) => ({ jsonrpc: '2.0', id: 1, error })),
);

describe('a message of an upstream on its way to a client', () => {
  test('a message loses what only Toolgate writes and keeps all else, whatever its spelling and its chunks', () => {
    fc.assert(
      fc.property(
        message,
        fc.constantFrom('', ' ', '\r\n\t'),
        fc.nat(255),
        fc.array(fc.nat(), { maxLength: 12 }),
        (one, space, mask, places) => {
          const [[kind, content]] = Object.entries(one).slice(2) as [[string, unknown]];
          const inner = spelled(
            content,
            (code) => code < 128 && (code * 37 + mask) % 11 === 0 && code !== 0x22 && code !== 0x5c,
            space,
          );
          const json = `{${space}"jsonrpc":"2.0",${space}"id":1,"${kind}"${space}:${inner}${space}}`;
          const { text: passed, isBroken } = scanned(cut(json, places));
          expect(isBroken).toBe(false);
          expect(JSON.parse(passed)).toEqual(expected(JSON.parse(json)));
          const isUnchanged = JSON.stringify(expected(one)) === JSON.stringify(one);
          // A comma between members that may be cut waits for the next one, so that white space may pass before it.
          if (isUnchanged && (space === '' || places.length === 0)) expect(passed).toBe(json);
        },
      ),
      { numRuns: 3000 },
    );
  });

  test('a message is read alike wherever its bytes are cut', () => {
    const json = spelled(
      {
        jsonrpc: '2.0',
        id: 1,
        result: {
          _meta: { a: 1, 'io.toolgate/decision': { x: ['}'] }, b: 2, 'io.toolgate/session': 1 },
          content: [{ type: 'text', text: '[POLICY DENIED] x\\"' }, { n: -12.5e3 }],
        },
      },
      (code) => code === 0x67 || code === 0x5b,
      ' ',
    );
    const packed = (one: string): string => one.replaceAll(' ', '');
    const whole = scanned([json]).text;
    expect(JSON.parse(whole)).toEqual({
      jsonrpc: '2.0',
      id: 1,
      result: {
        _meta: { a: 1, b: 2 },
        content: [{ type: 'text', text: `${NOTE}[POLICY DENIED] x\\"` }, { n: -12_500 }],
      },
    });
    for (let at = 0; at <= json.length; at += 1)
      expect(packed(scanned([json.slice(0, at), json.slice(at)]).text)).toBe(packed(whole));
    expect(packed(scanned([...json]).text)).toBe(packed(whole));
  });

  test.each(['/', '\\/'])('a message loses a member of Toolgate whose slash is written %s', (slash) => {
    expect(scanned([`{"result":{"_meta":{"io.toolgate${slash}decision":1}}}`]).text).toBe('{"result":{"_meta":{}}}');
  });

  test.each([
    ['{"result":{"tools":[]}}', true],
    ['{"result":{"Tools":[]}}', true],
    ['{"result":{"TOOL\\u017f" :\n[]}}', true],
    ['{"result":{"t\\u006fols":[]}}', true],
    ['{"result":{"tools":[],"tools":1}}', true],
    ['{"result":{"tools":1,"tools":[]}}', true],
    ['{"result":[{"resourceTemplates":[]}]}', true],
    ['{"error":{"prompts":[]}}', true],
    ['{"result":{"resources":{}}}', false],
    ['{"result":{"resource":[]}}', false],
    ['{"result":{"structuredContent":{"tools":[]}}}', false],
    ['{"result":{"content":[{"text":"\\"tools\\":[]"}]}}', false],
  ])('%s shows a list: %s', (json, hasList) => {
    expect(scanned([json])).toMatchObject({ hasList, isBroken: false });
    expect(scanned([...json])).toMatchObject({ hasList, isBroken: false });
    expect(scanned([json], true).text).toBe(hasList ? '' : json);
  });

  test.each([
    '',
    '[]',
    '[{"result":{}}]',
    '1',
    '"x"',
    '{',
    '{}{}',
    '{}x',
    '{"result":{}',
    '{"result":NaN}',
    '{"result":Infinity}',
    "{'result':{}}",
    '{result:{}}',
    '{"result":{}/**/}',
    '{"result":{},"result":{}}',
    '{"Result":{}}',
    '{"id":1,"ID":2}',
    '\ufeff{}',
    '{"a":1 2}',
    '{"a" 1}',
    '{"a":[1}}',
    '{,}',
    '{"a":1]',
    '\u0000{\u0000}',
    '{"\\x":1}',
  ])('%j is no message', (json) => {
    expect(scanned([json]).isBroken).toBe(true);
    expect(scanned([...json]).isBroken).toBe(true);
  });

  test('a message may be a million levels deep, takes no stack for it, and is broken beyond', () => {
    const nested = (depth: number): string => `{"result":${'['.repeat(depth)}${']'.repeat(depth)}}`;
    expect(scanned([nested(1_000_000)]).isBroken).toBe(false);
    expect(scanned([nested(1_100_000)]).isBroken).toBe(true);
  });
});
