-- One row per counter: (organization, scope, whom, window, counter) joined in `key`. A row whose window has passed counts from 0 again.
create table limit_counters (
  key text collate "C" primary key,
  organization_id text not null,
  win text not null,
  window_start timestamptz not null,
  used numeric not null
) with (fillfactor = 50);
create index limit_counters_organization on limit_counters (organization_id);
alter table limit_counters enable row level security;
alter table limit_counters force row level security;
create policy own on limit_counters to toolgate_app using (organization_id = current_setting('toolgate.organization', true));
create policy worker on limit_counters to toolgate_worker using (true) with check (true);
grant select on limit_counters to toolgate_app;
grant select, insert, update, delete on limit_counters to toolgate_worker;

-- Named windows are aligned to UTC, whole seconds to the epoch.
create function window_start(win text, at timestamptz) returns timestamptz language sql immutable parallel safe as $$
  select case when win in ('second', 'minute', 'hour', 'day', 'month') then date_trunc(win, at, 'UTC')
    else to_timestamp(floor(extract(epoch from at) / win::integer) * win::integer) end
$$;

create function window_end(win text, start timestamptz) returns timestamptz language sql immutable parallel safe as $$
  select case when win in ('second', 'minute', 'hour', 'day', 'month') then ((start at time zone 'UTC') + ('1 ' || win)::interval) at time zone 'UTC'
    else start + make_interval(secs => win::integer) end
$$;

-- Reserves the limits of many calls in one statement, exactly: counters are locked in key order, calls are taken in the order given, and each call
-- reserves all of its entries or none. Entry i belongs to call e_call[i] (rising, from 1) and counter p_keys[e_key[i]]; it refuses when used + amount > max
-- (max null: counts without a cap); of a call's entries on one counter only one adds (e_adds). One row per call: `refused` is the entry that refused,
-- `retry_after` whole seconds to the next window, null when the amount alone is over max; `at` identifies the reservation for release_limits.
create function reserve_limits(p_keys text[], p_organizations text[], p_windows text[], e_call integer[], e_key integer[], e_amount numeric[], e_max numeric[], e_adds boolean[])
returns table (call integer, refused integer, retry_after integer, at timestamptz) language plpgsql as $$
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
    while i <= entries and e_call[i] = call loop
      k := e_key[i];
      if refused is null and e_max[i] is not null and used[k] + e_amount[i] > e_max[i] then
        refused := i;
        if e_amount[i] <= e_max[i] then
          retry_after := greatest(1, ceil(extract(epoch from window_end(p_windows[k], starts[k]) - at)))::integer;
        end if;
      end if;
      i := i + 1;
    end loop;
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
end $$;

-- Gives back what was reserved at p_at, where the window of that moment still counts.
create function release_limits(p_keys text[], p_amounts numeric[], p_at timestamptz) returns void language sql as $$
  with locked as (select c.key from limit_counters c where c.key = any (p_keys) order by c.key for update)
  update limit_counters c set used = greatest(0, c.used - u.a)
    from unnest(p_keys, p_amounts) u(k, a), locked l where c.key = u.k and l.key = u.k and c.window_start <= p_at
$$;
