import fc from 'fast-check';
import { beforeAll, describe, expect } from 'vitest';
import { rolesOf } from '../../../src/platform/postgres/database-roles.js';
import { productTest } from '../../support/product-test.js';
import { signUp } from '../../support/tenant.js';
import { aTool, startUpstream, type Upstream } from '../../support/upstream.js';
import { allProjected, allRecorded, until } from '../audit/audit-support.js';
import { actions, emptyModel, kinds, type Kind, type Model, type Step } from './actions.js';
import { liveThrough } from './history.js';
import { send, type Json } from './problem.js';

const STEPS = process.env['FAULTS'] === undefined ? 100 : 300;
/** What gives an organization something of everything; random steps take these more often than what deletes. */
const MAKING: readonly Kind[] = ['createServer', 'createPolicy', 'createIdentity', 'createGrant', 'createKey', 'call'];

const { test, toolgate } = productTest({ ALLOW_STDIO: process.execPath, STDIO_SANDBOX: 'off' });
let upstream: Upstream;
test.beforeAll(async () => {
  upstream = await startUpstream({ json: true, tools: [aTool('echo')] });
});
test.afterAll(async () => {
  await upstream.close();
});

const query = async <T extends object>(statement: string, values: readonly unknown[] = []): Promise<readonly T[]> =>
  (await toolgate.db.worker.query<T>(statement, [...values])).rows;

const settled = (): Promise<void> =>
  until(async () => {
    const behind = await query(
      `select 1 from event_heads h left join relay_positions r using (organization_id)
        where h.position > coalesce(r.position, 0)`,
    );
    const open = await query(
      `select call_id from audit_records where type like 'toolCall.%' and (type = 'toolCall.completed'
        or effect = 'allow') group by call_id having count(*) = 1`,
    );
    return (
      behind.length === 0 &&
      open.length === 0 &&
      (await allRecorded({ db: toolgate.db, eventLog: toolgate.toolgate.eventLog })) &&
      (await allProjected(toolgate.db, 'usage'))
    );
  });

const read = async ({ tenant }: Model, path: string): Promise<string> => {
  const { status, text } = await send(toolgate.url, 'GET', path, { token: tenant.token });
  expect(status, path).toBe(200);
  return text;
};
const items = async (model: Model, path: string): Promise<readonly Json[]> =>
  (JSON.parse(await read(model, path)) as { items: readonly Json[] }).items;
const idsIn = async (model: Model, path: string): Promise<readonly unknown[]> =>
  (await items(model, path)).map(({ id }) => id).sort();
const sorted = (ids: Iterable<string>): readonly string[] => [...ids].sort();

const seesExactlyItsOwn = async (model: Model): Promise<void> => {
  expect(await idsIn(model, '/v1/servers?limit=1000')).toEqual(sorted(model.servers));
  expect(await idsIn(model, '/v1/identities?limit=1000')).toEqual(sorted(model.identities));
  expect(await idsIn(model, '/v1/api-keys?limit=1000')).toEqual(sorted(model.keys));
  expect(await idsIn(model, '/v1/approvals?limit=1000')).toEqual(sorted(model.approvals));
  expect(await items(model, '/v1/members')).toHaveLength(1);
  for (const serverId of model.servers)
    expect(await idsIn(model, `/v1/servers/${serverId}/policies?limit=1000`)).toEqual(
      sorted([...model.policies].filter(([, policy]) => policy.serverId === serverId).map(([id]) => id)),
    );
  const grants = await items(model, '/v1/grants?limit=1000');
  expect(grants.map(({ id, status }) => [id, status === 'revoked']).sort()).toEqual(
    [...model.grants].map(([id, { revoked }]) => [id, revoked]).sort(),
  );
};

const NAMED = {
  'server.registered': 'serverId',
  'policy.published': 'policyId',
  'identity.created': 'identityId',
  'grant.issued': 'grantId',
  'apiKey.issued': 'apiKeyId',
  'approval.requested': 'approvalId',
} as const;

const hasExactlyItsOwnRecord = async (model: Model): Promise<void> => {
  const events = await model.tenant.events();
  expect(new Set(events.map(({ organizationId }) => organizationId))).toEqual(new Set([model.tenant.organizationId]));
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
  for (const [type, member] of Object.entries(NAMED))
    expect(
      events
        .filter((event) => event['type'] === type)
        .map((event) => event[member])
        .sort(),
      type,
    ).toEqual(sorted(model.ever[type as keyof typeof NAMED]));
  expect(events.filter(({ type }) => type === 'toolCall.decided')).toHaveLength(model.calls);
  const exported = (await read(model, '/v1/audit/export?format=ndjson'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Json);
  expect(exported.slice(0, events.length)).toEqual(events);
  const usage = await items(model, '/v1/usage?groupBy=grant');
  expect(usage.reduce((sum, { calls }) => sum + (calls as number), 0)).toBe(model.calls);
  expect(usage.filter(({ grant }) => !model.grants.has(grant as string))).toEqual([]);
};

/** All ids that an organization can read anywhere; the process that decided has one for everybody. */
const readableIds = async (model: Model): Promise<ReadonlySet<string>> => {
  const lists = ['servers', 'identities', 'grants', 'api-keys', 'members', 'approvals', 'audit/events'].map(
    (name) => `/v1/${name}?limit=1000`,
  );
  const one = [
    ...[...model.servers].flatMap((id) => [`/v1/servers/${id}/tools`, `/v1/servers/${id}/policies`]),
    ...[...model.policies.keys()].map((id) => `/v1/policies/${id}/versions`),
  ];
  const texts = await Promise.all(
    [
      ...lists,
      ...one,
      '/v1/me',
      '/v1/audit/export?format=csv',
      '/v1/usage?groupBy=grant,identity,server,tool,effect',
    ].map((path) => read(model, path)),
  );
  return new Set(
    texts.flatMap((text) =>
      [...text.matchAll(/\b(?!boot_)[a-z]{3,5}_[0-7][0-9a-hjkmnp-tv-z]{25}\b/g)].map(([id]) => id),
    ),
  );
};

test(
  `two organizations that do ${STEPS} things at the same time each see exactly what they did ` + 'themselves',
  async () => {
    const step: fc.Arbitrary<Step & { who: boolean }> = fc.record({
      who: fc.boolean(),
      kind: fc.constantFrom(...kinds, ...MAKING, ...MAKING),
      pick: fc.nat(1000),
      foreign: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
    });
    const property = fc.asyncProperty(fc.array(step, { minLength: STEPS, maxLength: STEPS }), async (steps) => {
      const [left, right] = [emptyModel(await signUp(toolgate.url)), emptyModel(await signUp(toolgate.url))];
      const both = async (todo: (model: Model) => readonly Step[]): Promise<void> => {
        const live = async (own: Model, other: Model): Promise<void> => {
          for (const one of todo(own)) await actions[one.kind]({ own, other, upstreamUrl: upstream.url }, one);
        };
        await Promise.all([live(left, right), live(right, left)]);
      };
      await both(() => MAKING.map((kind) => ({ kind, pick: 0, foreign: false })));
      await both(() => kinds.map((kind) => ({ kind, pick: 0, foreign: true })));
      await both((model) => steps.filter(({ who }) => who === (model === left)));
      await settled();
      for (const model of [left, right]) {
        expect(model.calls).toBeGreaterThan(0);
        await seesExactlyItsOwn(model);
        await hasExactlyItsOwnRecord(model);
      }
      await settled();
      const [lefts, rights] = [await readableIds(left), await readableIds(right)];
      expect(lefts.size).toBeGreaterThan(50);
      expect([...lefts].filter((id) => rights.has(id))).toEqual([]);
    });
    await fc.assert(property, { numRuns: 1, endOnFailure: true });
  },
  90_000,
);

describe('the database', () => {
  /**
   * Tables without row-level security. A new table is protected, or is named here because no role that serves requests
   * may touch it.
   */
  const WORKERS_ONLY = [
    'catalog_servers',
    'catalog_sources',
    'catalog_tools',
    'catalog_trigrams',
    'catalog_versions',
    'catalog_words',
    'contact_messages',
    'discovery_turns',
    'gateway_boots',
    'log_heads',
    'log_identity',
    'log_offsets',
    'log_records',
    'log_records_default',
    'log_stream_nodes',
    'oauth_keys',
    'oauth_records',
    'audit_records_default',
    'password_resets',
    'recorded_ids',
    'recorded_ids_default',
    'relay_positions',
    'schema_migrations',
    'sign_in_networks',
    'user_totp',
  ];
  const dated = (name: string): string => name.replace(/_\d{8}$/, '_default');
  const columnOf = (table: string): string =>
    table === 'organizations' || table === 'users' ? 'id' : 'organization_id';

  let protectedTables: readonly string[];
  let ours: string;
  let theirs: string;
  beforeAll(async () => {
    const histories = await Promise.all([liveThrough(toolgate.url, 'Ours'), liveThrough(toolgate.url, 'Theirs')]);
    [ours, theirs] = [histories[0].organizationId, histories[1].organizationId];
    await settled();
    const rows = await query<{ name: string }>(
      `select relname as name from pg_class where relnamespace = current_schema()::regnamespace
        and relkind in ('r', 'p') and relrowsecurity order by 1`,
    );
    protectedTables = rows.map(({ name }) => name);
  });

  const keyOf = async (table: string, organizationId: string): Promise<string> => {
    if (table !== 'users') return organizationId;
    const rows = await query<{ user_id: string }>('select user_id from members where organization_id = $1 limit 1', [
      organizationId,
    ]);
    return rows[0]?.user_id ?? '';
  };
  const inOurs = <T extends object>(statement: string, values: readonly unknown[] = []) =>
    toolgate.db.changeInOrganization(ours, (tx) => tx.query<T>(statement, values));
  const REFUSED = /row-level security|permission denied/;

  test('forces row-level security on every table but those that only the workers may touch', async () => {
    const all = await query<{ name: string; secured: boolean }>(
      `select relname as name, relrowsecurity and relforcerowsecurity as secured from pg_class
        where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p')`,
    );
    expect([...new Set(all.filter(({ secured }) => !secured).map(({ name }) => dated(name)))].sort()).toEqual(
      [...WORKERS_ONLY].sort(),
    );
    expect(protectedTables.length).toBeGreaterThan(20);
  });

  test(
    'gives the role of requests no right on the others, no way around, and one policy by its ' + 'organization',
    async () => {
      const { app, worker } = rolesOf(toolgate.databaseUrl);
      const rights = await query(
        `select c.relname, p from pg_class c, unnest(array['select', 'insert', 'update', 'delete', 'truncate',
        'references', 'trigger']) p
       where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relrowsecurity
         and has_table_privilege('${app}', c.oid, p)
       union select c.relname, p from pg_class c, unnest(array['select', 'insert', 'update', 'references']) p
       where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relrowsecurity
         and has_any_column_privilege('${app}', c.oid, p)`,
      );
      expect(rights).toEqual([]);
      expect(
        await query(
          `select relname from pg_class where relnamespace = current_schema()::regnamespace
          and relkind in ('v', 'm', 'f', 'S')`,
        ),
      ).toEqual([]);
      expect(
        await query(
          `select proname from pg_proc where pronamespace = current_schema()::regnamespace and prosecdef
          and has_function_privilege('${app}', oid, 'execute')`,
        ),
      ).toEqual([]);
      expect(
        await query(`select rolsuper, rolbypassrls, rolcreaterole, rolcreatedb from pg_roles where rolname = '${app}'`),
      ).toEqual([{ rolsuper: false, rolbypassrls: false, rolcreaterole: false, rolcreatedb: false }]);
      expect(await query(`select 1 from pg_auth_members where member = '${app}'::regrole`)).toEqual([]);
      const policies = await query<{ tablename: string; roles: string; qual: string }>(
        'select tablename, roles::text, qual from pg_policies where schemaname = current_schema()',
      );
      const own = policies.filter(({ roles }) => roles !== `{${worker}}`);
      expect(own.map(({ tablename }) => tablename).sort()).toEqual(protectedTables);
      for (const { roles, qual } of own)
        expect([roles, qual.includes("current_setting('toolgate.organization'")]).toEqual([`{${app}}`, true]);
    },
  );

  test('shows no row to a transaction without an organization, and each organization its own only', async () => {
    for (const table of protectedTables) {
      const column = columnOf(table);
      const held = new Set(
        (await query<{ key: string }>(`select ${column} as key from ${table}`)).map(({ key }) => key),
      );
      for (const organization of [ours, theirs])
        expect(held.has(await keyOf(table, organization)), `${table} has rows of both`).toBe(true);
      expect((await toolgate.db.app.query(`select ${column} from ${table}`)).rows, table).toEqual([]);
      const { rows } = await inOurs<{ key: string }>(`select ${column} as key from ${table}`);
      const seen = new Set(rows.map(({ key }) => key));
      expect(seen.has(await keyOf(table, ours)), table).toBe(true);
      if (table !== 'users') expect([...seen], table).toEqual([ours]);
      else expect(seen.has(await keyOf(table, theirs))).toBe(false);
    }
  });

  test("takes no row for another organization, nor for none, and changes none of another's", async () => {
    for (const table of protectedTables) {
      const column = columnOf(table);
      const key = await keyOf(table, theirs);
      const [stored] = await query<{ row: unknown }>(
        `select to_jsonb(t) as row from ${table} t where ${column} = $1 limit 1`,
        [key],
      );
      const insert = `insert into ${table} select * from jsonb_populate_record(null::${table}, $1)`;
      await expect(inOurs(insert, [stored?.row]), `insert into ${table}`).rejects.toThrow(REFUSED);
      await expect(toolgate.db.app.query(insert, [stored?.row]), `insert into ${table}`).rejects.toThrow(REFUSED);
      await expect(inOurs(`update ${table} set ${column} = $1`, [key]), `update ${table}`).rejects.toThrow(REFUSED);
      for (const statement of [
        `update ${table} set ${column} = ${column} where ${column} = $1`,
        `delete from ${table} where ${column} = $1`,
      ]) {
        const changed = await inOurs(statement, [key]).then(
          ({ rowCount }) => rowCount,
          (error: Error) => error.message,
        );
        expect(String(changed), statement).toMatch(/^0$|permission denied/);
      }
    }
  });
});
