import { createHash, randomBytes } from 'node:crypto';
import pg from 'pg';

/**
 * The two database roles of one installation: `app` sees the rows of one organization at a time, `worker` those of all.
 */
export type DatabaseRoles = Readonly<{ app: string; worker: string }>;

/** Where the pools connect, by role. */
export type PoolUrls = DatabaseRoles;

/**
 * A part of a role's name that needs no quotes and, with what stands before it, no more than the 63 bytes of an
 * identifier.
 */
const suffixOf = (database: string): string => {
  if (/^[a-z0-9_]{1,40}$/.test(database)) return database;
  const hash = createHash('sha256').update(database).digest('hex').slice(0, 8);
  return `${database
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .slice(0, 30)}_${hash}`;
};

/**
 * The roles of the installation in a database. Roles belong to a whole PostgreSQL cluster: named after the database,
 * those of one installation give no right in another's. `toolgate_app` and `toolgate_worker` are those of the database
 * `toolgate`.
 */
export const rolesOf = (databaseUrl: string): DatabaseRoles => {
  const database = new pg.Client({ connectionString: databaseUrl }).database ?? '';
  const suffix = database === 'toolgate' ? '' : `_${suffixOf(database)}`;
  return { app: `toolgate_app${suffix}`, worker: `toolgate_worker${suffix}` };
};

/** The text of a migration with the roles of this installation: migrations name those of the database `toolgate`. */
export const withRoles = (sql: string, roles: DatabaseRoles): string =>
  sql.replaceAll(/\btoolgate_(app|worker)\b/g, (_, which: keyof DatabaseRoles) => roles[which]);

type Found = Readonly<{ there: boolean; granted: boolean; unbounded: boolean }>;

const findRole = async (client: pg.Client, name: string): Promise<Found> => {
  const { rows } = await client.query<Omit<Found, 'there'>>(
    `select pg_has_role(current_user, oid, 'MEMBER') as granted, rolsuper or rolbypassrls as unbounded from pg_roles
      where rolname = $1`,
    [name],
  );
  return { there: rows.length > 0, granted: rows[0]?.granted ?? false, unbounded: rows[0]?.unbounded ?? false };
};

/**
 * Makes the roles that are missing, and makes the database user a member of both.
 * @throws with the statements to run when the user may not, and when a role could pass by row-level security.
 */
export const ensureRoles = async (client: pg.Client, roles: DatabaseRoles): Promise<void> => {
  const names = [roles.app, roles.worker];
  try {
    for (const name of names) {
      const { there, granted, unbounded } = await findRole(client, name);
      if (unbounded) throw new UnboundedRole(name);
      if (!there)
        await client.query(
          `do $$ begin create role ${name} nologin; exception when duplicate_object or unique_violation ` +
            'then null; end $$',
        );
      if (!granted) await client.query(`grant ${name} to current_user`);
    }
  } catch (error) {
    if (error instanceof UnboundedRole) throw error;
    const statements = [
      ...names.map((name) => `CREATE ROLE ${name} NOLOGIN;`),
      `GRANT ${names.join(', ')} TO CURRENT_USER;`,
    ];
    throw new Error(
      'The database user may not create roles. Run these once as a superuser, then start again:\n  ' +
        statements.join('\n  '),
      { cause: error },
    );
  }
};

class UnboundedRole extends Error {
  constructor(name: string) {
    super(
      `The database role ${name} could pass by row-level security. Run as a superuser, then start ` +
        `again:\n  ALTER ROLE ${name} NOSUPERUSER NOBYPASSRLS;`,
    );
  }
}

/**
 * Every right that another installation's roles have here, as statements that give it to ours and take it from them:
 * this database was copied, or made by a release in which all installations of a cluster shared their roles. $1 and $2:
 * our roles.
 */
const ADOPTION = `
  with ours as (select * from (values ('^toolgate_app(_|$)', $1::text), ('^toolgate_worker(_|$)',
    $2::text)) one(pattern, name)),
  others as (select r.oid, r.rolname, o.name from pg_roles r join ours o on r.rolname ~ o.pattern
    where r.rolname not in ($1, $2)),
  relations as (select c.oid, c.relkind, c.relacl, case c.relkind when 'S' then 'sequence' else 'table' end as kind
    from pg_class c where c.relnamespace = current_schema()::regnamespace)
  select 1 as turn, format('alter policy %I on %s to %I', p.polname, p.polrelid::regclass, o.name) as text
    from pg_policy p join others o on o.oid = any (p.polroles)
  union select 2, format('grant %s on %s %s to %I', x.privilege_type, c.kind, c.oid::regclass, o.name)
    from relations c, aclexplode(c.relacl) x join others o on o.oid = x.grantee
  union select 2, format('grant %s (%I) on %s to %I', x.privilege_type, a.attname, c.oid::regclass, o.name)
    from relations c join pg_attribute a on a.attrelid = c.oid, aclexplode(a.attacl) x
      join others o on o.oid = x.grantee
  union select 3, format('revoke all on %s %s from %I', c.kind, c.oid::regclass, o.rolname)
    from relations c, aclexplode(c.relacl) x join others o on o.oid = x.grantee
  union select 3, format('revoke all on %s from %I', c.oid::regclass, o.rolname)
    from relations c join pg_attribute a on a.attrelid = c.oid, aclexplode(a.attacl) x
      join others o on o.oid = x.grantee
  union select 2, format('grant execute on function %s to %I', p.oid::regprocedure, o.name)
    from pg_proc p, aclexplode(p.proacl) x join others o on o.oid = x.grantee
      where p.pronamespace = current_schema()::regnamespace
  union select 3, format('revoke all on function %s from %I', p.oid::regprocedure, o.rolname)
    from pg_proc p, aclexplode(p.proacl) x join others o on o.oid = x.grantee
      where p.pronamespace = current_schema()::regnamespace
  order by turn, text`;

/**
 * Gives to this installation's roles what those of another have in this database, and takes it from them; all or
 * nothing.
 */
export const adoptRights = async (client: pg.Client, roles: DatabaseRoles): Promise<void> => {
  const { rows } = await client.query<{ text: string }>(ADOPTION, [roles.app, roles.worker]);
  if (rows.length === 0) return;
  await client.query(['begin', ...rows.map(({ text }) => text), 'commit'].join(';\n')).catch(async (error: unknown) => {
    await client.query('rollback');
    throw error;
  });
};

/**
 * Makes a login for each role, which may become that role and nothing else, with a new random password, and answers
 * where the pools connect with them: from a pool of such a login no statement gets back to the owner of the tables, or
 * to a superuser. The user of `ownerUrl` must be a superuser.
 */
export const makePoolLogins = async (ownerUrl: string): Promise<PoolUrls> => {
  const roles = rolesOf(ownerUrl);
  const client = new pg.Client({ connectionString: ownerUrl, application_name: 'toolgate_logins' });
  await client.connect();
  const login = async (role: string): Promise<string> => {
    const name = `${role}_login`;
    const password = randomBytes(24).toString('hex');
    await client.query(`do $$ begin create role ${name}; exception when duplicate_object then null; end $$`);
    await client.query(
      `alter role ${name} login noinherit nosuperuser nobypassrls nocreaterole nocreatedb password '${password}'`,
    );
    await client.query(`grant ${role} to ${name}`);
    const url = new URL(ownerUrl);
    url.username = name;
    url.password = password;
    return url.toString();
  };
  try {
    return { app: await login(roles.app), worker: await login(roles.worker) };
  } finally {
    await client.end();
  }
};
