import pg from 'pg';
import { afterAll, expect, test } from 'vitest';
import { openSession, signUp } from '../../support/tenant.js';
import { startTestToolgate } from '../../support/toolgate.js';
import { startUpstream } from '../../support/upstream.js';

const toolgate = await startTestToolgate();
const upstream = await startUpstream();
afterAll(async () => {
  await toolgate.close();
  await upstream.close();
});

test(
  'A session whose organization has too much waiting in the database is told when to come back, and ' +
    'another organization ends its own meanwhile',
  async () => {
    const sessionOf = async () => {
      const tenant = await signUp(toolgate.url);
      const serverId = await tenant.server(upstream.url);
      const grant = await tenant.grant({
        serverId,
        policyId: await tenant.policy(serverId, { version: '1', default: 'allow' }),
      });
      const { id } = await openSession(grant);
      return {
        tenant,
        end: () =>
          fetch(grant.mcpUrl, {
            method: 'DELETE',
            headers: { authorization: `Bearer ${grant.token}`, 'mcp-session-id': id },
          }),
      };
    };
    const [loud, quiet] = [await sessionOf(), await sessionOf()];
    const works = Array.from({ length: 102 }, () =>
      toolgate.db
        .changeInOrganization(loud.tenant.organizationId, (tx) => tx.query('select pg_sleep(600)'), 'enforcement')
        .catch(() => undefined),
    );
    const refused = await loud.end();
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '2']);
    expect((await quiet.end()).status).toBe(204);
    const owner = new pg.Client({ connectionString: toolgate.databaseUrl });
    await owner.connect();
    let settled = false;
    void Promise.all(works).then(() => (settled = true));
    while (!settled)
      await owner.query(
        `select pg_cancel_backend(pid) from pg_stat_activity where datname = current_database()
        and query like 'select pg_sleep%'`,
      );
    await owner.end();
  },
);
