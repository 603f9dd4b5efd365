import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readAnswerHead } from '../../../src/mcp/http-client/answer-head.js';
import { ChunkedBody } from '../../../src/mcp/http-client/chunked-body.js';

const head = (...lines: readonly string[]): string => ['HTTP/1.1 200 OK', ...lines].join('\r\n');

test.each([
  ['a length', head('Content-Length: 12'), { status: 200, framing: 12, reusable: true }],
  ['chunks', head('Transfer-Encoding: Chunked'), { framing: 'chunked', reusable: true }],
  ['neither: until the connection ends', head('Content-Type: text/plain'), { framing: 'until_close', reusable: false }],
  ['a close', head('Content-Length: 1', 'Connection: x, Close'), { framing: 1, reusable: false }],
  ['HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive', { framing: 1, reusable: false }],
  ['no reason', 'HTTP/1.1 204', { status: 204, framing: 'none', reusable: true }],
  ['an interim answer', 'HTTP/1.1 103 Early Hints\r\nLink: </x>', { status: 103, framing: 'none' }],
  ['a 304 with the length of what it does not carry', 'HTTP/1.1 304 x\r\nContent-Length: 10', { framing: 'none' }],
  ['an idle time', head('Content-Length: 1', 'Keep-Alive: max=5, timeout=75'), { idleMs: 73_000 }],
])('the HTTP client reads an answer with %s', (_what, text, expected) => {
  expect(readAnswerHead(text)).toMatchObject(expected);
});

test('names are lower case, values without the white space around them, repeated fields a list', () => {
  expect({ ...readAnswerHead(head('X-One: \t a b\t ', 'x-ONE:c', 'X-Empty:', '__proto__: y'))?.headers }).toEqual({
    'x-one': ['a b', 'c'],
    'x-empty': '',
    ['__proto__']: 'y',
  });
});

test.each([
  ['two lengths', head('Content-Length: 5', 'Content-Length: 5')],
  ['a list of lengths', head('Content-Length: 5, 5')],
  ['a length and chunks', head('Content-Length: 5', 'Transfer-Encoding: chunked')],
  ['two codings', head('Transfer-Encoding: gzip, chunked')],
  ['another coding', head('Transfer-Encoding: identity')],
  ['chunks in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked'],
  ['a negative length', head('Content-Length: -1')],
  ['a signed length', head('Content-Length: +1')],
  ['a hexadecimal length', head('Content-Length: 0x10')],
  ['an immense length', head('Content-Length: 9999999999999999')],
  ['a folded line', head('X: a', ' b')],
  ['white space before the colon', head('Content-Length : 5')],
  ['a bare line feed', head('X: a\nContent-Length: 5')],
  ['a bare carriage return', head('X: a\rb')],
  ['a NUL', head('X: a\0b')],
  ['no colon', head('Content-Length')],
  ['an empty name', head(': x')],
  ['no status', 'HTTP/1.1 OK'],
  ['a status of two digits', 'HTTP/1.1 20 OK'],
  ['another version', 'HTTP/2 200 OK'],
  ['another protocol', 'ICY 200 OK'],
  ['a change of protocol', 'HTTP/1.1 101 Switching Protocols'],
  ['white space in front', ' HTTP/1.1 200 OK'],
  ['nothing', ''],
])('the HTTP client refuses an answer with %s', (_what, text) => {
  expect(readAnswerHead(text)).toBeUndefined();
});

const decode = (parts: readonly Buffer[]) => {
  const body = new ChunkedBody();
  const data: Buffer[] = [];
  let rest = 0;
  for (const part of parts) {
    const stopped = body.read(part, 0, (one) => data.push(one));
    if (stopped === 'bad') return 'bad';
    rest += part.length - stopped;
  }
  return { data: Buffer.concat(data), done: body.done, rest };
};

const cut = (bytes: Buffer, at: readonly number[]): readonly Buffer[] => {
  const places = [0, ...at.map((one) => one % (bytes.length + 1)).toSorted((one, other) => one - other), bytes.length];
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end));
};

test('a chunked body reads the same wherever it is cut, and what follows it is left', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 6 }),
      fc.constantFrom('', ';a=b', ' ; x'),
      fc.constantFrom('', 'X-Trailer: 1\r\n'),
      fc.array(fc.nat(500), { maxLength: 8 }),
      (chunks, extension, trailers, cuts) => {
        const coded = Buffer.concat([
          ...chunks.map((chunk) =>
            Buffer.concat([Buffer.from(`${chunk.length.toString(16)}${extension}\r\n`), chunk, Buffer.from('\r\n')]),
          ),
          Buffer.from(`0${extension}\r\n${trailers}\r\nMORE`),
        ]);
        expect(decode(cut(coded, cuts))).toEqual({ data: Buffer.concat(chunks), done: true, rest: 4 });
      },
    ),
  );
});

test.each([
  'x\r\n',
  '-1\r\n',
  '1 0\r\n',
  '\r\n',
  '3\nabc\n',
  '3\r\nabcd\r\n',
  '3\r\nabc\n',
  '123456789\r\n',
  '0x3\r\nabc\r\n',
  '0\r\nbad trailer\r\n\r\n',
  '0\r\n X: folded\r\n\r\n',
  `1;${'x'.repeat(5000)}`,
  `0\r\n${`X: ${'y'.repeat(4000)}\r\n`.repeat(5)}`,
])('the HTTP client refuses the chunked body %j', (text) => {
  const bytes = Buffer.from(text);
  expect(decode([bytes])).toBe('bad');
  expect(decode([...bytes].map((byte) => Buffer.of(byte)))).toBe('bad');
});

test('a chunked body that stops early is not done', () => {
  for (const text of ['', '5\r\nab', '1\r\na\r\n', '0\r\n', '0\r\nX: y\r\n'])
    expect(decode([Buffer.from(text)])).toMatchObject({ done: false });
});
