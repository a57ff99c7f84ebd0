-- What a worker needs of the queue for room beside reserve and release.
set role octroi_owner;

-- Says that these calls still wait. A ticket that was not renewed in time is gone, and its call takes another one.
create function octroi_private.renew_tickets(p_request_ids uuid [])
returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_renewed bigint;
begin
  if cardinality(p_request_ids) > 10000 then
    raise exception 'tickets of at most 10000 calls are renewed at once' using errcode = '22023';
  end if;
  update octroi_private.waiting_call as w
  set waits_until = octroi_private.now() + octroi_private.ticket_time()
  from (
    select t.account_id, t.ticket
    from octroi_private.waiting_call as t
    where t.request_id = any(p_request_ids)
    -- in the order in which reserve takes them, and past one that is being served this moment
    order by t.account_id, t.ticket
    for no key update skip locked
  ) as kept
  where w.account_id = kept.account_id and w.ticket = kept.ticket;
  get diagnostics v_renewed = row_count;
  return v_renewed;
end
$$;
comment on function octroi_private.renew_tickets(uuid []) is
'Keeps the places of calls that wait for room; how many of them still have one. Raises 22023 for more than 10,000.';

-- How many open calls hold something of a limit that held a call back: for its refusal, so for those only that waited
-- in vain. Open calls of all accounts are looked through: there are never more than workers can have under way.
create function octroi_private.calls_holding(
  p_account_id uuid, p_api_key_id uuid, p_user_id uuid, p_model text, p_scope text, p_meter text, p_period text
)
returns bigint
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select count(*)
  from octroi_private.request as r
  where r.state = 'open' and r.account_id = p_account_id and r.balance_ids && array(
    select b.id
    from octroi_private.balance as b
    where b.account_id = p_account_id and b.resets_at > octroi_private.now()
      and b.period_start <= octroi_private.now() and b.scope = p_scope and b.meter = p_meter and b.period = p_period
      and b.subject = case p_scope
        when 'account' then '' when 'member' then p_user_id::text
        when 'api_key' then p_api_key_id::text
        -- a limit of the model binds calls by its other names too
        when 'model' then case b.subject when p_model then p_model else octroi_private.canonical_model(p_model) end
      end
  )
$$;

reset role;
