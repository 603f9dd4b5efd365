-- The same as before, but for `retry_after`: of all entries of a call that refuse, the seconds to the last window that opens, as the call is refused until then; null
-- when an amount alone is over its max. `refused` stays the first entry that refuses.
CREATE OR REPLACE FUNCTION reserve_counters(p_keys text[], p_organizations text[], p_windows text[], e_call integer[], e_key integer[], e_amount numeric[], e_max numeric[], e_adds boolean[])
 RETURNS TABLE(call integer, refused integer, retry_after integer, at timestamp with time zone)
 LANGUAGE plpgsql
AS $$
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
end $$;
