import { describe, expect, test } from 'vitest';
import { parsePolicy } from '../../../src/policy-engine/parse.js';
import { badPolicies } from '../../cases/bad-policies.js';

const found = (document: unknown) => {
  const parsed = parsePolicy(document);
  return parsed.ok ? [] : parsed.errors.map(({ pointer, code }) => `${code} ${pointer}`).sort();
};

describe('refused, with its one error', () => {
  test.each(badPolicies)('$name', ({ document, pointer, code }) => {
    expect(found(document)).toEqual([`${code} ${pointer}`]);
  });

  test.each(badPolicies)('the same after a trip through JSON: $name', ({ document, pointer, code }) => {
    expect(found(JSON.parse(JSON.stringify(document)))).toEqual([`${code} ${pointer}`]);
  });

  test('the table has a hundred documents, each with its own name', () => {
    expect(badPolicies.length).toBeGreaterThanOrEqual(100);
    expect(new Set(badPolicies.map(({ name }) => name)).size).toBe(badPolicies.length);
  });

  test('max that is not finite', () => {
    expect(
      found({
        version: '1',
        default: 'deny',
        tools: { x: { rate_limit: { max: Number.POSITIVE_INFINITY, window: 1 } } },
      }),
    ).toEqual(['invalid_value /tools/x/rate_limit/max']);
  });
});

describe('every error at once', () => {
  test('in one document', () => {
    const document = {
      mode: 'off',
      hide: ['', 1],
      pin_tools: 1,
      tools: {
        a: {
          action: 'ask',
          approval: { wait: 0.5 },
          reason: '',
          require: {},
          limits: [{ counter: '!', scope: 'x', extra: 1 }, 2],
        },
        'b/c': { rate_limit: { window: 'hour' } },
      },
      all_tools: {
        deny_if: [{ path: 'args', op: 'matches', value: '(' }, {}],
        limits: [{ counter: 'c', window: 0, max: -1 }],
      },
    };
    expect(found(document)).toEqual(
      [
        'required /version',
        'required /default',
        'invalid_value /mode',
        'invalid_value /hide/0',
        'invalid_type /hide/1',
        'invalid_type /pin_tools',
        'invalid_value /tools/a/action',
        'invalid_value /tools/a/approval/wait',
        'invalid_value /tools/a/reason',
        'invalid_type /tools/a/require',
        'invalid_value /tools/a/limits/0/counter',
        'invalid_value /tools/a/limits/0/scope',
        'unsupported_key /tools/a/limits/0/extra',
        'required /tools/a/limits/0/window',
        'required /tools/a/limits/0/max',
        'invalid_type /tools/a/limits/1',
        'invalid_type /tools/b~1c/rate_limit/window',
        'required /tools/b~1c/rate_limit/max',
        'invalid_value /all_tools/deny_if/0/path',
        'invalid_value /all_tools/deny_if/0/value',
        'required /all_tools/deny_if/1/path',
        'required /all_tools/deny_if/1/op',
        'required /all_tools/deny_if/1/value',
        'invalid_value /all_tools/limits/0/window',
        'invalid_value /all_tools/limits/0/max',
      ].sort(),
    );
  });
});

test('a message says what is accepted and never repeats a value', () => {
  const secret = 'hunter2-very-secret-value';
  const parsed = parsePolicy({
    version: secret,
    default: secret,
    hide: [`${secret}\0`],
    tools: {
      x: {
        action: secret,
        limits: [{ counter: `${secret}/`, window: secret, max: secret, scope: secret, increment_from: secret }],
      },
    },
  });
  const messages = parsed.ok ? [] : parsed.errors.map(({ message }) => message);
  expect(messages).toHaveLength(9);
  expect(messages.join('\n')).not.toContain(secret);
  expect(messages).toContain('must be one of "allow", "deny"');
});

test('each error says what is accepted there', () => {
  const documents = [
    ...badPolicies.map(({ document }) => document),
    { version: '1', default: 'deny', resources: { '': {} } },
  ];
  const said = new Set(
    documents.flatMap((document) => {
      const parsed = parsePolicy(document);
      return parsed.ok ? ['accepted'] : parsed.errors.map(({ message }) => message);
    }),
  );
  expect([...said].sort()).toEqual([
    'all regular expressions together compile to 10800 instructions, of at most 10000',
    'cidr takes a range of addresses such as "10.0.0.0/8" or "2001:db8::/32", or a list of them',
    'contains takes a text of at most 1000 characters',
    'counter is required',
    'default is required',
    'ends_with takes a text of at most 1000 characters',
    'eq takes a text of at most 1000 characters, a number, true or false',
    'exists takes true or false',
    'gt takes a text of at most 1000 characters or a number',
    'gte takes a text of at most 1000 characters or a number',
    'in takes a list of 1 to 1000 texts of at most 1000 characters, numbers, true or false',
    'length_gte takes a whole number, 0 or more',
    'length_lte takes a whole number, 0 or more',
    'lt takes a text of at most 1000 characters or a number',
    'lte takes a text of at most 1000 characters or a number',
    'matches takes a regular expression in RE2 syntax, at most 500 characters, without look-around, ' +
      'back references or large repeats',
    'max is required',
    'must be 1 to 64 of the characters A-Z a-z 0-9 _ . : - and not begin with rate_limit:',
    'must be a name, or a pattern with *, of 1 to 256 characters',
    'must be a number, 0 or more',
    'must be a path of at most 256 characters: args.a.b, args.items[0].id, args.items[*].id, ' +
      'identity.name, identity.kind, identity.attributes.x, request.ip, time.hour, time.weekday or ' +
      'client.name',
    'must be a path of at most 256 characters: args.a.b, args.items[0].id, args.items[*].id, ' +
      'identity.name, identity.kind, identity.attributes.x, request.ip, time.hour, time.weekday; ' +
      'client.name is what the client says of itself, so only deny_if takes it',
    'must be a text of 1 to 1000 characters',
    'must be a whole number, 0 to 300',
    'must be a whole number, 1 to 10',
    'must be a whole number, 1 to 2592000',
    'must be an array',
    'must be an object with one member a name',
    'must be an object with the keys action, approval, reason, require, deny_if, limits, rate_limit',
    'must be an object with the keys counter, window, max, scope, increment_from, on_deny',
    'must be an object with the keys expires_in, wait, count',
    'must be an object with the keys max, window',
    'must be an object with the keys path, op, value',
    'must be an object with the keys path, op, value, on_deny',
    'must be an object with the keys require, deny_if, limits',
    'must be an object with the keys version, default, mode, hide, tools, resources, prompts, ' +
      'check_arguments, pin_tools, approval, all_tools',
    'must be one of "1"',
    'must be one of "allow", "deny"',
    'must be one of "allow", "deny", "require_approval"',
    'must be one of "enforce", "monitor"',
    'must be one of "eq", "neq", "in", "not_in", "lt", "lte", "gt", "gte", "contains", ' +
      '"not_contains", "starts_with", "ends_with", "matches", "exists", "length_lte", "length_gte", ' +
      '"cidr"',
    'must be one of "grant", "session", "server", "identity", "organization"',
    'must be one of "second", "minute", "hour", "day", "month", or whole seconds, 1 to 31622400',
    'must be the URI of a resource, or a pattern with *, of 1 to 2048 characters',
    'must be true or false',
    'must be whole seconds, 1 to 31622400',
    'must name one argument, like "args.amount" or "args.items[0].price", in at most 256 characters',
    'neq takes a text of at most 1000 characters, a number, true or false',
    'not_contains takes a text of at most 1000 characters',
    'not_in takes a list of 1 to 1000 texts of at most 1000 characters, numbers, true or false',
    'op is required',
    'path is required',
    'starts_with takes a text of at most 1000 characters',
    'takes at most 1000 values',
    'takes at most 10000 items',
    'takes at most 10000 members',
    'takes at most 32 items',
    'takes at most 64 items',
    'this key is not known here; accepted: action, approval, reason, require, deny_if, limits, rate_limit',
    'this key is not known here; accepted: conditions, on_deny',
    'this key is not known here; accepted: counter, window, max, scope, increment_from, on_deny',
    'this key is not known here; accepted: expires_in, wait, count',
    'this key is not known here; accepted: max, window',
    'this key is not known here; accepted: path, op, value',
    'this key is not known here; accepted: path, op, value, on_deny',
    'this key is not known here; accepted: require, deny_if, limits',
    'this key is not known here; accepted: version, default, mode, hide, tools, resources, prompts, ' +
      'check_arguments, pin_tools, approval, all_tools',
    'this regular expression compiles to 1200 instructions, of at most 1024: repeat less',
    'this regular expression compiles to 1280 instructions, of at most 1024: repeat less',
    'value is required',
    'version is required',
    'window is required',
  ]);
});

describe('of a document that is wrong in many places no more than 1000 are told', () => {
  const many = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);

  test.each([
    ['names', { hide: many(1500).map(() => '') }],
    ['entries', { tools: Object.fromEntries(many(1500).map((index) => [`t${index}`, 1])) }],
    ['keys', Object.fromEntries(many(1500).map((index) => [`k${index}`, 1]))],
  ])('%s', (_name, more) => {
    expect(found({ version: '1', default: 'deny', ...more })).toHaveLength(1000);
  });

  test('and what is past the most that is taken is not read', () => {
    expect(found({ version: '1', default: 'deny', hide: [...many(10_000).map((index) => `t${index}`), ''] })).toEqual([
      'too_many /hide',
    ]);
    expect(
      found({
        version: '1',
        default: 'deny',
        tools: Object.fromEntries(many(10_001).map((index) => [`t${index}`, index < 10_000 ? {} : 1])),
      }),
    ).toEqual(['too_many /tools']);
  });
});

describe('accepted', () => {
  const limit = { counter: 'c', window: 'minute', max: 1 };
  const accepted = (entry: unknown) => parsePolicy({ version: '1', default: 'deny', tools: { x: entry } });

  test.each([
    ['a max of 0', { limits: [{ ...limit, max: 0 }] }],
    ['a max that is not whole', { limits: [{ ...limit, max: 0.5 }] }],
    ['a window of one second', { limits: [{ ...limit, window: 1 }] }],
    ['a window of a leap year', { limits: [{ ...limit, window: 31_622_400 }] }],
    ['a counter of 64 characters', { limits: [{ ...limit, counter: 'c'.repeat(64) }] }],
    ['a counter with every kind of character', { limits: [{ ...limit, counter: 'aZ0_.:-' }] }],
    [
      '64 limits',
      { limits: Array.from({ length: 64 }, (_, index) => ({ ...limit, counter: `c${index}`, window: index + 1 })) },
    ],
    ['no limits', { limits: [] }],
    ['a path with places', { limits: [{ ...limit, increment_from: 'args.a-b.items[0][10].price' }] }],
    ['a reason of 1000 characters', { reason: 'x'.repeat(1000) }],
    ['a reason of one character', { reason: 'x' }],
    ['an amount of 256 characters', { limits: [{ ...limit, increment_from: `args.${'a'.repeat(251)}` }] }],
    [
      'an approval that waits for the longest',
      { action: 'require_approval', approval: { expires_in: 2_592_000, wait: 300, count: 10 } },
    ],
    [
      'an approval that waits for the least',
      { action: 'require_approval', approval: { expires_in: 1, wait: 0, count: 1 } },
    ],
    ['a reason with line breaks and emoji', { reason: 'a\n😀' }],
  ])('%s, without a warning', (_name, entry) => {
    expect(accepted(entry)).toMatchObject({ ok: true, warnings: [] });
  });

  test.each(['second', 'minute', 'hour', 'day', 'month'])('the window %s', (window) => {
    expect(accepted({ limits: [{ ...limit, window }] })).toMatchObject({ ok: true });
  });

  test.each(['grant', 'server', 'identity', 'organization'])('the scope %s, without a warning', (scope) => {
    expect(accepted({ limits: [{ ...limit, scope }] })).toMatchObject({ ok: true, warnings: [] });
  });

  test('the scope session, with a warning that reconnecting starts a new count', () => {
    expect(accepted({ limits: [limit, { ...limit, scope: 'session' }] })).toEqual({
      ok: true,
      document: expect.anything(),
      warnings: [
        {
          pointer: '/tools/x/limits/1/scope',
          code: 'session_scope',
          message: 'counts by session: reconnecting starts a new count',
        },
      ],
    });
  });

  test.each([
    { all_tools: { deny_if: [{ path: 'client.name', op: 'eq', value: 'x' }] } },
    { tools: { x: { deny_if: [{ path: 'client.name', op: 'eq', value: 'x' }] } } },
  ])('what a client says of itself, where it is a reason to deny: %j', (more) => {
    expect(parsePolicy({ version: '1', default: 'deny', ...more })).toMatchObject({ ok: true });
  });

  test('the longest URI of a resource', () => {
    expect(
      parsePolicy({ version: '1', default: 'deny', resources: { [`file:///${'a'.repeat(2040)}`]: {} } }),
    ).toMatchObject({ ok: true, warnings: [] });
  });

  test('the longest names, 10,000 entries and as many hidden', () => {
    const tools = Object.fromEntries(Array.from({ length: 9998 }, (_, index) => [`t${index}`, {}]));
    const document = {
      version: '1',
      default: 'deny',
      tools: { ...tools, ['x'.repeat(256)]: {}, [`${'x'.repeat(255)}*`]: {} },
      hide: Object.keys(tools).map((name) => `hidden_${name}`),
    };
    expect(parsePolicy(document)).toEqual({ ok: true, document, warnings: [] });
  });
});
