create table alarm_notifications (
  organization_id text not null,
  id text not null,
  version integer not null,
  webhook_origin text,
  emails jsonb not null,
  constraint alarm_notifications_pkey PRIMARY KEY (organization_id, id)
);
alter table alarm_notifications enable row level security;
alter table alarm_notifications force row level security;
create policy own on alarm_notifications as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true))
  with check (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on alarm_notifications as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant delete, insert, select, update on alarm_notifications to toolgate_app;
grant delete, insert, select, update on alarm_notifications to toolgate_worker;

create table alarm_outbox (
  organization_id text not null,
  id text not null,
  subject_id text not null,
  channel text not null,
  type text not null,
  alarm jsonb not null,
  attempts integer not null default 0,
  created_at timestamp with time zone not null default now(),
  due_at timestamp with time zone not null default now(),
  leased_until timestamp with time zone,
  done_at timestamp with time zone,
  delivered boolean not null default false,
  last_error text,
  constraint alarm_outbox_channel_check CHECK ((channel = ANY (ARRAY['webhook'::text, 'mail'::text]))),
  constraint alarm_outbox_pkey PRIMARY KEY (organization_id, id)
);
CREATE INDEX alarm_outbox_channel ON public.alarm_outbox USING btree (organization_id, channel, created_at);
CREATE INDEX alarm_outbox_done ON public.alarm_outbox USING btree (done_at) WHERE (done_at IS NOT NULL);
CREATE INDEX alarm_outbox_due ON public.alarm_outbox USING btree (due_at) WHERE (done_at IS NULL);
alter table alarm_outbox enable row level security;
alter table alarm_outbox force row level security;
create policy own on alarm_outbox as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true))
  with check (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on alarm_outbox as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant delete, insert, select, update on alarm_outbox to toolgate_app;
grant delete, insert, select, update on alarm_outbox to toolgate_worker;

create table alarm_webhooks (
  organization_id text not null,
  sealed_webhook bytea not null,
  constraint alarm_webhooks_pkey PRIMARY KEY (organization_id)
);
alter table alarm_webhooks enable row level security;
alter table alarm_webhooks force row level security;
create policy own on alarm_webhooks as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true))
  with check (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on alarm_webhooks as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant delete, insert, select, update on alarm_webhooks to toolgate_app;
grant delete, insert, select, update on alarm_webhooks to toolgate_worker;

create table api_keys (
  organization_id text not null,
  id text not null,
  name text not null,
  role text not null,
  token_hash bytea not null,
  created_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone,
  last_used_at timestamp with time zone,
  constraint api_keys_pkey PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX api_keys_id ON public.api_keys USING btree (id);
alter table api_keys enable row level security;
alter table api_keys force row level security;
create policy own on api_keys as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true))
  with check (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on api_keys as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant delete, insert, select, update on api_keys to toolgate_app;
grant delete, insert, select, update on api_keys to toolgate_worker;

create table approval_arguments (
  organization_id text not null,
  approval_id text not null,
  sealed_arguments bytea not null,
  sealed_other_params bytea,
  constraint approval_arguments_pkey PRIMARY KEY (organization_id, approval_id)
);
alter table approval_arguments enable row level security;
alter table approval_arguments force row level security;
create policy own on approval_arguments as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true))
  with check (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on approval_arguments as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant delete, insert, select, update on approval_arguments to toolgate_app;
grant delete, insert, select, update on approval_arguments to toolgate_worker;

create table approval_ends (
  organization_id text not null,
  approval_id text not null,
  call_id text not null,
  ended_as text not null,
  at timestamp with time zone not null default now(),
  constraint approval_ends_ended_as_check CHECK ((ended_as = ANY (ARRAY['used'::text, 'expired'::text]))),
  constraint approval_ends_pkey PRIMARY KEY (organization_id, approval_id)
);
alter table approval_ends enable row level security;
alter table approval_ends force row level security;
create policy own on approval_ends as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true))
  with check (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on approval_ends as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant delete, insert, select, update on approval_ends to toolgate_app;
grant delete, insert, select, update on approval_ends to toolgate_worker;

create table approval_notifications (
  organization_id text not null,
  id text not null,
  version integer not null,
  webhook_origin text,
  emails jsonb not null,
  constraint approval_notifications_pkey PRIMARY KEY (organization_id, id)
);
alter table approval_notifications enable row level security;
alter table approval_notifications force row level security;
create policy own on approval_notifications as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true))
  with check (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on approval_notifications as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant delete, insert, select, update on approval_notifications to toolgate_app;
grant delete, insert, select, update on approval_notifications to toolgate_worker;

create table approval_outbox (
  organization_id text not null,
  id text not null,
  approval_id text not null,
  channel text not null,
  type text not null,
  attempts integer not null default 0,
  created_at timestamp with time zone not null default now(),
  due_at timestamp with time zone not null default now(),
  leased_until timestamp with time zone,
  done_at timestamp with time zone,
  delivered boolean not null default false,
  last_error text,
  constraint approval_outbox_channel_check CHECK ((channel = ANY (ARRAY['webhook'::text, 'mail'::text]))),
  constraint approval_outbox_pkey PRIMARY KEY (organization_id, id)
);
CREATE INDEX approval_outbox_channel ON public.approval_outbox USING btree (organization_id, channel, created_at);
CREATE INDEX approval_outbox_done ON public.approval_outbox USING btree (done_at) WHERE (done_at IS NOT NULL);
CREATE INDEX approval_outbox_due ON public.approval_outbox USING btree (due_at) WHERE (done_at IS NULL);
alter table approval_outbox enable row level security;
alter table approval_outbox force row level security;
create policy own on approval_outbox as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true))
  with check (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on approval_outbox as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant delete, insert, select, update on approval_outbox to toolgate_app;
grant delete, insert, select, update on approval_outbox to toolgate_worker;

create table approval_webhooks (
  organization_id text not null,
  sealed_webhook bytea not null,
  constraint approval_webhooks_pkey PRIMARY KEY (organization_id)
);
alter table approval_webhooks enable row level security;
alter table approval_webhooks force row level security;
create policy own on approval_webhooks as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true))
  with check (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on approval_webhooks as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant delete, insert, select, update on approval_webhooks to toolgate_app;
grant delete, insert, select, update on approval_webhooks to toolgate_worker;

create table approvals (
  organization_id text not null,
  id text not null,
  version integer not null,
  grant_id text not null,
  identity_id text not null,
  server_id text not null,
  tool text not null,
  argument_keys jsonb not null,
  arguments_digest text not null,
  definition_hash text,
  policy_id text not null,
  policy_version integer not null,
  rule text,
  reason text not null,
  count integer not null,
  status text not null,
  decisions jsonb not null,
  requested_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  constraint approvals_pkey PRIMARY KEY (organization_id, id)
);
CREATE INDEX approvals_call ON public.approvals USING btree (organization_id, grant_id, arguments_digest);
CREATE INDEX approvals_expiry ON public.approvals USING btree (expires_at) WHERE (status = 'pending'::text);
CREATE UNIQUE INDEX approvals_pending ON public.approvals USING btree (organization_id, grant_id, tool, arguments_digest, COALESCE(definition_hash, ''::text), policy_id, policy_version, COALESCE(rule, ''::text)) WHERE (status = 'pending'::text);
alter table approvals enable row level security;
alter table approvals force row level security;
create policy own on approvals as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true))
  with check (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on approvals as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant delete, insert, select, update on approvals to toolgate_app;
grant delete, insert, select, update on approvals to toolgate_worker;

create table audit_heads (
  organization_id text not null,
  next_seq bigint not null default 1,
  first_seq bigint not null default 1,
  recorded_at timestamp with time zone not null default '-infinity'::timestamp with time zone,
  changed_xid xid8 not null default pg_current_xact_id(),
  numbering jsonb not null default '{}'::jsonb,
  missing_since timestamp with time zone,
  constraint audit_heads_pkey PRIMARY KEY (organization_id)
);
CREATE INDEX audit_heads_changed ON public.audit_heads USING btree (changed_xid);
CREATE INDEX audit_heads_missing ON public.audit_heads USING btree (missing_since) WHERE (missing_since IS NOT NULL);
alter table audit_heads enable row level security;
alter table audit_heads force row level security;
create policy own on audit_heads as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on audit_heads as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant insert, select, update on audit_heads to toolgate_worker;
grant select on audit_heads to toolgate_app;

create table audit_records (
  organization_id text not null,
  seq bigint not null,
  recorded_at timestamp with time zone not null,
  id text not null,
  type text not null,
  "time" timestamp with time zone not null,
  call_id text,
  grant_id text,
  identity_id text,
  server_id text,
  tool text,
  effect text,
  code text,
  status text,
  part smallint not null,
  off bigint not null,
  event bytea not null,
  shadow text
) partition by RANGE (recorded_at);
CREATE INDEX audit_records_control ON ONLY public.audit_records USING btree (organization_id, type, recorded_at, seq) WHERE ((type <> 'toolCall.decided'::text) AND (type <> 'toolCall.completed'::text));
CREATE INDEX audit_records_grant ON ONLY public.audit_records USING btree (grant_id, recorded_at, seq);
CREATE INDEX audit_records_identity ON ONLY public.audit_records USING btree (identity_id, recorded_at, seq);
CREATE INDEX audit_records_ids ON ONLY public.audit_records USING brin (id, call_id) WITH (pages_per_range='16', autosummarize='on');
CREATE INDEX audit_records_recorded ON ONLY public.audit_records USING brin (recorded_at) WITH (pages_per_range='16', autosummarize='on');
CREATE INDEX audit_records_refused ON ONLY public.audit_records USING btree (organization_id, effect, recorded_at, seq) WHERE (effect <> 'allow'::text);
CREATE INDEX audit_records_server ON ONLY public.audit_records USING btree (server_id, recorded_at, seq);
CREATE INDEX audit_records_shadow ON ONLY public.audit_records USING btree (organization_id, recorded_at, seq) WHERE (shadow IS NOT NULL);
CREATE INDEX audit_records_time ON ONLY public.audit_records USING btree (organization_id, recorded_at, seq);
CREATE INDEX audit_records_tool ON ONLY public.audit_records USING btree (organization_id, tool, recorded_at, seq);
alter table audit_records enable row level security;
alter table audit_records force row level security;
create policy own on audit_records as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on audit_records as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant insert, select on audit_records to toolgate_worker;
grant select on audit_records to toolgate_app;

create table audit_records_default partition of audit_records DEFAULT;

create table catalog_servers (
  slug text collate "C" not null,
  name text collate "C" not null,
  summary text not null,
  version text,
  source text not null,
  transports text[] not null,
  preset jsonb not null,
  tool_count integer not null,
  read_count integer not null,
  write_count integer not null,
  execute_count integer not null,
  destructive_count integer not null,
  financial_count integer not null,
  tokens integer not null,
  verified_on date,
  updated_at timestamp with time zone not null default now(),
  name_words text[] not null,
  words text[] not null,
  deprecated boolean not null default false,
  constraint catalog_servers_name_key UNIQUE (name),
  constraint catalog_servers_pkey PRIMARY KEY (slug)
);
CREATE INDEX catalog_servers_name_words ON public.catalog_servers USING gin (name_words) WITH (fastupdate=off);
CREATE INDEX catalog_servers_sizes ON public.catalog_servers USING btree (slug) INCLUDE (tool_count);
CREATE INDEX catalog_servers_tokens ON public.catalog_servers USING btree (tokens, slug);
CREATE INDEX catalog_servers_tool_count ON public.catalog_servers USING btree (tool_count, slug);
CREATE INDEX catalog_servers_totals ON public.catalog_servers USING btree (updated_at) INCLUDE (tool_count, read_count, write_count, execute_count, destructive_count, financial_count);
CREATE INDEX catalog_servers_with_tools ON public.catalog_servers USING btree (slug) WHERE (tool_count > 0);
CREATE INDEX catalog_servers_words ON public.catalog_servers USING gin (words) WITH (fastupdate=off);
grant delete, insert, select, update on catalog_servers to toolgate_worker;

create table catalog_sources (
  source text not null,
  state jsonb not null,
  read_at timestamp with time zone not null default now(),
  constraint catalog_sources_pkey PRIMARY KEY (source)
);
grant delete, insert, select, update on catalog_sources to toolgate_worker;

create table catalog_tools (
  server_slug text collate "C" not null,
  name text collate "C" not null,
  category text not null,
  confidence real not null,
  evidence text[] not null,
  signals text[] not null,
  inputs text[] not null,
  amount_input text,
  tokens integer not null,
  definition_hash text not null,
  constraint catalog_tools_pkey PRIMARY KEY (server_slug, name),
  constraint catalog_tools_server_slug_fkey FOREIGN KEY (server_slug) REFERENCES catalog_servers(slug) ON DELETE CASCADE
);
grant delete, insert, select, update on catalog_tools to toolgate_worker;

create table catalog_trigrams (
  trigram text collate "C" not null,
  word text collate "C" not null,
  constraint catalog_trigrams_pkey PRIMARY KEY (trigram, word)
);
grant delete, insert, select, update on catalog_trigrams to toolgate_worker;

create table catalog_versions (
  server_slug text collate "C" not null,
  version text collate "C" not null,
  tool_count integer not null,
  tokens integer not null,
  tools_hash text not null,
  seen_on date not null,
  constraint catalog_versions_pkey PRIMARY KEY (server_slug, version),
  constraint catalog_versions_server_slug_fkey FOREIGN KEY (server_slug) REFERENCES catalog_servers(slug) ON DELETE CASCADE
);
grant delete, insert, select, update on catalog_versions to toolgate_worker;

create table catalog_words (
  word text collate "C" not null,
  servers integer not null,
  constraint catalog_words_pkey PRIMARY KEY (word)
);
grant delete, insert, select, update on catalog_words to toolgate_worker;

create table channel_sessions (
  organization_id text not null,
  id text not null,
  grant_id text not null,
  server_id text not null,
  sealed bytea not null,
  boot_id text,
  expires_at timestamp with time zone not null,
  constraint channel_sessions_pkey PRIMARY KEY (organization_id, id)
);
CREATE INDEX channel_sessions_expiry ON public.channel_sessions USING btree (expires_at);
alter table channel_sessions enable row level security;
alter table channel_sessions force row level security;
create policy own on channel_sessions as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true))
  with check (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on channel_sessions as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant delete, insert, select, update on channel_sessions to toolgate_app;
grant delete, insert, select, update on channel_sessions to toolgate_worker;

create table connections (
  organization_id text not null,
  server_id text not null,
  sealed bytea not null,
  created_at timestamp with time zone not null default now(),
  scopes text[] not null default '{}'::text[],
  expires_at timestamp with time zone,
  refresh_at timestamp with time zone,
  leased_until timestamp with time zone,
  constraint connections_pkey PRIMARY KEY (organization_id, server_id)
);
CREATE INDEX connections_due ON public.connections USING btree (refresh_at) WHERE (refresh_at IS NOT NULL);
alter table connections enable row level security;
alter table connections force row level security;
create policy own on connections as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true))
  with check (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on connections as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant delete, insert, select, update on connections to toolgate_app;
grant delete, insert, select, update on connections to toolgate_worker;

create table contact_messages (
  id text not null,
  created_at timestamp with time zone not null default now(),
  name text not null,
  email text not null,
  message text not null,
  request_key bytea,
  request_hash bytea,
  due_at timestamp with time zone not null default now(),
  leased_until timestamp with time zone,
  attempts integer not null default 0,
  mailed_at timestamp with time zone,
  last_error text,
  constraint contact_messages_pkey PRIMARY KEY (id),
  constraint contact_messages_request_key_key UNIQUE (request_key)
);
CREATE INDEX contact_messages_created ON public.contact_messages USING btree (created_at);
CREATE INDEX contact_messages_due ON public.contact_messages USING btree (due_at) WHERE ((mailed_at IS NULL) AND (attempts < 9));
grant delete, insert, select, update on contact_messages to toolgate_worker;

create table discovery_turns (
  organization_id text not null,
  server_id text not null,
  due_at timestamp with time zone not null,
  taken_at timestamp with time zone not null default '-infinity'::timestamp with time zone,
  changes integer not null default 0,
  constraint discovery_turns_pkey PRIMARY KEY (organization_id, server_id)
);
CREATE INDEX discovery_turns_due ON public.discovery_turns USING btree (due_at);
grant delete, insert, select, update on discovery_turns to toolgate_worker;

create table ended_grant_tokens (
  token_hash bytea not null,
  organization_id text not null,
  grant_id text not null,
  ended_at timestamp with time zone not null default now(),
  constraint ended_grant_tokens_pkey PRIMARY KEY (token_hash)
);
CREATE INDEX ended_grant_tokens_grant ON public.ended_grant_tokens USING btree (organization_id, grant_id, ended_at DESC);
alter table ended_grant_tokens enable row level security;
alter table ended_grant_tokens force row level security;
create policy own on ended_grant_tokens as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true))
  with check (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on ended_grant_tokens as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant delete, insert, select, update on ended_grant_tokens to toolgate_app;
grant delete, insert, select, update on ended_grant_tokens to toolgate_worker;

create table ended_sessions (
  organization_id text not null,
  session_id text not null,
  expires_at timestamp with time zone not null,
  constraint ended_sessions_pkey PRIMARY KEY (organization_id, session_id)
);
alter table ended_sessions enable row level security;
alter table ended_sessions force row level security;
create policy own on ended_sessions as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true))
  with check (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on ended_sessions as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant delete, insert, select, update on ended_sessions to toolgate_app;
grant delete, insert, select, update on ended_sessions to toolgate_worker;

create table event_heads (
  organization_id text not null,
  "position" bigint not null default 0,
  changed_xid xid8 not null default pg_current_xact_id(),
  constraint event_heads_pkey PRIMARY KEY (organization_id)
);
CREATE INDEX event_heads_changed ON public.event_heads USING btree (changed_xid);
alter table event_heads enable row level security;
alter table event_heads force row level security;
create policy own on event_heads as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true))
  with check (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on event_heads as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant insert, select, update on event_heads to toolgate_app;
grant insert, select, update on event_heads to toolgate_worker;

create table events (
  organization_id text not null,
  "position" bigint not null,
  stream_id text not null,
  version integer not null,
  id text not null,
  type text not null,
  "time" timestamp with time zone not null,
  event json not null,
  constraint events_id_key UNIQUE (id),
  constraint events_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES event_heads(organization_id),
  constraint events_organization_id_stream_id_version_key UNIQUE (organization_id, stream_id, version),
  constraint events_pkey PRIMARY KEY (organization_id, "position")
);
alter table events enable row level security;
alter table events force row level security;
create policy own on events as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true))
  with check (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on events as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant insert, select on events to toolgate_app;
grant insert, select on events to toolgate_worker;

create table gateway_boots (
  boot_id text not null,
  last_seen timestamp with time zone not null default clock_timestamp(),
  open_since timestamp with time zone not null default clock_timestamp(),
  silent_ms integer not null,
  stopped boolean not null default false,
  constraint gateway_boots_pkey PRIMARY KEY (boot_id)
);
grant delete, insert, select, update on gateway_boots to toolgate_worker;

create table grant_last_used (
  organization_id text not null,
  grant_id text not null,
  last_used_at timestamp with time zone not null,
  constraint grant_last_used_pkey PRIMARY KEY (organization_id, grant_id)
);
alter table grant_last_used enable row level security;
alter table grant_last_used force row level security;
create policy own on grant_last_used as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on grant_last_used as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant delete, insert, select, update on grant_last_used to toolgate_worker;
grant select on grant_last_used to toolgate_app;

create table grant_tokens (
  organization_id text not null,
  grant_id text not null,
  token_hash bytea not null,
  created_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone,
  constraint grant_tokens_pkey PRIMARY KEY (organization_id, grant_id, token_hash)
);
alter table grant_tokens enable row level security;
alter table grant_tokens force row level security;
create policy own on grant_tokens as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true))
  with check (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on grant_tokens as permissive for all to toolgate_worker
  using (true)
  with check (true);
CREATE TRIGGER keep_ended AFTER DELETE ON public.grant_tokens FOR EACH ROW EXECUTE FUNCTION keep_ended_grant_token();
grant delete, insert, select, update on grant_tokens to toolgate_app;
grant delete, insert, select, update on grant_tokens to toolgate_worker;

create table grants (
  organization_id text not null,
  id text not null,
  version integer not null,
  identity_id text not null,
  server_id text not null,
  policy_id text,
  label text,
  expires_at timestamp with time zone,
  revoked_at timestamp with time zone,
  issued_by jsonb not null,
  created_at timestamp with time zone not null,
  shadow_policy_id text,
  disabled boolean not null default false,
  via text not null default 'token'::text,
  client_id text,
  client_name text,
  constraint grants_pkey PRIMARY KEY (organization_id, id)
);
CREATE INDEX grants_identity ON public.grants USING btree (organization_id, identity_id);
CREATE INDEX grants_policy ON public.grants USING btree (organization_id, policy_id);
CREATE INDEX grants_server ON public.grants USING btree (organization_id, server_id);
CREATE INDEX grants_shadow_policy ON public.grants USING btree (organization_id, shadow_policy_id) WHERE (shadow_policy_id IS NOT NULL);
alter table grants enable row level security;
alter table grants force row level security;
create policy own on grants as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true))
  with check (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on grants as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant delete, insert, select, update on grants to toolgate_app;
grant delete, insert, select, update on grants to toolgate_worker;

create table idempotent_answers (
  organization_id text not null,
  caller text not null,
  key text not null,
  request_hash bytea not null,
  sealed_body bytea not null,
  created_at timestamp with time zone not null default now(),
  constraint idempotent_answers_pkey PRIMARY KEY (organization_id, caller, key)
);
CREATE INDEX idempotent_answers_age ON public.idempotent_answers USING btree (created_at);
alter table idempotent_answers enable row level security;
alter table idempotent_answers force row level security;
create policy own on idempotent_answers as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true))
  with check (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on idempotent_answers as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant delete, insert, select, update on idempotent_answers to toolgate_app;
grant delete, insert, select, update on idempotent_answers to toolgate_worker;

create table identities (
  organization_id text not null,
  id text not null,
  version integer not null,
  name text not null,
  kind text not null,
  member_id text,
  external_id text,
  attributes jsonb not null,
  disabled boolean not null,
  created_at timestamp with time zone not null,
  deleted boolean not null default false,
  constraint identities_pkey PRIMARY KEY (organization_id, id)
);
alter table identities enable row level security;
alter table identities force row level security;
create policy own on identities as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true))
  with check (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on identities as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant delete, insert, select, update on identities to toolgate_app;
grant delete, insert, select, update on identities to toolgate_worker;

create table invitations (
  organization_id text not null,
  id text not null,
  email text not null,
  role text not null,
  token_hash bytea not null,
  created_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone not null,
  accepted_at timestamp with time zone,
  constraint invitations_pkey PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX invitations_id ON public.invitations USING btree (id);
alter table invitations enable row level security;
alter table invitations force row level security;
create policy own on invitations as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true))
  with check (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on invitations as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant delete, insert, select, update on invitations to toolgate_app;
grant delete, insert, select, update on invitations to toolgate_worker;

create table limit_counters (
  key text collate "C" not null,
  organization_id text not null,
  win text not null,
  window_start timestamp with time zone not null,
  used numeric not null,
  constraint limit_counters_pkey PRIMARY KEY (key)
) with (fillfactor=50);
CREATE INDEX limit_counters_organization ON public.limit_counters USING btree (organization_id);
alter table limit_counters enable row level security;
alter table limit_counters force row level security;
create policy own on limit_counters as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on limit_counters as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant delete, insert, select, update on limit_counters to toolgate_worker;
grant select on limit_counters to toolgate_app;

create table log_heads (
  topic text not null,
  part smallint not null,
  next bigint not null default 0,
  constraint log_heads_pkey PRIMARY KEY (topic, part)
) with (fillfactor=20);
grant insert, select, update on log_heads to toolgate_worker;

create table log_identity (
  single boolean not null default true,
  identity text not null,
  constraint log_identity_pkey PRIMARY KEY (single),
  constraint log_identity_single_check CHECK (single)
);
grant insert, select on log_identity to toolgate_worker;

create table log_offsets (
  reader text not null,
  topic text not null,
  part smallint not null,
  next bigint not null default 0,
  constraint log_offsets_pkey PRIMARY KEY (reader, topic, part)
) with (fillfactor=20);
grant insert, select, update on log_offsets to toolgate_worker;

create table log_records (
  topic text not null,
  part smallint not null,
  off bigint not null,
  key text not null,
  at timestamp with time zone not null default clock_timestamp(),
  value bytea not null
) partition by RANGE (at);
CREATE INDEX log_records_position ON ONLY public.log_records USING btree (topic, part, off);
grant insert, select on log_records to toolgate_worker;

create table log_records_default partition of log_records DEFAULT;

create table log_stream_alarms (
  organization_id text not null,
  stream_id text not null,
  code text not null,
  raised_at timestamp with time zone not null default now(),
  ended_at timestamp with time zone,
  constraint log_stream_alarms_pkey PRIMARY KEY (organization_id, stream_id, code)
);
alter table log_stream_alarms enable row level security;
alter table log_stream_alarms force row level security;
create policy own on log_stream_alarms as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true))
  with check (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on log_stream_alarms as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant delete, insert, select, update on log_stream_alarms to toolgate_app;
grant delete, insert, select, update on log_stream_alarms to toolgate_worker;

create table log_stream_cursors (
  organization_id text not null,
  stream_id text not null,
  id text not null,
  from_seq bigint not null,
  to_seq bigint,
  next_seq bigint not null,
  next_at timestamp with time zone,
  sending_to bigint,
  status text not null,
  owner text,
  restarts integer not null default 0,
  failures integer not null default 0,
  failing_since timestamp with time zone,
  retry_at timestamp with time zone,
  last_success_at timestamp with time zone,
  last_error jsonb,
  created_at timestamp with time zone not null default now(),
  constraint log_stream_cursors_pkey PRIMARY KEY (organization_id, id),
  constraint log_stream_cursors_status_check CHECK ((status = ANY (ARRAY['active'::text, 'degraded'::text, 'auth_error'::text, 'done'::text, 'failed'::text, 'cancelled'::text])))
) with (fillfactor=50);
CREATE INDEX log_stream_cursors_owner ON public.log_stream_cursors USING btree (owner) WHERE (id = stream_id);
CREATE INDEX log_stream_cursors_stream ON public.log_stream_cursors USING btree (organization_id, stream_id);
alter table log_stream_cursors enable row level security;
alter table log_stream_cursors force row level security;
create policy own on log_stream_cursors as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true))
  with check (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on log_stream_cursors as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant delete, insert, select, update on log_stream_cursors to toolgate_app;
grant delete, insert, select, update on log_stream_cursors to toolgate_worker;

create table log_stream_dead_letters (
  organization_id text not null,
  stream_id text not null,
  seq bigint not null,
  event_id text not null,
  at timestamp with time zone not null default now(),
  http_status integer,
  answer text not null,
  redrive boolean not null default false,
  constraint log_stream_dead_letters_pkey PRIMARY KEY (organization_id, stream_id, seq)
);
CREATE INDEX log_stream_dead_letters_redrive ON public.log_stream_dead_letters USING btree (organization_id, stream_id) WHERE redrive;
alter table log_stream_dead_letters enable row level security;
alter table log_stream_dead_letters force row level security;
create policy own on log_stream_dead_letters as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true))
  with check (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on log_stream_dead_letters as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant delete, insert, select, update on log_stream_dead_letters to toolgate_app;
grant delete, insert, select, update on log_stream_dead_letters to toolgate_worker;

create table log_stream_hours (
  organization_id text not null,
  stream_id text not null,
  hour timestamp with time zone not null,
  delivered bigint not null default 0,
  failed bigint not null default 0,
  bytes bigint not null default 0,
  constraint log_stream_hours_pkey PRIMARY KEY (organization_id, stream_id, hour)
) with (fillfactor=50);
alter table log_stream_hours enable row level security;
alter table log_stream_hours force row level security;
create policy own on log_stream_hours as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true))
  with check (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on log_stream_hours as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant delete, insert, select, update on log_stream_hours to toolgate_app;
grant delete, insert, select, update on log_stream_hours to toolgate_worker;

create table log_stream_nodes (
  id text not null,
  seen_at timestamp with time zone not null,
  constraint log_stream_nodes_pkey PRIMARY KEY (id)
);
grant delete, insert, select, update on log_stream_nodes to toolgate_worker;

create table log_stream_secrets (
  organization_id text not null,
  stream_id text not null,
  sealed bytea not null,
  constraint log_stream_secrets_pkey PRIMARY KEY (organization_id, stream_id)
);
alter table log_stream_secrets enable row level security;
alter table log_stream_secrets force row level security;
create policy own on log_stream_secrets as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true))
  with check (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on log_stream_secrets as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant delete, insert, select, update on log_stream_secrets to toolgate_app;
grant delete, insert, select, update on log_stream_secrets to toolgate_worker;

create table log_streams (
  organization_id text not null,
  id text not null,
  version integer not null,
  name text not null,
  kind text not null,
  format text not null,
  mapping_version text not null,
  config jsonb not null,
  filter jsonb not null,
  stopped text,
  stop_reason text,
  deleted boolean not null,
  created_at timestamp with time zone not null,
  constraint log_streams_pkey PRIMARY KEY (organization_id, id),
  constraint log_streams_stopped_check CHECK ((stopped = ANY (ARRAY['paused'::text, 'suspended'::text])))
);
alter table log_streams enable row level security;
alter table log_streams force row level security;
create policy own on log_streams as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true))
  with check (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on log_streams as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant delete, insert, select, update on log_streams to toolgate_app;
grant delete, insert, select, update on log_streams to toolgate_worker;

create table members (
  organization_id text not null,
  user_id text not null,
  version integer not null,
  email text not null,
  role text not null,
  joined_at timestamp with time zone not null,
  removed boolean not null default false,
  constraint members_pkey PRIMARY KEY (organization_id, user_id)
);
CREATE INDEX members_user ON public.members USING btree (user_id);
alter table members enable row level security;
alter table members force row level security;
create policy own on members as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true))
  with check (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on members as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant delete, insert, select, update on members to toolgate_app;
grant delete, insert, select, update on members to toolgate_worker;

create table oauth_keys (
  kid text not null,
  sealed bytea not null,
  created_at timestamp with time zone not null default now(),
  constraint oauth_keys_pkey PRIMARY KEY (kid)
);
grant delete, insert, select, update on oauth_keys to toolgate_worker;

create table oauth_records (
  kind text not null,
  id_hash bytea not null,
  uid_hash bytea,
  grant_id text,
  network text,
  sealed bytea not null,
  created_at timestamp with time zone not null default now(),
  consumed_at timestamp with time zone,
  expires_at timestamp with time zone,
  constraint oauth_records_pkey PRIMARY KEY (kind, id_hash)
);
CREATE INDEX oauth_records_expiry ON public.oauth_records USING btree (expires_at) WHERE (expires_at IS NOT NULL);
CREATE INDEX oauth_records_grant ON public.oauth_records USING btree (grant_id) WHERE (grant_id IS NOT NULL);
CREATE INDEX oauth_records_network ON public.oauth_records USING btree (network, created_at) WHERE (network IS NOT NULL);
CREATE INDEX oauth_records_uid ON public.oauth_records USING btree (kind, uid_hash) WHERE (uid_hash IS NOT NULL);
grant delete, insert, select, update on oauth_records to toolgate_worker;

create table organization_keys (
  organization_id text not null,
  wrapped bytea not null,
  constraint organization_keys_pkey PRIMARY KEY (organization_id)
);
alter table organization_keys enable row level security;
alter table organization_keys force row level security;
create policy own on organization_keys as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true))
  with check (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on organization_keys as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant delete, insert, select, update on organization_keys to toolgate_app;
grant delete, insert, select, update on organization_keys to toolgate_worker;

create table organizations (
  id text not null,
  version integer not null,
  name text not null,
  disabled boolean not null default false,
  created_at timestamp with time zone not null,
  deletes_at timestamp with time zone,
  deleted_at timestamp with time zone,
  constraint organizations_pkey PRIMARY KEY (id)
);
CREATE INDEX organizations_end ON public.organizations USING btree (COALESCE(deleted_at, deletes_at)) WHERE ((deletes_at IS NOT NULL) OR (deleted_at IS NOT NULL));
alter table organizations enable row level security;
alter table organizations force row level security;
create policy own on organizations as permissive for all to toolgate_app
  using (id = current_setting('toolgate.organization'::text, true))
  with check (id = current_setting('toolgate.organization'::text, true));
create policy worker on organizations as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant delete, insert, select, update on organizations to toolgate_app;
grant delete, insert, select, update on organizations to toolgate_worker;

create table password_resets (
  id text not null,
  user_id text not null,
  token_hash bytea not null,
  created_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone not null,
  constraint password_resets_pkey PRIMARY KEY (id),
  constraint password_resets_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
);
CREATE INDEX password_resets_user ON public.password_resets USING btree (user_id, created_at);
grant delete, insert, select, update on password_resets to toolgate_worker;

create table policies (
  organization_id text not null,
  id text not null,
  version integer not null,
  server_id text not null,
  name text not null,
  policy_version integer not null,
  document jsonb not null,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  deleted boolean not null default false,
  pins jsonb not null default '{}'::jsonb,
  acceptances integer not null default 0,
  source text,
  constraint policies_pkey PRIMARY KEY (organization_id, id)
);
CREATE INDEX policies_server ON public.policies USING btree (organization_id, server_id);
alter table policies enable row level security;
alter table policies force row level security;
create policy own on policies as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true))
  with check (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on policies as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant delete, insert, select, update on policies to toolgate_app;
grant delete, insert, select, update on policies to toolgate_worker;

create table projection_positions (
  projection text not null,
  organization_id text not null,
  next_seq bigint not null default 1,
  recorded_at timestamp with time zone not null default '-infinity'::timestamp with time zone,
  constraint projection_positions_pkey PRIMARY KEY (projection, organization_id)
) with (fillfactor=50);
alter table projection_positions enable row level security;
alter table projection_positions force row level security;
create policy own on projection_positions as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on projection_positions as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant insert, select, update on projection_positions to toolgate_worker;
grant select on projection_positions to toolgate_app;

create table proof_checkpoints (
  organization_id text not null,
  tree_size bigint not null,
  root_hash bytea not null,
  "time" timestamp with time zone not null,
  note text not null,
  constraint proof_checkpoints_pkey PRIMARY KEY (organization_id, tree_size)
);
alter table proof_checkpoints enable row level security;
alter table proof_checkpoints force row level security;
create policy own on proof_checkpoints as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on proof_checkpoints as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant insert, select, update on proof_checkpoints to toolgate_worker;
grant select on proof_checkpoints to toolgate_app;

create table proof_keys (
  organization_id text not null,
  name text not null,
  vkey text not null,
  valid_from timestamp with time zone,
  valid_until timestamp with time zone,
  constraint proof_keys_pkey PRIMARY KEY (organization_id, vkey)
);
CREATE INDEX proof_keys_name ON public.proof_keys USING btree (name);
alter table proof_keys enable row level security;
alter table proof_keys force row level security;
create policy own on proof_keys as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on proof_keys as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant insert, select, update on proof_keys to toolgate_worker;
grant select on proof_keys to toolgate_app;

create table proof_tiles (
  organization_id text not null,
  level smallint not null,
  index bigint not null,
  hashes bytea not null,
  recorded_at timestamp with time zone,
  constraint proof_tiles_pkey PRIMARY KEY (organization_id, level, index)
);
alter table proof_tiles enable row level security;
alter table proof_tiles force row level security;
create policy own on proof_tiles as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on proof_tiles as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant insert, select, update on proof_tiles to toolgate_worker;
grant select on proof_tiles to toolgate_app;

create table proof_trees (
  organization_id text not null,
  origin text not null,
  first_seq bigint not null,
  size bigint not null default 0,
  signed_size bigint not null default 0,
  recorded_at timestamp with time zone,
  checked_at timestamp with time zone,
  first_bad_seq bigint,
  constraint proof_trees_pkey PRIMARY KEY (organization_id)
);
CREATE INDEX proof_trees_unsigned ON public.proof_trees USING btree (organization_id) WHERE (signed_size < size);
alter table proof_trees enable row level security;
alter table proof_trees force row level security;
create policy own on proof_trees as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on proof_trees as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant insert, select, update on proof_trees to toolgate_worker;
grant select on proof_trees to toolgate_app;
grant update (checked_at) on proof_trees to toolgate_app;
grant update (first_bad_seq) on proof_trees to toolgate_app;

create table recorded_ids (
  id text not null,
  day date not null,
  constraint recorded_ids_pkey PRIMARY KEY (id, day)
) partition by RANGE (day);
grant insert, select on recorded_ids to toolgate_worker;

create table recorded_ids_default partition of recorded_ids DEFAULT;

create table relay_positions (
  organization_id text not null,
  "position" bigint not null default 0,
  constraint relay_positions_pkey PRIMARY KEY (organization_id)
);
grant insert, select, update on relay_positions to toolgate_worker;

create table schema_migrations (
  name text not null,
  checksum text not null,
  applied_at timestamp with time zone not null default now(),
  constraint schema_migrations_pkey PRIMARY KEY (name)
);

create table server_secrets (
  organization_id text not null,
  server_id text not null,
  sealed_headers bytea not null,
  constraint server_secrets_pkey PRIMARY KEY (organization_id, server_id)
);
alter table server_secrets enable row level security;
alter table server_secrets force row level security;
create policy own on server_secrets as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true))
  with check (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on server_secrets as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant delete, insert, select, update on server_secrets to toolgate_app;
grant delete, insert, select, update on server_secrets to toolgate_worker;

create table servers (
  organization_id text not null,
  id text not null,
  version integer not null,
  name text not null,
  transport jsonb not null,
  auth jsonb not null,
  client_auth text not null,
  status text not null,
  status_detail text,
  disabled boolean not null,
  server_info jsonb,
  protocol_version text,
  tools jsonb not null,
  created_at timestamp with time zone not null,
  discovered_at timestamp with time zone,
  deleted boolean not null default false,
  disabled_tools jsonb not null default '[]'::jsonb,
  accepted jsonb not null default '{}'::jsonb,
  acceptances integer not null default 0,
  eras text[] not null,
  restart_sessions boolean not null default true,
  tool_categories jsonb not null default '{}'::jsonb,
  default_policy_id text,
  constraint servers_pkey PRIMARY KEY (organization_id, id)
);
alter table servers enable row level security;
alter table servers force row level security;
create policy own on servers as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true))
  with check (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on servers as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant delete, insert, select, update on servers to toolgate_app;
grant delete, insert, select, update on servers to toolgate_worker;

create table sessions (
  id text not null,
  organization_id text not null,
  user_id text not null,
  token_hash bytea not null,
  created_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone not null,
  last_used_at timestamp with time zone,
  constraint sessions_pkey PRIMARY KEY (id),
  constraint sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id)
);
CREATE INDEX sessions_user ON public.sessions USING btree (user_id);
alter table sessions enable row level security;
alter table sessions force row level security;
create policy own on sessions as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true))
  with check (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on sessions as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant delete, insert, select, update on sessions to toolgate_app;
grant delete, insert, select, update on sessions to toolgate_worker;

create table sign_in_networks (
  user_id text not null,
  network text not null,
  seen_at timestamp with time zone not null default now(),
  constraint sign_in_networks_pkey PRIMARY KEY (user_id, network),
  constraint sign_in_networks_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
);
CREATE INDEX sign_in_networks_seen ON public.sign_in_networks USING btree (seen_at);
grant delete, insert, select, update on sign_in_networks to toolgate_worker;

create table tool_definitions (
  organization_id text not null,
  server_id text not null,
  definition_hash text not null,
  definition jsonb not null,
  constraint tool_definitions_pkey PRIMARY KEY (organization_id, server_id, definition_hash)
);
alter table tool_definitions enable row level security;
alter table tool_definitions force row level security;
create policy own on tool_definitions as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true))
  with check (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on tool_definitions as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant delete, insert, select, update on tool_definitions to toolgate_app;
grant delete, insert, select, update on tool_definitions to toolgate_worker;

create table usage_hourly (
  organization_id text not null,
  hour timestamp with time zone not null,
  grant_id text not null,
  identity_id text not null,
  server_id text not null,
  tool text not null,
  effect text not null,
  calls bigint not null default 0,
  completed bigint not null default 0,
  failed bigint not null default 0,
  constraint usage_hourly_pkey PRIMARY KEY (organization_id, hour, grant_id, identity_id, server_id, tool, effect)
);
alter table usage_hourly enable row level security;
alter table usage_hourly force row level security;
create policy own on usage_hourly as permissive for all to toolgate_app
  using (organization_id = current_setting('toolgate.organization'::text, true));
create policy worker on usage_hourly as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant delete, insert, select, update on usage_hourly to toolgate_worker;
grant select on usage_hourly to toolgate_app;

create table user_totp (
  user_id text not null,
  sealed_secret bytea not null,
  created_at timestamp with time zone not null default now(),
  confirmed_at timestamp with time zone,
  last_step bigint not null default 0,
  recovery_hashes bytea[] not null default '{}'::bytea[],
  constraint user_totp_pkey PRIMARY KEY (user_id),
  constraint user_totp_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
);
grant delete, insert, select, update on user_totp to toolgate_worker;

create table users (
  id text not null,
  email text not null,
  password_hash text not null,
  created_at timestamp with time zone not null default now(),
  constraint users_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX users_email ON public.users USING btree (lower(email));
alter table users enable row level security;
alter table users force row level security;
create policy own on users as permissive for all to toolgate_app
  using (EXISTS ( SELECT 1
   FROM members m
  WHERE ((m.user_id = users.id) AND (NOT m.removed) AND (m.organization_id = current_setting('toolgate.organization'::text, true)))));
create policy worker on users as permissive for all to toolgate_worker
  using (true)
  with check (true);
grant delete, insert, select, update on users to toolgate_worker;
grant select (created_at) on users to toolgate_app;
grant select (email) on users to toolgate_app;
grant select (id) on users to toolgate_app;

CREATE OR REPLACE FUNCTION public.counter_key(name text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
AS $function$
  select encode(sha256(convert_to(name, 'UTF8')), 'hex')
$function$;
grant execute on function counter_key(text) to public;

CREATE OR REPLACE FUNCTION public.drop_oldest_partition(of_table text, kept_from date)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO '$user', 'public'
AS $function$
declare
  child record;
  unread boolean;
begin
  if of_table not in ('log_records', 'audit_records', 'recorded_ids') then
    raise exception 'retention drops no partition of this table';
  end if;
  perform pg_advisory_xact_lock(7203917002);
  for child in
    select c.relname as name, p.relname as parent, to_date(right(c.relname, 8), 'YYYYMMDD') as day
    from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_class p on p.oid = i.inhparent
    where i.inhparent in (of_table::regclass, case of_table when 'recorded_ids' then 'log_records'::regclass end) and c.relname ~ '_[0-9]{8}$' and c.relkind = 'r'
    order by p.relname, c.relname
  loop
    continue when child.day >= kept_from;
    if child.parent = 'log_records' then
      execute format('select exists (select from log_heads h left join log_offsets o on o.reader = ''audit'' and o.topic = h.topic and o.part = h.part
        where (select max(r.off) from %I r where r.topic = h.topic and r.part = h.part) >= coalesce(o.next, 0))', child.name) into unread;
      if unread then
        kept_from := child.day - case of_table when 'recorded_ids' then 1 else 0 end;
        continue;
      end if;
    end if;
    continue when child.parent <> of_table;
    execute format('drop table %I', child.name);
    return child.name;
  end loop;
  return null;
end $function$;
grant execute on function drop_oldest_partition(text,date) to toolgate_worker;

CREATE OR REPLACE FUNCTION public.ensure_partitions(ahead integer)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO '$user', 'public'
AS $function$
declare
  parent text;
  moment text;
  day date;
  child text;
  zone text;
begin
  perform pg_advisory_xact_lock(7203917002);
  foreach parent in array array['log_records', 'audit_records', 'recorded_ids'] loop
    moment := case parent when 'log_records' then 'at' when 'audit_records' then 'recorded_at' else 'day' end;
    zone := case parent when 'recorded_ids' then '' else ' 00:00:00+00' end;
    for day in execute format(
      'select ((now() at time zone ''UTC'')::date + n)::date from generate_series(0, $1) n union select %s from %I',
      case parent when 'recorded_ids' then moment else format('(%I at time zone ''UTC'')::date', moment) end, parent || '_default') using ahead
    loop
      child := format('%s_%s', parent, to_char(day, 'YYYYMMDD'));
      continue when to_regclass(child) is not null;
      execute format('lock table %I in access exclusive mode', parent || '_default');
      execute format('create table %I (like %I including defaults)', child, parent);
      execute format('with moved as (delete from %I where %I >= %L and %I < %L returning *) insert into %I select * from moved',
        parent || '_default', moment, day::text || zone, moment, (day + 1)::text || zone, child);
      execute format('alter table %I attach partition %I for values from (%L) to (%L)', parent, child, day::text || zone, (day + 1)::text || zone);
    end loop;
  end loop;
end $function$;
grant execute on function ensure_partitions(integer) to toolgate_worker;

CREATE OR REPLACE FUNCTION public.erase_from_events(of_organization text, of_user text, address text, word text)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO '$user', 'public'
AS $function$
  update events set event = replace(event::text, to_json(address)::text, to_json(word)::text)::json
    where organization_id = of_organization and strpos(event::text, to_json(address)::text) > 0
      and (event->'actor'->>'id' = of_user or event->>'userId' = of_user or event->>'email' = address
        or type in ('notifications.changed', 'approvalNotifications.changed'))
      and not exists (select from members m where m.organization_id = of_organization and m.user_id = of_user and not m.removed);
$function$;
grant execute on function erase_from_events(text,text,text,text) to toolgate_worker;

CREATE OR REPLACE FUNCTION public.keep_ended_grant_token()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  insert into ended_grant_tokens(token_hash, organization_id, grant_id) values (old.token_hash, old.organization_id, old.grant_id) on conflict do nothing;
  delete from ended_grant_tokens where organization_id = old.organization_id and grant_id = old.grant_id and token_hash in (
    select token_hash from ended_grant_tokens where organization_id = old.organization_id and grant_id = old.grant_id
    order by ended_at desc, token_hash offset 10);
  return null;
end $function$;
grant execute on function keep_ended_grant_token() to public;

CREATE OR REPLACE FUNCTION public.purge_organization(of_organization text, after_days integer)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO '$user', 'public'
AS $function$
declare
  owned text;
  pass integer;
  again boolean;
begin
  perform 1 from organizations o left join event_heads h on h.organization_id = o.id left join relay_positions r on r.organization_id = o.id
    where o.id = of_organization and o.deleted_at < now() - make_interval(days => after_days) and coalesce(r.position, 0) >= coalesce(h.position, 0)
    for update of o;
  if not found then
    return false;
  end if;
  delete from audit_records where organization_id = of_organization
    and seq < (select min(seq) + 20000 from audit_records where organization_id = of_organization);
  if found then
    return null;
  end if;
  delete from events where organization_id = of_organization
    and position < (select min(position) + 20000 from events where organization_id = of_organization);
  if found then
    return null;
  end if;
  -- What others refer to goes in a later pass.
  for pass in 1..10 loop
    again := false;
    for owned in
      select c.relname from pg_class c where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
        and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'organization_id' and not a.attisdropped)
      order by c.relname desc
    loop
      begin
        execute format('delete from %I where organization_id = $1', owned) using of_organization;
      exception when foreign_key_violation then
        again := true;
      end;
    end loop;
    exit when not again;
  end loop;
  if again then
    raise exception 'rows of a deleted organization refer to each other in a circle';
  end if;
  delete from organizations where id = of_organization;
  return true;
end $function$;
grant execute on function purge_organization(text,integer) to toolgate_worker;

CREATE OR REPLACE FUNCTION public.release_counters(p_keys text[], p_amounts numeric[], p_at timestamp with time zone)
 RETURNS void
 LANGUAGE sql
AS $function$
  with locked as (select c.key from limit_counters c where c.key = any (p_keys) order by c.key for update)
  update limit_counters c set used = greatest(0, c.used - u.a)
    from unnest(p_keys, p_amounts) u(k, a), locked l where c.key = u.k and l.key = u.k and c.window_start <= p_at
$function$;
grant execute on function release_counters(text[],numeric[],timestamp with time zone) to public;

CREATE OR REPLACE FUNCTION public.release_limits(p_keys text[], p_amounts numeric[], p_at timestamp with time zone)
 RETURNS void
 LANGUAGE sql
AS $function$
  select release_counters(array(select counter_key(u.name) from unnest(p_keys) with ordinality u(name, place) order by u.place), p_amounts, p_at)
$function$;
grant execute on function release_limits(text[],numeric[],timestamp with time zone) to public;

CREATE OR REPLACE FUNCTION public.reserve_counters(p_keys text[], p_organizations text[], p_windows text[], e_call integer[], e_key integer[], e_amount numeric[], e_max numeric[], e_adds boolean[])
 RETURNS TABLE(call integer, refused integer, retry_after integer, at timestamp with time zone)
 LANGUAGE plpgsql
AS $function$
#variable_conflict use_variable
declare
  starts timestamptz[];
  used numeric[];
  touched boolean[] := array_fill(false, array[cardinality(p_keys)]);
  found_keys integer;
  entries integer := cardinality(e_call);
  i integer := 1;
  first integer;
  k integer;
  w timestamptz;
  never boolean;
begin
  loop
    insert into limit_counters (key, organization_id, win, window_start, used)
      select u.k, u.o, u.w, '-infinity', 0 from unnest(p_keys, p_organizations, p_windows) u(k, o, w)
      where not exists (select 1 from limit_counters c where c.key = u.k) order by u.k collate "C"
      on conflict do nothing;
    select array_agg(l.window_start order by u.ord), array_agg(l.used order by u.ord), count(*) into starts, used, found_keys
      from (select c.key, c.window_start, c.used from limit_counters c where c.key = any (p_keys) order by c.key for update) l
      join unnest(p_keys) with ordinality u(k, ord) on u.k = l.key;
    exit when found_keys = cardinality(p_keys);
  end loop;
  at := clock_timestamp();
  for k in 1 .. cardinality(p_keys) loop
    w := window_start(p_windows[k], at);
    if w > starts[k] then
      starts[k] := w;
      used[k] := 0;
    end if;
  end loop;
  while i <= entries loop
    call := e_call[i];
    first := i;
    refused := null;
    retry_after := null;
    never := false;
    while i <= entries and e_call[i] = call loop
      k := e_key[i];
      if e_max[i] is not null and used[k] + e_amount[i] > e_max[i] then
        refused := coalesce(refused, i);
        never := never or e_amount[i] > e_max[i];
        retry_after := greatest(1, retry_after, ceil(extract(epoch from window_end(p_windows[k], starts[k]) - at))::integer);
      end if;
      i := i + 1;
    end loop;
    if never then
      retry_after := null;
    end if;
    if refused is null then
      for j in first .. i - 1 loop
        if e_adds[j] then
          used[e_key[j]] := used[e_key[j]] + e_amount[j];
          touched[e_key[j]] := true;
        end if;
      end loop;
    end if;
    return next;
  end loop;
  update limit_counters c set window_start = u.s, used = u.v
    from unnest(p_keys, starts, used, touched) u(k, s, v, t) where c.key = u.k and u.t;
end $function$;
grant execute on function reserve_counters(text[],text[],text[],integer[],integer[],numeric[],numeric[],boolean[]) to public;

CREATE OR REPLACE FUNCTION public.reserve_limits(p_keys text[], p_organizations text[], p_windows text[], e_call integer[], e_key integer[], e_amount numeric[], e_max numeric[], e_adds boolean[])
 RETURNS TABLE(call integer, refused integer, retry_after integer, at timestamp with time zone)
 LANGUAGE plpgsql
AS $function$
begin
  return query select r.call, r.refused, r.retry_after, r.at
    from reserve_counters(array(select counter_key(u.name) from unnest(p_keys) with ordinality u(name, place) order by u.place), p_organizations, p_windows, e_call, e_key, e_amount, e_max, e_adds) r;
end $function$;
grant execute on function reserve_limits(text[],text[],text[],integer[],integer[],numeric[],numeric[],boolean[]) to public;

CREATE OR REPLACE FUNCTION public.window_end(win text, start timestamp with time zone)
 RETURNS timestamp with time zone
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
  select case when win in ('second', 'minute', 'hour', 'day', 'month') then ((start at time zone 'UTC') + ('1 ' || win)::interval) at time zone 'UTC'
    else start + make_interval(secs => win::integer) end
$function$;
grant execute on function window_end(text,timestamp with time zone) to public;

CREATE OR REPLACE FUNCTION public.window_start(win text, at timestamp with time zone)
 RETURNS timestamp with time zone
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
  select case when win in ('second', 'minute', 'hour', 'day', 'month') then date_trunc(win, at, 'UTC')
    else to_timestamp(floor(extract(epoch from at) / win::integer) * win::integer) end
$function$;
grant execute on function window_start(text,timestamp with time zone) to public;
