-- How much each key is used, by day and model, so that unusual use of one shows beside usual use of the others. Counted
-- from the ledger by the sweep, behind the calls, which pay nothing for it.
set role octroi_owner;

create table octroi_private.key_use (
  account_id uuid not null,
  -- all zeros: by somebody signed in, or by the operator's own backend
  api_key_id uuid not null,
  day date not null,
  model text not null,
  requests octroi_private.quantity not null,
  primary key (account_id, api_key_id, day, model)
) with (fillfactor = 70);
comment on table octroi_private.key_use is 'Settled calls by key, UTC day and model: what is usual for a key. Kept for 90 days.';
create index key_use_day on octroi_private.key_use (day);

create table octroi_private.key_use_cursor (
  account_id uuid primary key,
  counted_until timestamptz not null
);
comment on table octroi_private.key_use_cursor is 'Until when an account''s calls are counted in key_use.';

-- Counts what came since the last time. The lag is for calls that are still streaming; one that takes longer is missed,
-- as is what an account did more than a day ago.
create function octroi_private.count_key_use(p_account_ids uuid [])
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_until timestamptz := octroi_private.now() - interval '10 minutes';
begin
  insert into octroi_private.key_use as k (account_id, api_key_id, day, model, requests)
  select a.id, u.api_key_id, u.day, u.model, u.requests
  from unnest(p_account_ids) as a (id)
  left join octroi_private.key_use_cursor as c on c.account_id = a.id
  cross join lateral (
    select
      coalesce(e.api_key_id, '00000000-0000-0000-0000-000000000000') as api_key_id,
      (e.occurred_at at time zone 'utc')::date as day, e.model, count(*) as requests
    from octroi_private.usage_event as e
    where e.account_id = a.id and e.occurred_at > greatest(c.counted_until, v_until - interval '1 day')
      and e.occurred_at <= v_until
    group by 1, 2, 3
  ) as u
  order by 1, 2, 3, 4
  on conflict (account_id, api_key_id, day, model) do update set requests = k.requests + excluded.requests;
  insert into octroi_private.key_use_cursor as c (account_id, counted_until)
  select a.id, v_until from unnest(p_account_ids) as a (id)
  order by 1
  on conflict (account_id) do update set counted_until = greatest(c.counted_until, excluded.counted_until);
end
$$;

create function octroi_private.prune_key_use(p_max_rows integer)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_since timestamptz := octroi_private.now() - interval '90 days';
begin
  delete from octroi_private.key_use as k where (k.account_id, k.api_key_id, k.day, k.model) in (
    select o.account_id, o.api_key_id, o.day, o.model
    from octroi_private.key_use as o
    where o.day < (v_since at time zone 'utc')::date
    limit p_max_rows
  );
end
$$;

reset role;
