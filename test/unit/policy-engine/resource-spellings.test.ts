import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compilePolicy } from '../../../src/policy-engine/compile.js';
import { decide, type Decision, type Facts } from '../../../src/policy-engine/decide.js';
import type { PolicyDocument, ToolEntry } from '../../../src/policy-engine/document.js';
import { parsePolicy } from '../../../src/policy-engine/parse.js';
import { Replay } from '../../../src/policy-engine/replay/replay.js';
import { configureProperties } from '../../builders/policies.js';

configureProperties();

/** Each document judges several URIs. A minute's worth is `DOCUMENTS=10000`. */
const DOCUMENTS = Number(process.env['DOCUMENTS'] ?? 400);
const URIS_PER_DOCUMENT = 5;

const base = {
  identity: { id: 'idn_1', name: 'a', kind: 'agent', attributes: {} },
  organizationId: 'org_1',
  grantId: 'grt_1',
  serverId: 'srv_1',
  now: new Date(0),
} as const;

const factsOf = (uri: string): Facts => ({ ...base, kind: 'resource', tool: uri, arguments: { uri } });

/** A URI in its parts, written plainly by `write`. */
type Parts = Readonly<{ scheme: 'file' | 'https' | 'gitlab'; host: string; steps: readonly string[] }>;

const write = ({ scheme, host, steps }: Parts): string => `${scheme}://${host}/${steps.join('/')}`;

const step = fc.constantFrom('a', 'b', 'secret', 'pub', 'é.txt', 'x y', 'A-b_c~1', 'naïve', '日本');
const uriParts: fc.Arbitrary<Parts> = fc
  .record({
    scheme: fc.constantFrom('file', 'https', 'gitlab'),
    host: fc.constantFrom('h', 'example.com', 'p'),
    steps: fc.array(step, { minLength: 1, maxLength: 3 }),
  })
  .map((parts) => ({
    ...parts,
    host: parts.scheme === 'file' ? '' : parts.host,
  }));

const escapes = (text: string): string =>
  [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0').toUpperCase()}`).join('');

type Dress = (parts: Parts) => string;

/** Rewrites some characters of the path: `at` chooses which. */
const rewritten = (parts: Parts, at: number, rewrite: (character: string) => string): string =>
  write({
    ...parts,
    steps: parts.steps.map((one) =>
      [...one].map((character, index) => (((at >> (index % 16)) & 1) === 1 ? rewrite(character) : character)).join(''),
    ),
  });

/** Spellings that name the same resource for every reader. */
const equivalent = (at: number): readonly Dress[] => [
  (parts) => rewritten(parts, at, (character) => (character === ' ' ? character : escapes(character))),
  (parts) => rewritten(parts, at, (character) => (character === ' ' ? character : escapes(character).toLowerCase())),
  (parts) => write({ ...parts, steps: parts.steps.map((one) => one.normalize('NFD')) }),
  (parts) =>
    rewritten({ ...parts, steps: parts.steps.map((one) => one.normalize('NFD')) }, at, (character) =>
      /[^\x20-\x7f]/.test(character) ? escapes(character) : character,
    ),
  (parts) => write(parts).replace(parts.scheme, parts.scheme.toUpperCase()),
  (parts) => write({ ...parts, host: parts.host.toUpperCase() }),
  (parts) => write(parts.scheme === 'https' ? { ...parts, host: `${parts.host}:443` } : parts),
  (parts) =>
    parts.scheme === 'file'
      ? write(parts).replace('file://', at % 2 === 0 ? 'file:' : 'FILE://LocalHost')
      : write(parts),
];

/** Spellings that some servers take for the same resource. */
const careless = (at: number): readonly Dress[] => [
  (parts) => rewritten(parts, at, (character) => escapes(character).replaceAll('%', '%25')),
  (parts) => write(parts).replace(/(?<=[^:/])\//g, at % 2 === 0 ? '%2F' : '%252f'),
  (parts) => write(parts).replace(/(?<=[^:/])\//g, '//'),
  (parts) => write(parts).replaceAll('/', '\\'),
  (parts) => `${write(parts)}?`,
  (parts) => `${write(parts)}#`,
  (parts) => (parts.scheme === 'gitlab' ? write(parts) : `${write(parts)}#secret`),
  (parts) => (parts.scheme === 'file' ? `${write(parts)}?a=.txt` : write(parts)),
  (parts) => write({ ...parts, host: parts.scheme === 'file' ? 'elsewhere' : `u:p@${parts.host}` }),
  (parts) => write(parts.scheme === 'file' ? parts : { ...parts, host: `${parts.host}.` }),
  (parts) => (parts.scheme === 'https' ? write(parts).replace('://', at % 2 === 0 ? ':' : ':///') : write(parts)),
];

const dressed = (kinds: (at: number) => readonly Dress[]): fc.Arbitrary<Dress> =>
  fc.integer({ min: 1, max: 0xffff }).chain((at) => fc.constantFrom(...kinds(at)));
const everyKind = (at: number): readonly Dress[] => [...equivalent(at), ...careless(at)];

const value = fc.constantFrom(
  'secret',
  '/secret',
  'é',
  'file:///',
  'https://h/',
  'x y',
  'pub/a',
  escapes('é'),
  escapes('é').toLowerCase(),
  '%20',
  'h/b',
);
const rules = fc.array(
  fc
    .tuple(fc.constantFrom('contains', 'starts_with', 'ends_with', 'eq', 'neq', 'not_contains', 'matches'), value)
    .map(([op, text]) => ({ path: 'args.uri', op, value: text }) as const),
  { maxLength: 2 },
);

const limits = fc.array(
  fc.record({
    counter: fc.constantFrom('c', 'd', 'e'),
    window: fc.constantFrom('minute', 'day'),
    max: fc.integer({ min: 1, max: 9 }),
  }),
  { maxLength: 2 },
);

const action = fc.constantFrom('allow', 'allow', 'deny', 'require_approval');
const plainEntry: fc.Arbitrary<ToolEntry> = fc.record({ action, limits });
const ruledEntry: fc.Arbitrary<ToolEntry> = fc.record({ action, limits, deny_if: rules, require: rules });

/** Names of entries: a URI, or a pattern of it. */
const nameOf = (dress: fc.Arbitrary<Dress>): fc.Arbitrary<string> =>
  fc
    .tuple(uriParts, dress, fc.constantFrom('exact', 'under', 'prefix', 'suffix', 'all'))
    .map(([parts, write, form]) => {
      const uri = write(parts);
      if (form === 'under') return `${uri}/*`;
      if (form === 'prefix') return `${uri.slice(0, uri.lastIndexOf('/') + 1)}*`;
      if (form === 'suffix') return `*/${parts.steps.at(-1) ?? ''}`;
      return form === 'all' ? `${parts.scheme}:*` : uri;
    });

const policyOf = (
  entry: fc.Arbitrary<ToolEntry>,
  fallback: PolicyDocument['default'],
  dress: fc.Arbitrary<Dress>,
): fc.Arbitrary<PolicyDocument> =>
  fc
    .dictionary(nameOf(dress), entry, { maxKeys: 5 })
    .map((resources) => ({ version: '1', default: fallback, resources }));

// Under `default: deny` an entry may name one careless spelling and allow that one alone, so there entries are written
// plainly.
const anyPolicy = (entry: fc.Arbitrary<ToolEntry>): fc.Arbitrary<PolicyDocument> =>
  fc.oneof(policyOf(entry, 'deny', dressed(equivalent)), policyOf(entry, 'allow', dressed(everyKind)));

const strictness: Readonly<Record<Decision['effect'], number>> = { allow: 0, hold: 1, deny: 2 };
const counted = ({ reservations }: Decision): readonly string[] =>
  reservations.map(({ pointer, counter, amount, max }) => JSON.stringify([pointer, counter, amount, max])).sort();

const uris = (
  kinds: (at: number) => readonly Dress[],
): fc.Arbitrary<readonly Readonly<{ plain: string; other: string }>[]> =>
  fc.array(
    fc.tuple(uriParts, dressed(kinds)).map(([parts, dress]) => ({ plain: write(parts), other: dress(parts) })),
    { minLength: URIS_PER_DOCUMENT, maxLength: URIS_PER_DOCUMENT },
  );

/** What a document decides of each of two spellings. */
const decideBoth = (
  document: PolicyDocument,
  pairs: readonly Readonly<{ plain: string; other: string }>[],
): readonly (readonly [Decision, Decision, string])[] => {
  const policy = compilePolicy(document);
  return pairs.map(({ plain, other }) => [
    decide(policy, factsOf(plain)),
    decide(policy, factsOf(other)),
    `${plain} as ${other}`,
  ]);
};

test('no spelling of a resource gets more than the plain one: neither a milder effect nor fewer limits', () => {
  fc.assert(
    fc.property(anyPolicy(ruledEntry), uris(everyKind), (document, pairs) => {
      for (const [plain, other, uri] of decideBoth(document, pairs)) {
        // Assertions are slow, so that there is one only where it fails.
        const missing = other.effect === 'allow' ? counted(plain).filter((one) => !counted(other).includes(one)) : [];
        if (strictness[other.effect] < strictness[plain.effect] || missing.length > 0)
          expect.fail(`${uri}: ${other.effect}, without ${missing.join()}`);
      }
    }),
    { numRuns: DOCUMENTS },
  );
}, 60_000);

test('spellings that name the same resource for every reader have the same effect, rule and limits', () => {
  fc.assert(
    fc.property(anyPolicy(plainEntry), uris(equivalent), (document, pairs) => {
      for (const [plain, other, uri] of decideBoth(document, pairs)) {
        const [one, two] = [plain, other].map((decision) =>
          JSON.stringify([decision.effect, decision.code, decision.rule, counted(decision)]),
        );
        if (one !== two) expect.fail(`${uri}: ${one} and ${two}`);
      }
    }),
    { numRuns: DOCUMENTS },
  );
}, 60_000);

test('a policy that is replayed on the record says of every spelling what it says of a call', () => {
  fc.assert(
    fc.property(anyPolicy(ruledEntry), uris(everyKind), (document, pairs) => {
      const policy = compilePolicy(document);
      for (const { other: uri } of pairs) {
        const { effect, code, rule } = decide(policy, factsOf(uri));
        const { arguments: _values, ...facts } = factsOf(uri);
        const replayed = new Replay(policy).judge({
          callId: 'call_1',
          facts,
          argumentKeys: ['uri'],
          hasArguments: true,
          counts: 'surely',
          reserved: [],
        });
        expect(replayed, uri).toMatchObject({ effect, code, rule, sure: true });
      }
    }),
    { numRuns: 200 },
  );
}, 60_000);

test('the documents of these properties are ones that can be saved', () => {
  fc.assert(
    fc.property(anyPolicy(ruledEntry), (document) => {
      expect(parsePolicy(document)).toMatchObject({ ok: true });
    }),
    { numRuns: 200 },
  );
});
