import { describe, expect } from 'vitest';
import { call, join, newEmail, signUp, type Person } from './client.js';
import { productTest } from '../../support/product-test.js';

const TABLES = [
  'organizations',
  'members',
  'organization_keys',
  'users',
  'sessions',
  'api_keys',
  'invitations',
  'idempotent_answers',
  'events',
  'event_heads',
] as const;
const columnOf = (table: string): string => (table === 'organizations' || table === 'users' ? 'id' : 'organization_id');

const { test, toolgate } = productTest();
let ours: Person;
test.beforeAll(async () => {
  ours = await signUp(toolgate.url);
  const theirs = await signUp(toolgate.url);
  await join(toolgate.url, theirs, 'viewer');
  for (const { token } of [ours, theirs]) {
    const headers = { 'idempotency-key': 'fill' };
    await call(toolgate.url, 'POST /v1/api-keys', { token, headers, body: { name: 'key', role: 'viewer' } });
    await call(toolgate.url, 'POST /v1/invitations', { token, body: { email: newEmail(), role: 'viewer' } });
  }
});

describe('the database', () => {
  test.each(TABLES)('shows no row of %s to a transaction without an organization', async (table) => {
    const { rows: all } = await toolgate.db.worker.query(`select ${columnOf(table)} from ${table}`);
    expect(all.length).toBeGreaterThan(1);
    const { rows } = await toolgate.db.app.query(`select ${columnOf(table)} from ${table}`);
    expect(rows).toEqual([]);
  });

  test.each(TABLES)('shows an organization its own rows of %s only', async (table) => {
    const column = columnOf(table);
    const { rows } = await toolgate.db.inOrganization(ours.organization.id, (tx) =>
      tx.query<Record<string, string>>(`select ${column} from ${table}`),
    );
    expect(rows.length).toBeGreaterThan(0);
    expect(new Set(rows.map((row) => row[column]))).toEqual(
      new Set([table === 'users' ? ours.user.id : ours.organization.id]),
    );
  });

  test('lets an organization neither read password hashes nor write into another', async () => {
    const inOurs = (statement: string) =>
      toolgate.db.changeInOrganization(ours.organization.id, (tx) => tx.query(statement));
    await expect(inOurs('select password_hash from users')).rejects.toThrow(/permission denied/);
    await expect(
      inOurs(
        "insert into api_keys(organization_id, id, name, role, token_hash) values ('org_other', 'key_1', " +
          "'x', 'admin', '')",
      ),
    ).rejects.toThrow(/row-level security/);
    expect(
      (await inOurs("delete from members where organization_id <> current_setting('toolgate.organization')")).rowCount,
    ).toBe(0);
  });
});
