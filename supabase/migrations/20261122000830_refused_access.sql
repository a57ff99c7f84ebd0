-- How often access was refused, without who asked for what: counters in steps of ten minutes, which detection reads.
set role octroi_owner;

create table octroi_private.refused_access (
  bucket_at timestamptz not null,
  reason text not null check (reason in (
    'unknown_key', 'revoked_key', 'expired_key', 'bad_token', 'suspended', 'not_a_member', 'missed_id'
  )),
  -- all zeros: of nobody we know
  account_id uuid not null,
  api_key_id uuid not null,
  refusals octroi_private.quantity not null,
  -- of these, ids that are somebody else's
  foreign_ids octroi_private.quantity not null default 0,
  primary key (bucket_at, reason, account_id, api_key_id)
) with (fillfactor = 70);
comment on table octroi_private.refused_access is 'How often access was refused, by ten minutes, reason, account and key. Kept for a week.';

create function octroi_private.count_refusals(
  p_reasons text [], p_account_ids uuid [], p_api_key_ids uuid [], p_counts bigint []
)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if cardinality(p_reasons) > 10000 then
    raise exception 'over 10000 counters at once' using errcode = '54000';
  end if;
  insert into octroi_private.refused_access as r (bucket_at, reason, account_id, api_key_id, refusals)
  select date_bin('10 minutes', octroi_private.now(), 'epoch'), c.reason, coalesce(c.account_id, z.nobody),
    coalesce(c.api_key_id, z.nobody), sum(c.refusals)
  from unnest(p_reasons, p_account_ids, p_api_key_ids, p_counts) as c (reason, account_id, api_key_id, refusals)
  cross join (select '00000000-0000-0000-0000-000000000000'::uuid as nobody) as z
  group by 2, 3, 4
  -- in one order, so that workers never wait for each other in a circle
  order by 2, 3, 4
  on conflict (bucket_at, reason, account_id, api_key_id)
  do update set refusals = least(r.refusals + excluded.refusals, 1000000000000000);
  -- of somebody we know: what whoever helps them reads
  perform octroi_private.count_refused_calls(jsonb_agg(jsonb_build_object(
    'account_id', c.account_id, 'api_key_id', c.api_key_id, 'code', c.reason, 'refusals', c.refusals,
    'status', case when c.reason in ('revoked_key', 'expired_key') then 401 else 403 end
  )))
  from unnest(p_reasons, p_account_ids, p_api_key_ids, p_counts) as c (reason, account_id, api_key_id, refusals)
  where c.account_id is not null
  having count(*) > 0;
end
$$;
comment on function octroi_private.count_refusals(text [], uuid [], uuid [], bigint []) is
'Adds what a gateway has refused since it last told. Raises 54000 over 10,000 counters, 23514 for a reason that is none.';

-- Called by a look-up that found nothing of the caller's. A missing and a foreign id cost the same and answer the same.
create function octroi_private.note_missed_id(p_is_foreign boolean)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  -- a GET of the Data API reads only
  if current_setting('transaction_read_only') = 'on' then
    return;
  end if;
  insert into octroi_private.refused_access as r (
    bucket_at, reason, account_id, api_key_id, refusals, foreign_ids
  )
  select date_bin('10 minutes', octroi_private.now(), 'epoch'), 'missed_id', a.id,
    '00000000-0000-0000-0000-000000000000', 1, p_is_foreign::integer
  from octroi_private.account as a
  where a.owner_user_id = (select auth.uid()) and a.kind = 'personal'
  on conflict (bucket_at, reason, account_id, api_key_id)
  do update set refusals = least(r.refusals + 1, 1000000000000000),
    foreign_ids = least(r.foreign_ids + excluded.foreign_ids, 1000000000000000);
end
$$;

reset role;
