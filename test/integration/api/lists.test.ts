import { expect } from 'vitest';
import { call, join, signUp, type Person } from '../accounts/client.js';
import { productTest } from '../../support/product-test.js';

const { test, toolgate } = productTest();
let admin: Person;
test.beforeAll(async () => {
  admin = await signUp(toolgate.url);
  for (const [email, role] of [
    ['carol@lists.example', 'viewer'],
    ['Bob@lists.example', 'auditor'],
    ['alan_%@lists.example', 'viewer'],
  ] as const)
    await join(toolgate.url, admin, role, email);
});

type Item = Readonly<{ id: string; email: string; role: string }>;
type Body = Readonly<{ items: readonly Item[]; nextCursor: string | null; hasMore: boolean }>;

const list = async (query: string): Promise<Body> =>
  (await call(toolgate.url, `GET /v1/members?${query}`, { token: admin.token })).body as Body;

const allByOne = async (query: string): Promise<readonly Item[]> => {
  const items: Item[] = [];
  for (let after = ''; ;) {
    const page = await list(`${query}&limit=1&after=${after}`);
    items.push(...page.items);
    if (page.nextCursor === null) return items;
    after = page.nextCursor;
  }
};

test.each(['email', '-email', 'role', '-role', 'joinedAt', '-joinedAt'])(
  'a list sorted by %s has the same items in the same order in one page and page by page',
  async (sort) => {
    const whole = (await list(`sort=${sort}`)).items;
    expect(whole).toHaveLength(4);
    expect(await allByOne(`sort=${sort}`)).toEqual(whole);
  },
);

test('a list sorts texts without regard to the case of ASCII letters, and descends with a minus', async () => {
  const emails = (await list('sort=email&q=lists.example')).items.map(({ email }) => email.toLowerCase());
  expect(emails).toEqual(['alan_%@lists.example', 'bob@lists.example', 'carol@lists.example']);
  const down = (await list('sort=-email&q=lists.example')).items.map(({ email }) => email.toLowerCase());
  expect(down).toEqual(emails.toReversed());
});

test('a search takes its text literally, whatever its case', async () => {
  for (const [q, count] of [
    ['LISTS.example', 3],
    ['n_%25@', 1],
    ['%25', 1],
    ["'", 0],
  ] as const)
    expect((await list(`q=${q}`)).items, q).toHaveLength(count);
});

test.each(['sort=secret', 'sort=', 'q=', 'sort=email,role', `q=${'x'.repeat(201)}`, 'after=%C3%A4', 'q=%00'])(
  'a list refuses the query %s',
  async (query) => {
    const { status, body } = await call(toolgate.url, `GET /v1/members?${query}`, { token: admin.token });
    expect([status, body.code]).toEqual([400, 'invalid_body']);
  },
);

test('a cursor of another sort, or one that nobody got, is refused', async () => {
  const { nextCursor } = await list('sort=email&limit=1');
  const forged = ['now', '9'.repeat(19), `-${'9'.repeat(19)}`].map(
    (key) => `sort=joinedAt&after=${Buffer.from(`joinedAt|usr_1|${key}`).toString('base64url')}`,
  );
  for (const query of [`after=${nextCursor}`, `sort=role&after=${nextCursor}`, ...forged]) {
    const { status } = await call(toolgate.url, `GET /v1/members?${query}`, { token: admin.token });
    expect(status, query).toBe(400);
  }
});
