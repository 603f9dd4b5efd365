import pg from 'pg';
import { expect, test } from 'vitest';

import { testDatabase } from '../../support/database.js';

async function query(url: string, text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client(url);
  await client.connect();
  return (await client.query(text).finally(() => client.end())).rows as Record<string, unknown>[];
}

test(
  'databases asked for at the same time are each migrated and apart from each other, and a dropped ' + 'one is gone',
  async () => {
    const [one, two, three] = await Promise.all([testDatabase(), testDatabase(), testDatabase()]);
    await query(one.url, 'create table mine (n int)');
    const count = `select (select count(*)::int from schema_migrations) > 0 as migrated,
    to_regclass('mine') is not null as mine`;
    expect(await query(one.url, count)).toEqual([{ migrated: true, mine: true }]);
    expect(await query(two.url, count)).toEqual([{ migrated: true, mine: false }]);
    await three.drop();
    await expect(query(three.url, 'select 1')).rejects.toThrow(/does not exist/);
    await Promise.all([one.drop(), two.drop()]);
  },
);
