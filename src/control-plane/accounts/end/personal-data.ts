import type { Change } from '../../../record/event-store/event-store.js';
import type { Look } from '../../../platform/postgres/database.js';
import type { Json } from '../../../platform/json/json-object.js';
import type { ZipEntry } from '../../../platform/runtime/zip.js';
import { ERASED } from '../members.js';

const PAGE_SIZE = 500;

/** What an organization has about a person; `$1` is the user, `$2` their e-mail address. */
const QUERIES: Readonly<Record<string, string>> = {
  person: 'select id, email, created_at from users where id = $1',
  member: 'select user_id, email, role, joined_at, removed from members where user_id = $1',
  sessions: 'select id, created_at, expires_at, last_used_at from sessions where user_id = $1 order by id',
  invitations: `select id, email, role, created_at, expires_at, accepted_at from invitations
    where $1::text is not null and lower(email) = lower($2) order by id`,
  identities: `select id, name, kind, external_id, attributes, created_at from identities
    where member_id = $1 and not deleted order by id`,
};

const EVENTS = `select position, event from events where position > $3 and (event->'actor'->>'id' = $1
    or event->>'userId' = $1 or event->>'email' = $2 or event->>'memberId' = $1) order by position limit ${PAGE_SIZE}`;

const lines = (rows: readonly Json[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

type Person = Readonly<{ id: string; email: string }>;

async function* rowsOf(look: Look, query: string, { id, email }: Person): AsyncGenerator<string> {
  const values = query.includes('$2') ? [id, email] : [id];
  yield lines((await look((tx) => tx.query<Json>(query, values))).rows);
}

async function* eventsOf(look: Look, { id, email }: Person): AsyncGenerator<string> {
  for (let after = 0; ;) {
    const from = after;
    const { rows } = await look((tx) => tx.query<{ position: number; event: Json }>(EVENTS, [id, email, from]));
    const last = rows.at(-1);
    if (!last) return;
    yield lines(rows.map(({ event }) => event));
    after = last.position;
  }
}

/**
 * The files of what an organization has about a person: their account, membership, sessions, invitations and
 * identities, and every change that they made or that names them.
 */
export function* personalFiles(look: Look, person: Person): Generator<ZipEntry> {
  for (const [name, query] of Object.entries(QUERIES))
    yield { name: `${name}.ndjson`, chunks: rowsOf(look, query, person) };
  yield { name: 'changes.ndjson', chunks: eventsOf(look, person) };
}

/** In tables that tell who did something, the name of a person is in the JSON of an actor. */
const ACTORS = [
  `update grants set issued_by = replace(issued_by::text, to_json($2::text)::text, to_json($3::text)::text)::jsonb
    where organization_id = $1 and strpos(issued_by::text, to_json($2::text)::text) > 0`,
  `update approvals set decisions = replace(decisions::text, to_json($2::text)::text, to_json($3::text)::text)::jsonb
    where organization_id = $1 and strpos(decisions::text, to_json($2::text)::text) > 0`,
];

/** Takes an e-mail address out of the settings of all notifications of the change's organization. */
export type ForgetAddress = (change: Change, email: string) => Promise<void>;

/**
 * Puts another word in the place of a former member's e-mail address wherever the organization has it, but in the audit
 * log and the event log, which nobody changes: there it goes with their retention. A person who is a member of no
 * organization any more loses their account.
 */
export const erasePerson = async ({ tx, caller }: Change, { id, email }: Person): Promise<void> => {
  const { organizationId } = caller;
  await tx.query('select erase_from_events($1, $2, $3, $4)', [organizationId, id, email, ERASED]);
  for (const statement of ACTORS) await tx.query(statement, [organizationId, email, ERASED]);
  await tx.query('delete from invitations where organization_id = $1 and lower(email) = lower($2)', [
    organizationId,
    email,
  ]);
  await tx.query(
    'delete from users where id = $1 and not exists (select 1 from members where user_id = $1 and not removed)',
    [id],
  );
};
