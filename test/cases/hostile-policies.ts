/**
 * A document that wants to do harm, and the arguments (64 KiB, about) of a call of the tool `x` that it is to judge.
 */
export type HostileCase = Readonly<{ name: string; document: unknown; arguments: unknown }>;

const KIB_64 = 65_536;
const text = (unit: string): string => unit.repeat(Math.ceil(KIB_64 / unit.length)).slice(0, KIB_64);
const forAll = (kind: 'require' | 'deny_if', rules: unknown): unknown => ({
  version: '1',
  default: 'allow',
  all_tools: { [kind]: rules },
});
/** With its keys as they stand: `__proto__` is a key like any other. */
const read = (json: string): unknown => JSON.parse(json) as unknown;
const nested = (depth: number, open: string, inner: string, close: string): string =>
  open.repeat(depth) + inner + close.repeat(depth);

const atoms = [
  'a',
  'a+',
  'a*',
  '(a+)+',
  '(a*)*',
  '(a|a)*',
  '(a|aa)+',
  '(a|b|ab)*',
  '([ab]+)*',
  '(?:a?){20}a{20}',
  '(.*)*',
  '(.*.*)+',
  '(x+x+)+y',
  '(\\w+\\s?)*',
  '(\\pL|a)*',
  '[^c]{50}',
  '(?i)(k|K)+',
  '(?s).{60}',
];
const tails = ['', '$', 'b', 'c$', '(b|c){10}', '\\b\\B', '.{30}!', '(?m)^x$', '[^a]{3}$', '(?i)É'];
const haystacks = [text('a'), text('ab'), text('aab'), text('a b\n'), text('é')];

const patterns: readonly HostileCase[] = atoms.flatMap((atom, row) =>
  tails.flatMap((tail, column) =>
    [0, 1, 2].map((turn) => {
      const value =
        [`${atom}${tail}`, `^(?:${atom}){1,${5 + column}}${tail}`, `(?:${atom}|${tail}x)*?${atom}`][turn] ?? '';
      const haystack = haystacks[(row + column + turn) % haystacks.length] ?? '';
      return {
        name: `the pattern ${value}`,
        document: forAll(turn === 1 ? 'require' : 'deny_if', [{ path: 'args.n', op: 'matches', value }]),
        arguments: { n: haystack },
      };
    }),
  ),
);

const refusedPatterns: readonly HostileCase[] = [
  '(?=a)',
  '(?!a)',
  '(?<=a)b',
  '(a)\\1',
  '(?>a+)b',
  'a{1000}{1000}',
  '((a{100}){100}){100}',
  '(',
  '[',
  'a**',
  '\\p{Nope}',
  '(?P<n>a)(?P=n)',
  'a{2,1}',
  '*',
  '(?:a{500}){500}',
  `${'('.repeat(240)}a${')'.repeat(240)}`,
  'a'.repeat(501),
  '\\Q'.repeat(200),
  '[^\\x{0}-\\x{10FFFF}]',
  '(?i:[\\x{0}-\\x{10FFFF}]{900})',
].map((value) => ({
  name: `the pattern ${value.slice(0, 40)}`,
  document: forAll('deny_if', [{ path: 'args.n', op: 'matches', value }]),
  arguments: { n: text('a') },
}));

const keys = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'valueOf',
  'hasOwnProperty',
  '__defineGetter__',
  '__lookupSetter__',
  'isPrototypeOf',
  'then',
  'toJSON',
  'length',
];
const places: readonly ((key: string) => string)[] = [
  (key) => `{"version":"1","default":"allow","${key}":{"tools":{}}}`,
  (key) => `{"version":"1","default":"deny","tools":{"${key}":{"action":"deny"},"x":{}}}`,
  (key) => `{"version":"1","default":"deny","tools":{"x":{"${key}":{"action":"allow"}}}}`,
  (key) => `{"version":"1","default":"allow","hide":["${key}","*${key}*"]}`,
  (key) => `{"version":"1","default":"allow","all_tools":{"${key}":[]}}`,
  (key) =>
    `{"version":"1","default":"allow","all_tools":{"require":[{"path":"args.${key}","op":"exists","value":true,` +
    `"${key}":1}]}}`,
  (key) =>
    `{"version":"1","default":"allow","all_tools":{"require":[{"path":"args.${key}","op":"exists","value":false}]}}`,
  (key) =>
    `{"version":"1","default":"allow","all_tools":{"deny_if":[{"path":"args.n.${key}.${key}","op":"eq",` +
    `"value":"${key}"}]}}`,
  (key) =>
    `{"version":"1","default":"allow","all_tools":{"deny_if":[{"path":"identity.attributes.${key}",` +
    '"op":"exists","value":true}]}}',
  (key) =>
    `{"version":"1","default":"allow","all_tools":{"limits":[{"counter":"${key}","window":"hour","max":1,` +
    `"increment_from":"args.${key}"}]}}`,
  (key) =>
    `{"version":"1","default":"allow","all_tools":{"limits":[{"counter":"c","window":"${key}","max":1,` +
    `"scope":"${key}"}]}}`,
  (key) => `{"version":"1","default":"allow","all_tools":{"require":[{"path":"args.n","op":"${key}","value":1}]}}`,
];
const prototypes: readonly HostileCase[] = keys.flatMap((key) =>
  places.map((place, at) => ({
    name: `${key} in place ${at}`,
    document: read(place(key)),
    arguments: read(`{"${key}":{"${key}":"${key}","n":[]},"n":{"${key}":{}},"text":"${text('a')}"}`),
  })),
);

const depths = [2, 10, 32, 64, 65, 100, 500, 1000, 2000, 4000];
const deep: readonly HostileCase[] = depths.flatMap((depth) => {
  const lists = read(nested(depth, '[', '1', ']'));
  const objects = read(nested(depth, '{"a":', '1', '}'));
  const steps = (step: string): string =>
    `args${'.a'.repeat(depth > 60 ? 1 : 0) || '.a'}${step.repeat(Math.min(depth, 70))}`;
  const documents: readonly unknown[] = [
    lists,
    objects,
    { version: '1', default: 'allow', tools: lists },
    { version: '1', default: 'allow', tools: { x: objects } },
    { version: '1', default: 'allow', hide: [lists] },
    forAll('require', lists),
    forAll('deny_if', [{ conditions: lists }]),
    forAll('deny_if', [{ path: 'args.a', op: 'in', value: lists }]),
    forAll('require', [{ path: 'args.a', op: 'eq', value: objects }]),
  ];
  const paths = [steps('.a'), steps('[0]'), steps('[*]'), steps('.a[*]')].flatMap((path) => [
    forAll('require', [{ path, op: 'eq', value: 1 }]),
    forAll('deny_if', [{ path, op: 'neq', value: 1 }]),
  ]);
  return [...documents, ...paths].map((document, at) => ({
    name: `nesting ${depth} deep, ${at}`,
    document,
    arguments: {
      a: at % 2 === 0 ? read(nested(60, '[', `"${text('a')}"`, ']')) : read(nested(60, '{"a":', `"${text('a')}"`, '}')),
    },
  }));
});

const many = <T>(length: number, make: (at: number) => T): readonly T[] => Array.from({ length }, (_, at) => make(at));
const lists = [
  many(16_000, (at) => at % 4),
  many(8000, () => 'abab'),
  many(5000, (at) => ({ n: at })),
  ['ab'.repeat(32_000)],
  many(180, () => many(180, (at) => at)),
  many(60, () => many(30, () => many(15, () => 'a'))),
];
const operators: readonly (readonly [op: string, value: unknown])[] = [
  ['in', many(1000, (at) => `v${at}`)],
  ['not_in', many(1000, (at) => at)],
  ['contains', 'b'.repeat(1000)],
  ['not_contains', 'ba'.repeat(500)],
  ['matches', '(a+)+$'],
  ['cidr', many(1000, (at) => `10.${at % 250}.0.0/16`)],
  ['length_gte', 40_000],
  ['lt', 'b'.repeat(1000)],
  ['starts_with', 'ab'.repeat(500)],
];
const paths = ['args.l[*]', 'args.l[*].n', 'args.l[*][*]', 'args.l[*][*][*]'];
const huge: readonly HostileCase[] = operators.flatMap(([op, value]) =>
  paths.flatMap((path, row) =>
    [1, 8].flatMap((rules) =>
      (['require', 'deny_if'] as const).map((kind, column) => ({
        name: `${rules * 32} times ${op} of ${path} in ${kind}`,
        document: forAll(
          kind,
          many(rules, () => ({
            conditions: many(op === 'in' || op === 'not_in' || op === 'cidr' ? 2 : 32, () => ({ path, op, value })),
          })),
        ),
        arguments: { l: lists[(row + column + rules) % lists.length] },
      })),
    ),
  ),
);

const sizes = [100, 1000, 5000, 9999, 10_001, 20_000];
const oversized: readonly HostileCase[] = sizes.flatMap((size) =>
  [
    { version: '1', default: 'allow', hide: many(size, (at) => `*a*b*${at}`) },
    { version: '1', default: 'allow', tools: Object.fromEntries(many(size, (at) => [`*x*${at}`, {}])) },
    {
      version: '1',
      default: 'allow',
      tools: Object.fromEntries(many(size, (at) => [`t${at}`, { limits: [{ counter: 'c', window: 60, max: at }] }])),
    },
    {
      version: '1',
      default: 'deny',
      tools: {
        x: { limits: many(size, (at) => ({ counter: `c${at}`, window: 'hour', max: 1, increment_from: 'args.n' })) },
      },
    },
    forAll(
      'require',
      many(size, () => ({ conditions: [] })),
    ),
    forAll('deny_if', [{ conditions: many(size, () => ({ path: 'args.n', op: 'eq', value: 1 })) }]),
    forAll('deny_if', [{ path: 'args.n', op: 'in', value: many(size, (at) => at) }]),
    forAll('deny_if', [{ path: `args.${'a'.repeat(size)}`, op: 'eq', value: 'b'.repeat(size) }]),
    Object.fromEntries(many(size, (at) => [`key${at}`, at])),
    many(size, () => ({})),
  ].map((document, at) => ({
    name: `${size} of everything, ${at}`,
    document,
    arguments: { n: 1, text: text('ab'), ...Object.fromEntries(many(2000, (key) => [`k${key}`, key])) },
  })),
);

/** The API takes a body of a megabyte, and nesting of 64 levels; the rest is refused before anybody reads it. */
const MEGABYTE = 1_000_000;

/** A thousand and more of them. */
export const hostilePolicies: readonly HostileCase[] = [
  ...patterns,
  ...refusedPatterns,
  ...prototypes,
  ...deep,
  ...huge,
  ...oversized.filter(({ document }) => JSON.stringify(document).length < MEGABYTE),
];
