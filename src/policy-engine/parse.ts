import { isObject } from '../platform/json/json-object.js';
import { isStorableText } from '../platform/json/storable.js';
import { readApproval } from './approval.js';
import { readRules } from './conditions/read-rules.js';
import { parseArgumentPath } from './conditions/path.js';
import type { PolicyDocument } from './document.js';
import { MAX_NAME_LENGTH } from './facts.js';
import { lintPolicy } from './lints/lints.js';
import { patternCosts } from './lints/pattern-costs.js';
import { privateCounterPrefix } from './limits.js';
import { OtherSpellings } from './other-spellings.js';
import {
  boolean,
  listOf,
  namedOf,
  numberThat,
  objectOf,
  oneOf,
  textThat,
  type PolicyError,
  type Reader,
  type Report,
  type Shape,
} from './reader.js';
import { scopeNames, scopes } from './scopes.js';
import { MAX_WINDOW_SECONDS, windowNames } from './windows.js';

export type { PolicyError } from './reader.js';

export type Parsed =
  | Readonly<{ ok: true; document: PolicyDocument; warnings: readonly PolicyError[] }>
  | Readonly<{ ok: false; errors: readonly PolicyError[] }>;

const MAX_ENTRIES = 10_000;
const MAX_LIMITS = 64;
const MAX_PATH_LENGTH = 256;
const MAX_REASON_LENGTH = 1000;

/**
 * Checks a policy document and reports every error at once, each with a JSON Pointer. Codes: `invalid_type`,
 * `invalid_value`, `required`, `too_many`, `unsupported_key` (unknown, or not enforced by this release). An accepted
 * document is the input itself, unchanged. Its warnings name what is allowed but may surprise.
 */
export function parsePolicy(input: unknown): Parsed {
  const report: Report = { errors: [], warnings: [], patternSize: 0, isStored: false };
  readDocument(input, '', report);
  if (report.errors.length > 0) return { ok: false, errors: report.errors };
  const document = input as PolicyDocument;
  const costs = patternCosts(document);
  if (costs.errors.length > 0) return { ok: false, errors: costs.errors };
  return { ok: true, document, warnings: [...report.warnings, ...costs.warnings, ...lintPolicy(document)] };
}

/**
 * Reads a document that was accepted and stored; undefined when this release does not know all of it. It makes no
 * warnings.
 */
export function readStoredPolicy(input: unknown): PolicyDocument | undefined {
  const report: Report = { errors: [], warnings: [], patternSize: 0, isStored: true };
  readDocument(input, '', report);
  return report.errors.length > 0 ? undefined : (input as PolicyDocument);
}

const readName = textThat(
  (text) => text.length >= 1 && text.length <= MAX_NAME_LENGTH.tool && isStorableText(text),
  `must be a name, or a pattern with *, of 1 to ${MAX_NAME_LENGTH.tool} characters`,
);

const MAX_URI_LENGTH = 2048;

const readUri = textThat(
  (text) => text.length >= 1 && text.length <= MAX_URI_LENGTH && isStorableText(text),
  `must be the URI of a resource, or a pattern with *, of 1 to ${MAX_URI_LENGTH} characters`,
);

const readResources: Reader = (value, pointer, report) => {
  namedOf(MAX_ENTRIES, readUri, readEntry)(value, pointer, report);
  // A stored document was counted when it was accepted.
  if (!isObject(value) || report.isStored) return;
  const spellings = new OtherSpellings<string>();
  for (const name of Object.keys(value).slice(0, MAX_ENTRIES))
    if (name.length <= MAX_URI_LENGTH) spellings.add(name, name);
  const excess = spellings.excess();
  if (excess !== undefined) report.errors.push({ pointer, code: 'too_many', message: excess });
};

const readReason = textThat(
  (text) => text.length >= 1 && text.length <= MAX_REASON_LENGTH && isStorableText(text),
  `must be a text of 1 to ${MAX_REASON_LENGTH} characters`,
);

const readCounter = textThat(
  (text) => /^[A-Za-z0-9_.:-]{1,64}$/.test(text) && !text.startsWith(privateCounterPrefix),
  `must be 1 to 64 of the characters A-Z a-z 0-9 _ . : - and not begin with ${privateCounterPrefix}`,
);

const readMax = numberThat((number) => Number.isFinite(number) && number >= 0, 'must be a number, 0 or more');

const isWholeSeconds = (number: number): boolean =>
  Number.isInteger(number) && number >= 1 && number <= MAX_WINDOW_SECONDS;

const wholeSeconds = `whole seconds, 1 to ${MAX_WINDOW_SECONDS}`;

const readSeconds = numberThat(isWholeSeconds, `must be ${wholeSeconds}`);

const readWindow: Reader = (value, pointer, report) => {
  const message = `must be one of ${windowNames.map((name) => `"${name}"`).join(', ')}, or ${wholeSeconds}`;
  if (typeof value === 'string')
    textThat((text) => windowNames.some((name) => name === text), message)(value, pointer, report);
  else numberThat(isWholeSeconds, message)(value, pointer, report);
};

const readKnownScope = oneOf(...scopeNames);

const readScope: Reader = (value, pointer, report) => {
  readKnownScope(value, pointer, report);
  const warning = scopeNames.flatMap((scope) => (scope === value ? (scopes[scope].warning ?? []) : []));
  report.warnings.push(...warning.map((message) => ({ pointer, code: `${String(value)}_scope`, message })));
};

const readAmountPath = textThat(
  (text) => text.length <= MAX_PATH_LENGTH && isStorableText(text) && parseArgumentPath(text) !== undefined,
  `must name one argument, like "args.amount" or "args.items[0].price", in at most ${MAX_PATH_LENGTH} characters`,
);

const readLimit = objectOf(
  new Map([
    ['counter', { read: readCounter, required: true }],
    ['window', { read: readWindow, required: true }],
    ['max', { read: readMax, required: true }],
    ['scope', { read: readScope }],
    ['increment_from', { read: readAmountPath }],
    ['on_deny', { read: readReason }],
  ]),
);

const readLimits = listOf(MAX_LIMITS, readLimit);

const readRateLimit = objectOf(
  new Map([
    ['max', { read: readMax, required: true }],
    ['window', { read: readSeconds, required: true }],
  ]),
);

const rules: Shape = new Map([
  ['reason', { read: readReason }],
  ['require', { read: readRules('require', readReason) }],
  ['deny_if', { read: readRules('deny_if', readReason) }],
  ['limits', { read: readLimits }],
  ['rate_limit', { read: readRateLimit }],
]);

const readEntry = objectOf(
  new Map([
    ['action', { read: oneOf('allow', 'deny', 'require_approval') }],
    ['approval', { read: readApproval }],
    ...rules,
  ]),
);

const readForAll = objectOf(
  new Map([
    ['require', { read: readRules('require', readReason) }],
    ['deny_if', { read: readRules('deny_if', readReason) }],
    ['limits', { read: readLimits }],
  ]),
);

const readDocument = objectOf(
  new Map([
    ['version', { read: oneOf('1'), required: true }],
    ['default', { read: oneOf('allow', 'deny'), required: true }],
    ['mode', { read: oneOf('enforce', 'monitor') }],
    ['hide', { read: listOf(MAX_ENTRIES, readName) }],
    ['tools', { read: namedOf(MAX_ENTRIES, readName, readEntry) }],
    ['resources', { read: readResources }],
    ['prompts', { read: namedOf(MAX_ENTRIES, readName, readEntry) }],
    ['check_arguments', { read: boolean }],
    ['pin_tools', { read: boolean }],
    ['approval', { read: readApproval }],
    ['all_tools', { read: readForAll }],
  ]),
);
