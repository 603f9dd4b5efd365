-- A counter's key is the SHA-256 of its name (src/platform/crypto/counter-key.ts): an index takes no key over a third of a page, and one name that was longer failed
-- every call of its batch. What is used stays used: the keys of counters whose window still runs are replaced by their hashes; a counter whose window is
-- over counts from 0 anyway.
create function counter_key(name text) returns text language sql immutable strict parallel safe as $$
  select encode(sha256(convert_to(name, 'UTF8')), 'hex')
$$;

-- The policies of row-level security name roles that the owner may not have.
alter table limit_counters no force row level security;
delete from limit_counters where window_end(win, window_start) <= clock_timestamp();
update limit_counters set key = counter_key(key);
alter table limit_counters force row level security;

-- The functions that take keys are those that took names, under new names. Gateways of the release before go on calling the old ones with names until
-- they are replaced, and must find the same counters: the old functions now hash and call the new ones.
do $$
begin
  execute replace(pg_get_functiondef('reserve_limits'::regproc), '.reserve_limits(', '.reserve_counters(');
  execute replace(pg_get_functiondef('release_limits'::regproc), '.release_limits(', '.release_counters(');
end $$;

create or replace function reserve_limits(p_keys text[], p_organizations text[], p_windows text[], e_call integer[], e_key integer[], e_amount numeric[], e_max numeric[], e_adds boolean[])
returns table (call integer, refused integer, retry_after integer, at timestamptz) language plpgsql as $$
begin
  return query select r.call, r.refused, r.retry_after, r.at
    from reserve_counters(array(select counter_key(u.name) from unnest(p_keys) with ordinality u(name, place) order by u.place), p_organizations, p_windows, e_call, e_key, e_amount, e_max, e_adds) r;
end $$;

create or replace function release_limits(p_keys text[], p_amounts numeric[], p_at timestamptz) returns void language sql as $$
  select release_counters(array(select counter_key(u.name) from unnest(p_keys) with ordinality u(name, place) order by u.place), p_amounts, p_at)
$$;
