import 'reflect-metadata';
import { getMetadataStorage } from 'class-validator';
import { describe, expect, test } from 'vitest';
import { AppModule } from '../../../src/app/app.module.js';
import { LogIn, SignUp } from '../../../src/control-plane/accounts/sign-in.dto.js';
import { UpdateNotifications } from '../../../src/control-plane/approvals/notifications/notifications.dto.js';
import { Problem } from '../../../src/platform/runtime/problems.js';
import { checkMembers } from '../../../src/platform/rest/body-validation.js';
import { parseJsonBody } from '../../../src/platform/rest/json-body.js';

const problemOf = async (dto: new () => object, sent: unknown): Promise<Problem> => {
  const refused: unknown = await checkMembers(dto, sent).catch((error: unknown) => error);
  if (!(refused instanceof Problem)) throw new Error('the body was taken');
  return refused;
};

const members = (count: number): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`x${index}`, 1]));

/** The processor time of one refusal, the least of several, in microseconds. */
const cpuOf = async (dto: new () => object, sent: unknown): Promise<number> => {
  const times: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    const before = process.cpuUsage();
    await problemOf(dto, sent);
    const { user, system } = process.cpuUsage(before);
    times.push(user + system);
  }
  return Math.min(...times);
};

describe('the check of a body', () => {
  test.each([
    ['members that the class does not declare', (count: number) => members(count)],
    ['members inside a declared member', (count: number) => ({ email: members(count), password: members(count) })],
    ['items of a list where a text belongs', (count: number) => ({ email: Array.from({ length: count }, () => ({})) })],
  ])(
    'the check of a body costs ten times as much, and not a hundred times, for ten times as many %s',
    async (_, sent) => {
      await cpuOf(LogIn, sent(4000));
      const [few, many] = [await cpuOf(LogIn, sent(4000)), await cpuOf(LogIn, sent(40_000))];
      expect(many).toBeLessThan(40 * Math.max(few, 500));
    },
  );

  test('the check of a body looks at no item of a list that is too long', async () => {
    let looked = 0;
    const emails = new Proxy(
      Array.from({ length: 100_000 }, () => 'a@example.com'),
      {
        get: (list, key) => {
          if (/^\d+$/.test(String(key))) looked += 1;
          return Reflect.get(list, key) as unknown;
        },
      },
    );
    expect((await problemOf(UpdateNotifications, { emails })).errors).toEqual([
      expect.objectContaining({ pointer: '/emails' }),
    ]);
    expect(looked).toBe(0);
  });

  test.each([
    [['a@example.com', 'a@example.com']],
    [['nobody']],
    ['a@example.com'],
    [{ length: 1, 0: 'a@example.com' }],
    [[['a@example.com']]],
  ])('the check of a body refuses a list that is not one of different e-mail addresses: %j', async (emails) => {
    expect((await problemOf(UpdateNotifications, { emails })).errors).toEqual([
      expect.objectContaining({ pointer: '/emails', code: 'invalid' }),
    ]);
  });

  test('the check of a body tells unknown and wrong members together, and at most a hundred of them', async () => {
    const { errors = [] } = await problemOf(SignUp, {
      email: 7,
      password: 'correct horse',
      organizationName: '',
      ...members(1000),
    });
    expect(errors).toHaveLength(100);
    expect(errors.slice(0, 3).map(({ pointer, code }) => [pointer, code])).toEqual([
      ['/email', 'invalid'],
      ['/organizationName', 'wrong_length'],
      ['/x0', 'unknown_key'],
    ]);
  });

  test.each(['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'])(
    'the check of a body refuses an undeclared member called %s',
    async (member) => {
      const { errors } = await problemOf(LogIn, JSON.parse(`{"email":"a@example.com","password":"x","${member}":1}`));
      expect(errors).toEqual([expect.objectContaining({ pointer: `/${member}`, code: 'unknown_key' })]);
    },
  );
});

describe('the rules of bodies and queries', () => {
  test(
    'the rules of bodies and queries judge lists by ListOf, QueryWords and CheckedElsewhere ' +
      'alone, which look at the size first',
    () => {
      expect(AppModule).toBeDefined();
      const all = [...getMetadataStorage()['validationMetadatas'].values()].flat();
      expect(all.length).toBeGreaterThan(100);
      const ofLists = all.filter(({ name = '', each }) => each || /array/i.test(name));
      expect(
        ofLists.map(
          ({ target, propertyName, name }) =>
            `${typeof target === 'function' ? target.name : target}.${propertyName} ${name}`,
        ),
      ).toEqual([]);
    },
  );
});

describe('the text of a body', () => {
  const parse = (text: string): object => parseJsonBody(Buffer.from(text), 'application/json');

  test('the text of a body is refused by its depth and its members before it is parsed', () => {
    const parsed: string[] = [];
    const { parse: original } = JSON;
    JSON.parse = (text: string, ...more: []) => (parsed.push(text), original(text, ...more) as unknown);
    try {
      expect(() => parse(`{"a":${'['.repeat(64)}${']'.repeat(64)}}`)).toThrow('64 levels');
      expect(() => parse(`{"a":[${'{"":0},'.repeat(100_001)}0]}`)).toThrow('100000 members');
    } finally {
      JSON.parse = original;
    }
    expect(parsed).toEqual([]);
  });

  test('the text of a body may hold brackets, colons and escaped quotes in its texts', () => {
    const value = { 'a:b': '[{:"\\', c: ['}]', '\\\\"', { d: '' }] };
    expect(parse(JSON.stringify(value))).toEqual(value);
  });
});
