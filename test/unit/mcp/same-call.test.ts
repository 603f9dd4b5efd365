import fc from 'fast-check';
import { expect, test } from 'vitest';
import { argumentKeys, argumentsDigest } from '../../../src/data-plane/enforcement/digest.js';
import { readMessage, toolCallParams } from '../../../src/mcp/protocol/read-message.js';
import { compilePolicy } from '../../../src/policy-engine/compile.js';
import { decide } from '../../../src/policy-engine/decide.js';
import { args, called, configureProperties, factsOf, policies } from '../../builders/policies.js';

configureProperties();

/** Chooses among the ways to write one and the same thing: with the same seed the same way again. */
type Choose = (ways: number) => number;

const spaces = ['', ' ', '\n', '\t \r\n'] as const;
const space = (choose: Choose): string => spaces[choose(spaces.length)] ?? '';

const escapes: Readonly<Record<string, string>> = { '"': '\\"', '\\': '\\\\' };
const unit = (code: number): string => `\\u${code.toString(16).padStart(4, '0')}`;

const character = (one: string, choose: Choose): string => {
  const short = escapes[one];
  if (choose(3) === 0) return [...Array(one.length).keys()].map((at) => unit(one.charCodeAt(at))).join('');
  return short ?? (one < ' ' ? unit(one.charCodeAt(0)) : one);
};

const text = (value: string, choose: Choose): string => `"${[...value].map((one) => character(one, choose)).join('')}"`;

const number = (value: number, choose: Choose): string => {
  const plain = Object.is(value, -0) ? '-0' : String(value);
  return Number.isInteger(value) && !plain.includes('e')
    ? ([plain, `${plain}.0`, `${plain}e0`, `${plain}E+0`][choose(4)] ?? plain)
    : plain;
};

/** A value as JSON, its keys in any order, with white space and escapes anywhere. */
const written = (value: unknown, choose: Choose): string => {
  const pad = (inner: string): string => `${space(choose)}${inner}${space(choose)}`;
  if (typeof value === 'string') return text(value, choose);
  if (typeof value === 'number') return number(value, choose);
  if (Array.isArray(value)) return `[${value.map((one) => pad(written(one, choose))).join(',') || space(choose)}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .map((member) => [choose(1000), member] as const)
    .toSorted(([one], [other]) => one - other);
  const inside = members.map(([, [key, member]]) => `${pad(text(key, choose))}:${pad(written(member, choose))}`);
  return `{${inside.join(',') || space(choose)}}`;
};

const chooserOf = (seed: number): Choose => {
  let state = seed | 1;
  return (ways) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >>> 8) % ways;
  };
};

const jsonArgs = args.map((given) => (given === undefined ? {} : (JSON.parse(JSON.stringify(given)) as object)));

test(
  'one call gets one decision, digest and list of names, however its body is written: order of ' +
    'keys, white space, escapes',
  () => {
    const key = Buffer.alloc(32, 7);
    fc.assert(
      fc.property(
        policies,
        called.filter((tool) => tool.length > 0),
        jsonArgs,
        fc.integer(),
        (document, tool, given, seed) => {
          const policy = compilePolicy(document);
          const read = (body: string) => {
            const message = readMessage(Buffer.from(body));
            if (!message.ok) throw new Error(message.reason);
            const params = toolCallParams(message.message);
            if (!params) throw new Error('not a call');
            return {
              decision: decide(policy, factsOf(params.name, params.arguments)),
              digest: argumentsDigest(key, params.arguments),
              keys: argumentKeys(params.arguments),
            };
          };
          const message = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool, arguments: given } };
          expect(read(written(message, chooserOf(seed)))).toEqual(read(JSON.stringify(message)));
        },
      ),
    );
  },
);
