import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isExactNumber, toJsonText } from '../../../src/platform/json/exact-number.js';
import { readMessage, toolCallParams, type Message } from '../../../src/mcp/protocol/read-message.js';
import { inexactNumbers, malformedBodies } from '../../cases/malformed-bodies.js';
import { costInParses } from '../../support/cpu.js';

const read = (text: string) => readMessage(Buffer.from(text));
const call = (params: string): string => `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`;
const argument = (json: string): string => call(`{"name":"t","arguments":{"a":${json}}}`);

function accepted(text: string): Message {
  const answer = read(text);
  if (!answer.ok) throw new Error(answer.reason);
  return answer.message;
}

const toolParams = (params: string) => toolCallParams(accepted(call(params)));

describe('a body that is not one well-formed message', () => {
  test('the table has at least 200 rows with names of their own', () => {
    expect(malformedBodies.length).toBeGreaterThanOrEqual(200);
    expect(new Set(malformedBodies.map(({ name }) => name)).size).toBe(malformedBodies.length);
  });

  test.each(malformedBodies)(
    'a body that is not one well-formed message is refused with $code: $name',
    ({ body, code, inParams }) => {
      const answer = readMessage(body);
      expect(answer).toMatchObject({ ok: false, code });
      expect(answer.ok ? undefined : answer.faulty).toEqual(inParams ? { id: 1, method: 'tools/call' } : undefined);
    },
  );

  test('a body that is not one well-formed message is never quoted in the reason', () => {
    for (const { body } of malformedBodies) {
      const answer = readMessage(body);
      expect(answer.ok ? '' : answer.reason).toMatch(/^[A-Za-z0-9 ,."-]{5,70}$/);
    }
  });

  test('a body that is not one well-formed message costs little when it is 4 MiB of opening brackets', () => {
    const bomb = Buffer.alloc(4 << 20, '[');
    expect(readMessage(bomb).ok).toBe(false);
    expect(costInParses(() => readMessage(bomb))).toBeLessThan(20);
  });
});

describe('a well-formed message', () => {
  test('a well-formed message is a request when it has a method and an id', () => {
    expect(accepted('{"jsonrpc":"2.0","id":"a","method":"tools/list"}')).toEqual({
      kind: 'request',
      id: 'a',
      method: 'tools/list',
      params: undefined,
    });
    expect(accepted(' \r\n\t{"params":{"cursor":"x"},"method":"tools/list","id":0,"jsonrpc":"2.0"}\n')).toEqual({
      kind: 'request',
      id: 0,
      method: 'tools/list',
      params: { cursor: 'x' },
    });
  });

  test('a well-formed message is a notification when it has a method and no id', () => {
    expect(accepted('{"jsonrpc":"2.0","method":"notifications/initialized"}')).toEqual({
      kind: 'notification',
      method: 'notifications/initialized',
      params: undefined,
    });
  });

  test('a well-formed message is a response when it has a result or an error', () => {
    expect(accepted('{"jsonrpc":"2.0","id":5,"result":{"roots":[]}}')).toEqual({ kind: 'response', id: 5 });
    expect(accepted('{"jsonrpc":"2.0","id":"x","error":{"code":-1,"message":"no","data":null}}')).toEqual({
      kind: 'response',
      id: 'x',
    });
  });

  test.each([
    '0',
    '-0',
    '0.0',
    '0e99999999999',
    '1.0',
    '1E2',
    '1e+2',
    '0.1',
    '1e21',
    '1e22',
    '1e-7',
    '9007199254740991',
    '9007199254740992',
    '-9007199254740992',
    '1e308',
    '1.7976931348623157e308',
    '5e-324',
    '0.30000000000000004',
    '100000000000000000000000',
    '123456789012345680000',
    '0.000001',
    '10.50',
    '3.141592653589793',
    '2.5e-3',
    '1000e-3',
    `1${'0'.repeat(308)}`,
    `1.5${'0'.repeat(500)}`,
  ])('a well-formed message may hold the number %s', (number) => expect(read(argument(number)).ok).toBe(true));

  test.each([
    '"\\ud83d\\ude00"',
    '"\\uD83D\\uDE00 \\ud7ff \\ue000"',
    '"\\\\ud800"',
    '"9007199254740993"',
    '":::{{{[[["',
    '"\\u0000"',
    '"\u2028"',
    '[[[[[]]]]]',
    '{"A":1,"a":2}',
    '{"constructor":{"x":1}}',
    '{"constructor":"prototype"}',
    '{"prototype":{}}',
    '["__proto__"]',
    '{"Name":1,"name":2}',
    '"\\"a\\":1,\\"a\\":2"',
  ])('a well-formed message may hold the value %s', (json) =>
    expect(toolParams(`{"name":"t","arguments":{"a":${json}}}`)?.arguments).toEqual({ a: JSON.parse(json) }),
  );

  test('a well-formed message may be 64 deep and no deeper', () => {
    const deep = (depth: number) => argument('['.repeat(depth - 3) + ']'.repeat(depth - 3));
    expect(read(deep(64)).ok).toBe(true);
    expect(read(deep(65))).toMatchObject({ ok: false, code: -32600 });
  });

  test('a well-formed message may have 100,000 keys and no more', () => {
    const many = (count: number) =>
      argument(`{${Array.from({ length: count - 7 }, (_, index) => `"k${index}":0`).join(',')}}`);
    expect(read(many(100_000)).ok).toBe(true);
    expect(read(many(100_001))).toMatchObject({ ok: false, code: -32600 });
  });
});

const argumentIn = (text: string): unknown => toolCallParams(accepted(text))?.arguments['a'];

describe('a number that no double holds', () => {
  test.each(inexactNumbers)('reaches the upstream as written: %s', (number) => {
    const body = Buffer.from(argument(`[{"b":${number}}]`));
    const answer = readMessage(body);
    expect(answer.ok && answer.body).toBe(body);
    expect(toJsonText(argumentIn(argument(number)))).toBe(number);
  });

  test('a number that no double holds may stand 10,000 times in a message at a cost of few parses', () => {
    const list = Buffer.from(argument(`[${Array.from({ length: 10_000 }, () => '9007199254740993').join(',')}]`));
    expect(readMessage(list).ok).toBe(true);
    expect(costInParses(() => readMessage(list))).toBeLessThan(100);
  });
});

describe('what is read as absent is not sent', () => {
  const ping = '"jsonrpc":"2.0","id":1,"method":"ping"';
  const tool = '"jsonrpc":"2.0","id":1,"method":"tools/call"';
  const deep = '['.repeat(100) + ']'.repeat(100);
  test.each([
    ['params: null', `{${ping},"params":null}`, `{${ping}}`],
    ['params: null, escaped', `{${ping},"par\u0061ms" : null}`, `{${ping}}`],
    [
      'arguments: null',
      `{${tool},"params":{"name":"x","arguments":null,"_meta":{"n":1.0}}}`,
      `{${tool},"params":{"name":"x","_meta":{"n":1.0}}}`,
    ],
    ['an unknown member', `{${ping},"extra":1}`, `{${ping}}`],
    ['an unknown member that nests too deeply', `{"extra":${deep},${ping}}`, `{${ping}}`],
    ['an unknown member with a key twice', `{"extra":{"a":1,"a":2},${ping}}`, `{${ping}}`],
    ['an unknown member that leads to a prototype', `{"__proto__":{"method":"x"},${ping}}`, `{${ping}}`],
    ['an unknown member beside params: null', `{"headers":{},${ping},"params":null}`, `{${ping}}`],
    ['an unknown member of a notification', '{"jsonrpc":"2.0","method":"a","b":1}', '{"jsonrpc":"2.0","method":"a"}'],
    [
      'an unknown member of a response',
      '{"jsonrpc":"2.0","id":1,"result":{"n":1.0},"b":1}',
      '{"jsonrpc":"2.0","id":1,"result":{"n":1.0}}',
    ],
  ])('%s', (_name, given, sent) => {
    const answer = read(given);
    expect(answer.ok && answer.body.toString()).toBe(sent);
    expect(answer).toEqual({ ...read(sent), body: answer.ok && answer.body });
  });

  test('a member that differs from a known one only in case is refused, whatever its value', () => {
    for (const value of ['1', '{"a":1,"a":2}', deep]) expect(read(`{${ping},"Params":${value}}`).ok).toBe(false);
  });
});

describe('the parameters of a tools/call', () => {
  test('the parameters of a tools/call are the tool and its arguments, empty when absent', () => {
    expect(toolParams('{"name":"cancel_job","arguments":{"id":1},"_meta":{}}')).toEqual({
      name: 'cancel_job',
      arguments: { id: 1 },
    });
    expect(toolParams('{"name":"cancel_job"}')).toEqual({ name: 'cancel_job', arguments: {} });
    expect(toolParams(`{"name":"${'x'.repeat(256)}"}`)?.name).toHaveLength(256);
  });

  test.each([
    '{}',
    '{"name":""}',
    '{"name":1}',
    '{"name":null}',
    `{"name":"${'x'.repeat(257)}"}`,
    '{"name":"t","arguments":[]}',
    '{"name":"t","arguments":"x"}',
  ])('the parameters of a tools/call are none for %s', (params) => expect(toolParams(params)).toBeUndefined());

  test('the parameters of a tools/call are none for another method, a notification or absent params', () => {
    expect(
      toolCallParams(accepted('{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"name":"t"}}')),
    ).toBeUndefined();
    expect(toolCallParams(accepted('{"jsonrpc":"2.0","method":"tools/call","params":{"name":"t"}}'))).toBeUndefined();
    expect(toolCallParams(accepted('{"jsonrpc":"2.0","id":1,"method":"tools/call"}'))).toBeUndefined();
  });
});

const wellFormed = (text: string): boolean => !/\p{Surrogate}/u.test(text);
const value = fc
  .jsonValue({ maxDepth: 6, stringUnit: 'binary' })
  .filter((tree) => !/\\ud[89a-f]|__proto__/.test(JSON.stringify(tree)));
const argumentsObject = fc.dictionary(
  fc.string({ unit: 'binary' }).filter((key) => wellFormed(key) && key !== '__proto__'),
  value,
);

describe('for any message', () => {
  test('what JSON.stringify writes is accepted and equals what JSON.parse reads', () => {
    fc.assert(
      fc.property(argumentsObject, fc.integer(), (args, id) => {
        const text = JSON.stringify({
          jsonrpc: '2.0',
          id,
          method: 'tools/call',
          params: { name: 't', arguments: args },
        });
        expect(accepted(text)).toEqual({
          kind: 'request',
          id,
          method: 'tools/call',
          params: (JSON.parse(text) as { params: unknown }).params,
        });
      }),
      { numRuns: 300 },
    );
  });

  test('a key that occurs twice is refused, however it is written', () => {
    fc.assert(
      fc.property(
        argumentsObject,
        fc.string({ unit: 'binary', maxLength: 8 }).filter(wellFormed),
        fc.boolean(),
        (args, key, escape) => {
          const escaped = [...Array(key.length).keys()]
            .map((at) => `\\u${key.charCodeAt(at).toString(16).padStart(4, '0')}`)
            .join('');
          const again = escape ? `"${escaped}"` : JSON.stringify(key);
          const members = Object.entries({ ...args, [key]: 1 }).map(
            ([name, member]) => `${JSON.stringify(name)}:${JSON.stringify(member)}`,
          );
          expect(read(call(`{"name":"t","arguments":{${members.join(',')},${again}:2}}`))).toMatchObject({
            ok: false,
            code: -32600,
          });
        },
      ),
      { numRuns: 300 },
    );
  });

  test('every double is one as JavaScript prints it, and with 17 digits only when those are its own', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
        expect(argumentIn(argument(String(number)))).toBe(Object.is(number, -0) ? 0 : number);
        const digits = number.toExponential(16);
        const [mantissa, power] = String(number).includes('e')
          ? String(number).split('e')
          : number.toExponential().split('e');
        const same =
          BigInt((mantissa ?? '').replace(/[-.]/g, '').padEnd(17, '0')) ===
            BigInt((digits.split('e')[0] ?? '').replace(/[-.]/g, '')) && Number(power) === Number(digits.split('e')[1]);
        expect(isExactNumber(argumentIn(argument(digits)))).toBe(!same);
      }),
      { numRuns: 500 },
    );
  });

  test('random changes of bytes never make the reader throw, and what it accepts JSON.parse reads alike', () => {
    const good = Buffer.from(call('{"name":"t","arguments":{"a":[1,2.5e3,"\\u0041é😀"],"b":{"c":null}}}'));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        (changes) => {
          const body = Buffer.from(good);
          for (const [at, byte] of changes) body[at] = byte;
          const answer = readMessage(body);
          if (answer.ok && answer.message.kind === 'request')
            expect(answer.message.params).toEqual((JSON.parse(body.toString()) as { params?: unknown }).params);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
