import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startExpiry } from '../../../src/control-plane/approvals/expiry.js';
import { leaseDue } from '../../../src/control-plane/notifications/outbox.js';
import { APPROVALS } from '../../../src/control-plane/notifications/subjects.js';
import { EventStore } from '../../../src/record/event-store/event-store.js';
import { newId } from '../../../src/platform/crypto/ids.js';
import { open, until, type Opened } from '../audit/audit-support.js';

let at: Opened;
let owner: pg.Client;
beforeAll(async () => {
  at = await open();
  owner = new pg.Client({ connectionString: at.url });
  await owner.connect();
});
afterAll(async () => {
  await owner.end();
  await at.close();
});

const expired = async (organizationId: string, count: number, secondsAgo: number): Promise<void> => {
  await owner.query(
    `insert into approvals(organization_id, id, version, grant_id, identity_id, server_id, tool, argument_keys,
      arguments_digest, policy_id, policy_version, reason, count, status, decisions, requested_at, expires_at)
     select $1, 'apr_' || n, 1, 'grt_1', 'idn_1', 'srv_1', 'merge', '[]', n::text, 'pol_1', 1, '', 1, 'pending', '[]',
       now() - interval '1 hour', now() - make_interval(secs => $3) from generate_series(1, $2) n`,
    [organizationId, count, secondsAgo],
  );
};
const pending = async (organizationId: string): Promise<number> =>
  (await owner.query(`select 1 from approvals where organization_id = $1 and status = 'pending'`, [organizationId]))
    .rowCount ?? 0;

test(
  'Approvals of one organization that can not be ended keep no other organization from having its ' + 'own ended',
  async () => {
    const [stuck, other] = [newId('org'), newId('org')];
    await expired(stuck, 500, 3000);
    await expired(other, 3, 1);
    await owner.query(
      `create function refuse() returns trigger language plpgsql as $$ begin raise exception 'stuck'; end $$`,
    );
    await owner.query(
      'create trigger stuck before update on approvals for each row when (old.organization_id = ' +
        `'${stuck}') execute function refuse()`,
    );
    const expiry = startExpiry(at.db, new EventStore(at.db));
    await until(async () => (await pending(other)) === 0);
    await expiry.stop();
    expect(await pending(stuck)).toBe(500);
  },
);

test(
  'Notifications that several organizations have owed for long leave room for the first one of ' + 'another',
  async () => {
    const quiet = newId('org');
    const owed = `insert into approval_outbox(organization_id, id, approval_id, channel, type, due_at)
    select $1, 'msg_' || n, 'apr_1', 'webhook', 'approval.decided', now() - make_interval(secs => $3)
    from generate_series(1, $2) n`;
    for (let loud = 0; loud < 8; loud += 1) await owner.query(owed, [newId('org'), 50, 3000]);
    await owner.query(owed, [quiet, 1, 1]);
    const leased = await leaseDue(at.db, APPROVALS);
    expect(leased).toHaveLength(20);
    expect(leased.filter(({ organizationId }) => organizationId === quiet)).toHaveLength(1);
  },
);
