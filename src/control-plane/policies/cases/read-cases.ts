import { isObject } from '../../../platform/json/json-object.js';
import { Problem } from '../../../platform/runtime/problems.js';
import {
  boolean,
  listOf,
  numberThat,
  objectOf,
  oneOf,
  refuse,
  textThat,
  type Reader,
  type Report,
} from '../../../policy-engine/reader.js';
import { isInstant } from '../../../platform/rest/fields.js';

/**
 * One call of a case; made `repeat` times, at `time` (RFC 3339) or at that of its case. `tool` is the name or URI of
 * what is used.
 */
export type CallInput = Readonly<{
  kind?: 'tool' | 'resource' | 'prompt';
  tool: string;
  arguments?: Readonly<Record<string, unknown>>;
  approved?: boolean;
  repeat?: number;
  time?: string;
}>;

export type Expected = Readonly<{ effect: 'allow' | 'deny' | 'hold'; code?: string; rule?: string | null }>;

/**
 * What a document should say of a call, of its last repetition, after the calls in `before`; limits count from 0 in
 * every case.
 */
export type CaseInput = CallInput &
  Readonly<{
    name: string;
    identity?: Readonly<{ name?: string; kind?: string; attributes?: Readonly<Record<string, unknown>> }>;
    request?: Readonly<{ ip?: string }>;
    client?: Readonly<{ name?: string }>;
    before?: readonly CallInput[];
    expect: Expected;
  }>;

const MAX_CASES = 1000;
const MAX_BEFORE = 100;
const MAX_REPEATS = 1000;
const MAX_CALLS = 10_000;

const text = (longest: number): Reader =>
  textThat((value) => value.length >= 1 && value.length <= longest, `must be a text of 1 to ${longest} characters`);

const anyObject: Reader = (value, pointer, report) => {
  if (!isObject(value)) refuse(report, pointer, 'invalid_type', 'must be an object');
};

const readRule: Reader = (value, pointer, report) => {
  if (value !== null) text(10_000)(value, pointer, report);
};

type Fields = readonly (readonly [string, Readonly<{ read: Reader; required?: true }>])[];

const CALL: Fields = [
  ['kind', { read: oneOf('tool', 'resource', 'prompt') }],
  ['tool', { read: text(2048), required: true }],
  ['arguments', { read: anyObject }],
  ['approved', { read: boolean }],
  [
    'repeat',
    {
      read: numberThat(
        (value) => Number.isInteger(value) && value >= 1 && value <= MAX_REPEATS,
        `must be a whole number from 1 to ${MAX_REPEATS}`,
      ),
    },
  ],
  ['time', { read: textThat(isInstant, 'must be a time as RFC 3339, like "2026-11-22T10:00:00Z"') }],
];

const readExpected = objectOf(
  new Map([
    ['effect', { read: oneOf('allow', 'deny', 'hold'), required: true }],
    ['code', { read: text(100) }],
    ['rule', { read: readRule }],
  ]),
);

const readIdentity = objectOf(
  new Map([
    ['name', { read: text(200) }],
    ['kind', { read: oneOf('human', 'agent', 'service') }],
    ['attributes', { read: anyObject }],
  ]),
);

const readCase = objectOf(
  new Map([
    ['name', { read: text(200), required: true }],
    ...CALL,
    ['identity', { read: readIdentity }],
    ['request', { read: objectOf(new Map([['ip', { read: text(100) }]])) }],
    ['client', { read: objectOf(new Map([['name', { read: text(200) }]])) }],
    ['before', { read: listOf(MAX_BEFORE, objectOf(new Map(CALL))) }],
    ['expect', { read: readExpected, required: true }],
  ]),
);

const readAll = listOf(MAX_CASES, readCase);

const callsOf = ({ repeat = 1, before = [] }: CaseInput): number =>
  before.reduce((sum, call) => sum + (call.repeat ?? 1), repeat);

/**
 * The cases as they were sent. @throws Problem invalid_body with everything that is wrong, at most 1,000 cases and
 * 10,000 calls
 */
export const readCases = (sent: unknown): readonly CaseInput[] => {
  const report: Report = { errors: [], warnings: [], patternSize: 0, isStored: false };
  readAll(sent, '/cases', report);
  const cases = report.errors.length === 0 ? (sent as readonly CaseInput[]) : [];
  if (cases.reduce((sum, one) => sum + callsOf(one), 0) > MAX_CALLS)
    refuse(report, '/cases', 'too_many', `takes at most ${MAX_CALLS} calls, repetitions included`);
  if (report.errors.length > 0)
    throw new Problem('invalid_body', 'Correct what errors[] names and send the cases again.', {
      errors: report.errors,
    });
  return cases;
};
