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
    expect(found({ version: '1', default: 'deny', tools: { x: { rate_limit: { max: Number.POSITIVE_INFINITY, window: 1 } } } })).toEqual(['invalid_value /tools/x/rate_limit/max']);
  });
});

describe('every error at once', () => {
  test('in one document', () => {
    const document = {
      mode: 'off',
      hide: ['', 1],
      pin_tools: 1,
      tools: {
        a: { action: 'ask', approval: { wait: 0.5 }, reason: '', require: {}, limits: [{ counter: '!', scope: 'x', extra: 1 }, 2] },
        'b/c': { rate_limit: { window: 'hour' } },
      },
      all_tools: { deny_if: [{ path: 'args', op: 'matches', value: '(' }, {}], limits: [{ counter: 'c', window: 0, max: -1 }] },
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
  const parsed = parsePolicy({ version: secret, default: secret, hide: [`${secret}\0`], tools: { x: { action: secret, limits: [{ counter: `${secret}/`, window: secret, max: secret, scope: secret, increment_from: secret }] } } });
  const messages = parsed.ok ? [] : parsed.errors.map(({ message }) => message);
  expect(messages).toHaveLength(9);
  expect(messages.join('\n')).not.toContain(secret);
  expect(messages).toContain('must be one of "allow", "deny"');
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
    ['64 limits', { limits: Array.from({ length: 64 }, (_, index) => ({ ...limit, counter: `c${index}`, window: index + 1 })) }],
    ['no limits', { limits: [] }],
    ['a path with places', { limits: [{ ...limit, increment_from: 'args.a-b.items[0][10].price' }] }],
    ['a reason of 1000 characters', { reason: 'x'.repeat(1000) }],
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
      warnings: [{ pointer: '/tools/x/limits/1/scope', code: 'session_scope', message: 'counts by session: reconnecting starts a new count' }],
    });
  });

  test('the longest names, 10,000 entries and as many hidden', () => {
    const tools = Object.fromEntries(Array.from({ length: 9998 }, (_, index) => [`t${index}`, {}]));
    const document = { version: '1', default: 'deny', tools: { ...tools, ['x'.repeat(128)]: {}, [`${'x'.repeat(255)}*`]: {} }, hide: Object.keys(tools).map((name) => `hidden_${name}`) };
    expect(parsePolicy(document)).toEqual({ ok: true, document, warnings: [] });
  });
});
