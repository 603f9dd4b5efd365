import type { Database } from '../../src/platform/postgres/database.js';

/** What the seeded decisions name; they look as the gateway's do. */
export type Seeded = Readonly<{
  organizationId: string;
  serverId: string;
  policyId: string;
  identityIds: readonly string[];
  grantIds: readonly string[];
  decisions: number;
  since: Date;
}>;

/**
 * Of 20 tools: `tool_0` to `tool_14` are called freely, the next three are limited, `tool_18` is refused by its
 * arguments and `tool_19` is not listed.
 */
const INSERT = `
with drawn as (
  select n, n % 20 as tool, 1 + n % cardinality($4::text[]) as who,
    $8::timestamptz + n * interval '150 milliseconds' as at from generate_series($6::bigint, $7::bigint) n),
 made as (
  select *, case when tool = 19 then 'not_listed' when tool = 18 then 'argument_rule' when tool >= 15
    and n % 7 = 0 then 'rate_limited' else 'allowed' end as code from drawn),
 calls as (
  select n, at, code, effect, tool, 'evt_' || lpad(n::text, 26, '0') as id, to_char(at at time zone 'UTC',
    'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as time, 'call_' || lpad(n::text, 26, '0') as "callId", n as "requestId",
    md5((n / 50)::text) as "sessionId", ($5::text[])[who] as "grantId", ($4::text[])[who] as "identityId",
    'agent ' || who as "identityName", case code when 'not_listed' then '/default' when 'argument_rule' then
      '/tools/tool_18/require/0' when 'rate_limited' then '/tools/tool_' || tool || '/limits/0'
      else '/tools/tool_' || tool end as rule
    from (select *, case code when 'allowed' then 'allow' else 'deny' end as effect from made) m),
 decided as (
  select *, (select row_to_json(e) from (select id, 'toolCall.decided' as type, 1 as version, time,
    $1::text as "organizationId", "callId", "requestId", "sessionId", null as "traceId", 'tools/call' as method,
    '2025-11-25' as "protocolVersion", "grantId", "identityId", "identityName", $2::text as "serverId",
    'GitLab' as "serverName", 'tool_' || tool as tool, md5(tool::text) || md5(tool::text) as "definitionHash",
    $3::text as "policyId", 1 as "policyVersion", 'enforce' as mode, effect, code, rule,
    'tool_' || tool || ' is decided by policy' as reason, case when code = 'allowed' and tool >= 15
      then json_build_array(json_build_object('counter', 'spent', 'window', 'hour', 'scope', 'grant',
        'amount', n % 9)) else '[]' end as reserved, '["amount","note","project_id"]'::json as "argumentKeys",
    md5(n::text) || md5(n::text) as "argumentsDigest", 'boot_01h2xcejqtf2nbrexx3vqjhp41' as "bootId", n as sequence,
    '{"name":"claude","version":"1.2.3"}'::json as client, '192.0.2.' || n % 250 as "sourceIp",
    12 as "decisionMicros") e) as event from calls),
 completed as (
  select *, (select row_to_json(e) from (select 'evt_c' || lpad(n::text, 25, '0') as id, 'toolCall.completed' as type,
    1 as version, time, $1::text as "organizationId", "callId", "requestId", "sessionId", "grantId", "identityId",
    "identityName", $2::text as "serverId", 'GitLab' as "serverName", 'tool_' || tool as tool, 'ok' as status,
    200 as "upstreamStatus", 20 as "durationMs", 512 as "responseBytes", 'boot_01h2xcejqtf2nbrexx3vqjhp41' as "bootId",
    n as sequence, '192.0.2.' || n % 250 as "sourceIp") e) as event from calls),
 rows_of as (
  select n * 2 - 1 as seq, at, 'toolCall.decided' as type, effect, code, null as status, event from decided
  union all
  select n * 2, at + interval '20 milliseconds', 'toolCall.completed', null, null, 'ok', event from completed)
insert into audit_records(organization_id, seq, recorded_at, id, type, time, call_id, grant_id, identity_id,
  server_id, tool, effect, code, status, part, off, event)
select $1, seq, at, event->>'id', type, at, event->>'callId', event->>'grantId', event->>'identityId', $2,
  event->>'tool', effect, code, status, 0, seq, convert_to(event::text, 'UTF8') from rows_of`;

const AT_ONCE = 20_000;

/**
 * Puts decisions with their outcomes on an organization's record, numbered from 1, seven in a second from `since` on.
 * Nothing else may be recorded in that time.
 */
export const seedDecisions = async (
  db: Database,
  { organizationId, serverId, policyId, identityIds, grantIds, decisions, since }: Seeded,
): Promise<void> => {
  for (let first = 1; first <= decisions; first += AT_ONCE) {
    await db.worker.query(INSERT, [
      organizationId,
      serverId,
      policyId,
      identityIds,
      grantIds,
      first,
      Math.min(decisions, first + AT_ONCE - 1),
      since,
    ]);
  }
};

/** The policy that decided what is seeded. */
export const seededPolicy = {
  version: '1',
  default: 'deny',
  tools: {
    ...Object.fromEntries(Array.from({ length: 15 }, (_, tool) => [`tool_${tool}`, {}])),
    ...Object.fromEntries(
      [15, 16, 17].map((tool) => [
        `tool_${tool}`,
        { limits: [{ counter: 'spent', window: 'hour', max: 500, increment_from: 'args.amount' }] },
      ]),
    ),
    tool_18: { require: [{ path: 'args.note', op: 'length_lte', value: 10 }] },
  },
};
