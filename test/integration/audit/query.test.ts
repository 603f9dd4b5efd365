import 'reflect-metadata';
import { createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { searchEvents, toItem, type AuditItem } from '../../../src/record/audit/audit.query.js';
import { AuditService } from '../../../src/record/audit/audit.service.js';
import { sendStream } from '../../../src/record/audit/send-stream.js';
import { startAuditWriter } from '../../../src/record/audit/writer.js';
import { EventStore } from '../../../src/record/event-store/event-store.js';
import type { Principal } from '../../../src/platform/rest/allowed.js';
import { newId } from '../../../src/platform/crypto/ids.js';
import { Problem } from '../../../src/platform/runtime/problems.js';
import {
  allRecorded,
  append,
  completed,
  decided,
  numbers,
  open,
  recordsOf,
  until,
  type Opened,
} from './audit-support.js';

let at: Opened;
let audit: AuditService;
beforeAll(async () => {
  at = await open();
  audit = new AuditService(new EventStore(at.db));
});
afterAll(() => at.close());

const auditor = (organizationId: string): Principal => ({
  organizationId,
  actor: { type: 'member', id: newId('usr') },
  role: 'auditor',
  authority: () => Promise.resolve('auditor'),
});

const seed = async (events: Parameters<typeof append>[1]): Promise<void> => {
  const writer = await startAuditWriter({ db: at.db, log: at.eventLog });
  await append(at.eventLog, events);
  await until(() => allRecorded(at));
  await writer.stop();
};

const allPages = async (
  principal: Principal,
  limit: number,
  query: Parameters<AuditService['list']>[1] = {},
): Promise<readonly AuditItem[]> => {
  const items: AuditItem[] = [];
  let after: string | undefined;
  for (;;) {
    const page = await audit.list(principal, { ...query, limit, ...(after === undefined ? {} : { after }) });
    items.push(...page.items);
    after = page.nextCursor ?? undefined;
    if (!page.hasMore) return items;
  }
};

const noticesOf = async (organizationId: string): Promise<readonly string[]> =>
  (
    await at.db.worker.query<{ type: string }>('select type from events where organization_id = $1 order by position', [
      organizationId,
    ])
  ).rows.map((row) => row.type);

const textOf = async (chunks: AsyncIterable<string>): Promise<string> => {
  let text = '';
  for await (const chunk of chunks) text += chunk;
  return text;
};

/** How many lines there are once a page of `count` lines was read, which comes in several chunks. */
const readPage = async (chunks: AsyncIterator<string>, count: number): Promise<number> => {
  let lines = 0;
  while (lines < count) {
    const { value, done } = await chunks.next();
    if (done) break;
    lines += String(value).trimEnd().split('\n').length;
  }
  return lines;
};

describe('searching the audit log', () => {
  test('answers each event with its seq and recordedAt, page by page, each once', async () => {
    const principal = auditor(newId('org'));
    const events = numbers(25).map(() => decided(principal.organizationId));
    await seed(events);
    const items = await allPages(principal, 7);
    const records = await recordsOf(at.db, principal.organizationId);
    expect(items).toEqual(
      events.map((event, index) => ({
        ...event,
        schemaVersion: 1,
        seq: index + 1,
        recordedAt: records[index]?.recorded_at.toISOString(),
      })),
    );
  });

  test('misses nothing and repeats nothing while records are being added', async () => {
    const principal = auditor(newId('org'));
    const writer = await startAuditWriter({ db: at.db, log: at.eventLog });
    const adding = (async () => {
      for (let i = 0; i < 30; i += 1)
        await append(
          at.eventLog,
          numbers(40).map(() => decided(principal.organizationId)),
        );
    })();
    const seen: number[] = [];
    let after: string | undefined;
    while (seen.length < 1200) {
      const page = await audit.list(principal, { limit: 9, ...(after === undefined ? {} : { after }) });
      seen.push(...page.items.map((item) => item.seq));
      after = page.nextCursor ?? undefined;
    }
    await adding;
    await writer.stop();
    expect(seen).toEqual(numbers(1200));
  });

  test('answers an empty page with the cursor that it was asked with', async () => {
    const principal = auditor(newId('org'));
    expect(await audit.list(principal, {})).toEqual({ items: [], nextCursor: null, hasMore: false });
    await seed([decided(principal.organizationId)]);
    const { nextCursor } = await audit.list(principal, {});
    const empty = await audit.list(principal, { after: nextCursor ?? '' });
    expect(empty).toEqual({ items: [], nextCursor, hasMore: false });
    await seed([decided(principal.organizationId)]);
    expect((await audit.list(principal, { after: empty.nextCursor ?? '' })).items.map((item) => item.seq)).toEqual([2]);
  });

  test('refuses a cursor of another list', async () => {
    for (const text of ['srv_01h2xcejqtf2nbrexx3vqjhp41', '12', 'events:1', 'events:-1:0', 'events:1:1:1']) {
      const asked = audit.list(auditor(newId('org')), { after: Buffer.from(text).toString('base64url') });
      await expect(asked).rejects.toMatchObject({ code: 'invalid_body' });
    }
  });

  test('a search finds by every filter what a look at each record finds, in both orders', async () => {
    const principal = auditor(newId('org'));
    const { organizationId } = principal;
    const [grantId, identityId, serverId, policyId] = [newId('grt'), newId('idn'), newId('srv'), newId('pol')];
    const [callId, id, actorId] = [newId('call'), newId('evt'), newId('usr')];
    const rule = '/tools/say "hi"\\~1ü/limits/0';
    const refused = { effect: 'deny', code: 'rate_limited', rule } as const;
    await seed([
      ...numbers(20).map((n) =>
        decided(organizationId, {
          effect: n % 4 === 0 ? 'deny' : 'allow',
          tool: n % 3 === 0 ? 'list_issues' : 'cancel_job',
        }),
      ),
      decided(organizationId, { grantId, identityId, serverId, effect: 'hold', code: 'approval_required' }),
      decided(organizationId, { ...refused, id, callId, policyId }),
      decided(organizationId, { would: refused, shadow: { ...refused, policyId, policyVersion: 1 } }),
      completed(organizationId, { grantId, callId, tool: 'x'.repeat(300) }),
    ]);
    const actor = { type: 'member', id: actorId };
    await seed([
      { ...decided(organizationId), type: 'grant.revoked', actor, policyId } as never,
      { ...decided(organizationId), type: 'policy.deleted', actor: { ...actor, id: newId('key') }, by: actor } as never,
    ]);
    const all = await allPages(principal, 1000);
    const wanted: readonly Readonly<Record<string, readonly string[]>>[] = [
      { effect: ['deny'] },
      { effect: ['hold', 'allow'] },
      { code: ['rate_limited'] },
      { code: ['approval_required', 'allowed'] },
      { rule: [rule] },
      { rule: [rule, '/tools/cancel_job'] },
      { policyId: [policyId] },
      { actorId: [actorId] },
      { id: [id] },
      { callId: [callId] },
      { grantId: [grantId] },
      { identityId: [identityId] },
      { serverId: [serverId] },
      { tool: ['list_issues'] },
      { tool: ['x'.repeat(300)] },
      { type: ['toolCall.completed'] },
      { type: ['grant.revoked', 'policy.deleted'] },
      { effect: ['deny'], tool: ['list_issues'] },
      { tool: ['none'] },
    ];
    const valueOf = (item: AuditItem, name: string): unknown =>
      name === 'actorId' ? (item['actor'] as { id: string } | undefined)?.id : item[name];
    for (const filter of wanted) {
      const expected = all.filter((item) =>
        Object.entries(filter).every(([name, values]) => values.some((value) => value === valueOf(item, name))),
      );
      const found = await audit.list(principal, filter);
      expect(found.items, JSON.stringify(filter)).toEqual(expected);
      const newestFirst = await allPages(principal, 3, { ...filter, order: 'desc' });
      expect(newestFirst, JSON.stringify(filter)).toEqual(expected.toReversed());
    }
  });

  test('a cursor of one order is refused in the other', async () => {
    const principal = auditor(newId('org'));
    await seed(numbers(3).map(() => decided(principal.organizationId)));
    for (const [order, other] of [['asc', 'desc'] as const, ['desc', 'asc'] as const]) {
      const { nextCursor } = await audit.list(principal, { order, limit: 1 });
      await expect(audit.list(principal, { order: other, after: nextCursor ?? '' })).rejects.toMatchObject({
        code: 'invalid_body',
      });
    }
  });

  test('a search for an id, a call, a server or the newest records reads no table as a whole', async () => {
    const organizations = numbers(5).map(() => newId('org'));
    await seed(numbers(6000).map((n) => decided(organizations[n % 5] ?? '', { serverId: newId('srv') })));
    const owner = new pg.Client({ connectionString: at.url });
    await owner.connect();
    await owner.query('vacuum analyze audit_records');
    for (const [where, index] of [
      [`id = '${newId('evt')}'`, 'id_call_id'],
      [`call_id = '${newId('call')}'`, 'id_call_id'],
      [`server_id = '${newId('srv')}'`, 'server_id'],
      ['true', 'organization_id_recorded_at_seq'],
    ]) {
      const { rows } = await owner.query<{ 'QUERY PLAN': string }>(
        `explain select event from audit_records where organization_id = '${organizations[0]}' and ${where}
          order by recorded_at desc, seq desc limit 101`,
      );
      const today = rows.map((row) => row['QUERY PLAN']).filter((line) => /audit_records_\d{8}/.test(line));
      expect(
        today.some((line) => line.includes(`_${index}`)),
        `${where}: ${today.join('; ')}`,
      ).toBe(true);
      expect(today.filter((line) => line.includes('Seq Scan') && !line.includes('rows=1 '))).toEqual([]);
    }
    await owner.end();
  });

  test('takes from and to by the time of recording, from inclusive and to exclusive', async () => {
    const principal = auditor(newId('org'));
    for (let i = 0; i < 3; i += 1) await seed([decided(principal.organizationId, { time: '2020-01-01T00:00:00Z' })]);
    const [first, second, third] = (await allPages(principal, 1000)).map((item) => item.recordedAt);
    const seqs = async (range: Readonly<{ from?: string; to?: string }>): Promise<readonly number[]> =>
      (await audit.list(principal, range)).items.map((item) => item.seq);
    expect(await seqs({ from: second ?? '' })).toEqual([2, 3]);
    expect(await seqs({ from: first ?? '', to: third ?? '' })).toEqual([1, 2]);
    expect(await seqs({ from: second ?? '', to: third ?? '' })).toEqual([2]);
  });

  test('ends a page of large events before its limit, in either order, and the next hold the others once', async () => {
    const principal = auditor(newId('org'));
    const reason = 'x'.repeat(58_000);
    const all = numbers(300);
    await seed(all.map(() => decided(principal.organizationId, { reason })));
    for (const order of ['asc', 'desc'] as const) {
      const first = await audit.list(principal, { order, limit: 1000 });
      expect(first.hasMore).toBe(true);
      expect(first.items.length).toBeGreaterThan(250);
      expect(first.items.length).toBeLessThan(all.length);
      const seqs = (await allPages(principal, 1000, { order })).map(({ seq }) => seq);
      expect(seqs).toEqual(order === 'asc' ? all : all.toReversed());
    }
    const lines = (await textOf((await audit.export(principal, { format: 'ndjson' })).text)).trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as AuditItem).seq)).toEqual(all);
  });

  test('shows nothing of another organization, even to a query that names it', async () => {
    const principal = auditor(newId('org'));
    await seed([decided(principal.organizationId)]);
    const stranger = newId('org');
    expect(
      await at.db.inOrganization(stranger, (tx) => searchEvents(tx, principal.organizationId, {}, { limit: 10 })),
    ).toEqual({ events: [], isCut: false });
    expect(
      await at.db.inOrganization(stranger, async (tx) => (await tx.query('select 1 from audit_heads')).rowCount),
    ).toBe(0);
  });

  test('lets nobody change or remove a record', async () => {
    for (const statement of [
      'update audit_records set seq = 0',
      'delete from audit_records',
      'truncate audit_records',
      'delete from audit_heads',
    ]) {
      await expect(at.db.worker.query(statement)).rejects.toThrow('permission denied');
      await expect(at.db.app.query(statement)).rejects.toThrow('permission denied');
    }
  });

  test('is itself on record, once an hour for each reader', async () => {
    const principal = auditor(newId('org'));
    for (let i = 0; i < 3; i += 1) await audit.list(principal, { effect: ['deny'] });
    await audit.list({ ...principal, actor: { type: 'apiKey', id: newId('key') } }, {});
    expect(await noticesOf(principal.organizationId)).toEqual(['audit.read', 'audit.read']);
  });
});

describe('exporting the audit log', () => {
  test('gives the items of the API, one JSON line each, and is itself on record', async () => {
    const principal = auditor(newId('org'));
    await seed(numbers(2300).map((n) => decided(principal.organizationId, { reason: `line\n${n}` })));
    const { text } = await audit.export(principal, { format: 'ndjson' });
    const lines = (await textOf(text)).trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual(await allPages(principal, 1000));
    expect((await textOf((await audit.export(principal, { format: 'csv' })).text)).split('\r\n')).toHaveLength(2302);
    expect(await noticesOf(principal.organizationId)).toEqual(['audit.exported', 'audit.read', 'audit.exported']);
  });

  test('ends at what was recorded when it began', async () => {
    const principal = auditor(newId('org'));
    await seed(numbers(1500).map(() => decided(principal.organizationId)));
    const pages = (await audit.export(principal, { format: 'ndjson' })).text[Symbol.asyncIterator]();
    expect(await readPage(pages, 1000)).toBe(1000);
    await seed([decided(principal.organizationId)]);
    expect(await readPage(pages, 500)).toBe(500);
    expect((await pages.next()).done).toBe(true);
  });

  test(
    'ends with the batch before the one behind which its caller may not read any more, and a page ' +
      'that was read then is not answered',
    async () => {
      let role: Principal['role'] = 'auditor';
      const authority = (): Promise<Principal['role']> =>
        role === 'auditor' ? Promise.resolve(role) : Promise.reject(new Problem('forbidden', 'demoted'));
      const principal = { ...auditor(newId('org')), authority };
      await seed(numbers(2300).map(() => decided(principal.organizationId)));
      const pages = (await audit.export(principal, { format: 'ndjson' })).text[Symbol.asyncIterator]();
      expect(await readPage(pages, 1000)).toBe(1000);
      await audit.list(principal, { limit: 1 });
      role = 'viewer';
      await expect(pages.next()).rejects.toMatchObject({ code: 'forbidden' });
      await expect(audit.list(principal, { limit: 1 })).rejects.toMatchObject({ code: 'forbidden' });
    },
  );

  test('reads no further than the client takes, and stops when it leaves', async () => {
    let made = 0;
    let ended = false;
    async function* endless(): AsyncGenerator<string> {
      try {
        for (;;) {
          made += 1;
          yield 'x'.repeat(1_000_000);
        }
      } finally {
        ended = true;
      }
    }
    const server = createServer((_request, response) => void sendStream(response, endless()));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const answer = await new Promise<IncomingMessage>((resolve) =>
      get({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' }, resolve),
    );
    answer.pause();
    await new Promise((done) => setTimeout(done, 300));
    const before = made;
    await new Promise((done) => setTimeout(done, 200));
    expect(made).toBe(before);
    expect(made).toBeLessThan(20);
    answer.destroy();
    await until(() => ended);
    server.close();
  });

  test('breaks off rather than pass over records that retention took meanwhile', async () => {
    const principal = auditor(newId('org'));
    await seed(numbers(2500).map(() => decided(principal.organizationId)));
    const pages = (await audit.export(principal, { format: 'ndjson' })).text[Symbol.asyncIterator]();
    await readPage(pages, 1000);
    const owner = new pg.Client({ connectionString: at.url });
    await owner.connect();
    await owner.query('delete from audit_records where organization_id = $1 and seq between 1001 and 1100', [
      principal.organizationId,
    ]);
    await owner.end();
    await expect(pages.next()).rejects.toThrow('retention');
  });

  test('items are what the record holds, with seq and recordedAt that no event can put on', () => {
    const stored = {
      seq: 5,
      recordedAt: new Date(0),
      event: Buffer.from('{"id":"evt_1","seq":99,"recordedAt":"never"}'),
    };
    expect(toItem(stored)).toEqual({ id: 'evt_1', schemaVersion: 1, seq: 5, recordedAt: '1970-01-01T00:00:00.000Z' });
  });
});
