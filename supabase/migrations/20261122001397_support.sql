-- "Why am I refused?": what whoever helps a customer may ask. Each answer is about one account or one person, is
-- entered in the audit log for them to see, and shows no address, no name and no text of theirs.
set role octroi_owner;

create index api_key_prefix on octroi_private.api_key (key_prefix);

create function octroi_private.key_state(p_key octroi_private.api_key)
returns text
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select case
    when p_key.revoked_at is not null then 'revoked'
    when p_key.expires_at <= octroi_private.now() then 'expired'
    else 'active'
  end
$$;

-- The accounts of a person, and what may stand in the way of all their calls.
create function octroi_private.support_accounts(p_user_id uuid)
returns table (
  account_id uuid, kind text, role text, account_status text, is_banned boolean, plan text, granted_until timestamptz,
  stripe_status text, past_due_minor bigint, currency text
)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform octroi_private.note_admin_read(
    'support.accounts', 'account', octroi_private.pseudonym_of(p_user_id)::text, '{}'
  );
  return query
  select a.id, a.kind, m.role, a.status, octroi_private.is_banned(p_user_id), v.plan_code,
    nullif(s.granted_until, 'infinity'), t.status, due.minor, due.currency
  from octroi_private.member as m
  join octroi_private.account as a on a.id = m.account_id
  left join octroi_private.subscription as s on s.account_id = a.id and s.ended_at is null
  left join octroi_private.plan_version as v on v.id = s.plan_version_id
  left join octroi_private.stripe_subscription as t on t.id = s.stripe_subscription_id
  left join octroi_private.stripe_customer as c on c.account_id = a.id and not c.is_deleted
  left join lateral (
    select sum(i.amount_due_minor - i.amount_paid_minor)::bigint as minor, min(i.currency) as currency
    from octroi_private.stripe_invoice as i
    where i.customer_id = c.id and i.status = 'open' and i.attempt_count > 0
  ) as due on true
  where m.user_id = p_user_id
  order by (a.kind = 'personal') desc, a.id;
end
$$;
comment on function octroi_private.support_accounts(uuid) is
'The accounts that a person may act for, each with its plan and with what may refuse every call: suspension, a ban, an unpaid invoice. The person sees that it was read. Raises OC040, 25006.';

-- Whose a key is, from the first characters that its holder may show.
create function octroi_private.support_find_key(p_key_prefix text)
returns table (account_id uuid, user_id uuid, api_key_id uuid, key_prefix text, state text)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_found uuid [] := array(
    select k.id from octroi_private.api_key as k where k.key_prefix = p_key_prefix order by k.id limit 100
  );
begin
  perform octroi_private.note_admin_read(
    'support.find_key', 'api_key', f.id::text, jsonb_build_object('found', cardinality(v_found)), k.account_id
  )
  from (select 1 as n) as once
  left join unnest(v_found) as f (id) on true
  left join octroi_private.api_key as k on k.id = f.id;
  return query
  select k.account_id, k.user_id, k.id, k.key_prefix, octroi_private.key_state(k)
  from octroi_private.api_key as k
  where k.id = any(v_found)
  order by k.id;
end
$$;
comment on function octroi_private.support_find_key(text) is
'Whose keys begin so, at most 100: key_prefix is what octroi.api_keys shows of a key. Those who administer its account see that it was searched for. Raises OC040, 25006.';

create function octroi_private.support_keys(p_account_id uuid)
returns table (
  key_prefix text, state text, user_id uuid, created_at timestamptz, expires_at timestamptz, revoked_at timestamptz,
  last_used_on date, allowed_models text [], allowed_endpoints text [], api_key_id uuid
)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform octroi_private.note_admin_read('support.keys', 'api_key', p_account_id::text, '{}', p_account_id);
  return query
  select k.key_prefix, octroi_private.key_state(k), k.user_id, k.created_at, k.expires_at, k.revoked_at,
    u.last_used_on, k.allowed_models, k.allowed_endpoints, k.id
  from octroi_private.api_key as k
  left join octroi_private.api_key_use as u on u.api_key_id = k.id
  where k.account_id = p_account_id
  order by k.id desc
  limit 1000;
end
$$;
comment on function octroi_private.support_keys(uuid) is
'An account''s keys by their first characters, newest first, at most 1,000: whether each may be used, when it last was, and on what. Raises OC040, 25006.';

create function octroi_private.support_quota(p_account_id uuid)
returns table (
  scope text, subject text, meter text, period text, plan text, granted bigint, used bigint, held bigint,
  remaining bigint, period_start timestamptz, resets_at timestamptz
)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform octroi_private.note_admin_read('support.quota', 'balance', p_account_id::text, '{}', p_account_id);
  return query
  select q.scope, q.subject, q.meter, q.period, q.plan, q.granted, q.used, q.reserved, q.remaining, q.period_start,
    q.resets_at
  from octroi_private.quota_of(p_account_id, null, true) as q;
end
$$;
comment on function octroi_private.support_quota(uuid) is
'Every limit of an account, its members, keys and models, now: granted, used, held by calls under way, left, and when it resets (null: never). subject is the user, the key or the model. Raises OC040, 25006.';

create function octroi_private.support_refusals(p_account_id uuid, p_max_rows integer default 50)
returns table (
  last_refused_at timestamptz, code text, status smallint, refusals bigint, day date, key_prefix text, endpoint text,
  model text, scope text, meter text, period text, granted bigint, used bigint, held bigint
)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform octroi_private.note_admin_read('support.refusals', 'refused_call', p_account_id::text, '{}', p_account_id);
  return query
  select r.last_refused_at, r.code, r.status, r.refusals::bigint, r.day, k.key_prefix, r.endpoint, r.model,
    r.scope::text, r.meter::text, r.period::text, r.granted::bigint, r.used::bigint, r.held::bigint
  from octroi_private.refused_call as r
  left join octroi_private.api_key as k on k.id = r.api_key_id
  where r.account_id = p_account_id
  order by r.day desc, r.last_refused_at desc, r.code
  limit octroi_private.page_rows(p_max_rows, 1000);
end
$$;
comment on function octroi_private.support_refusals(uuid, integer) is
'Why an account''s calls were refused, newest first, by UTC day and code: how often, and the last one''s key, model and limit as it stood. Gateways tell within ten seconds. Raises OC040, 25006.';

create function octroi_private.support_invoices(p_account_id uuid, p_max_rows integer default 50)
returns table (
  id text, status text, total_minor bigint, amount_paid_minor bigint, amount_due_minor bigint, currency text,
  created_at timestamptz, period_start timestamptz, period_end timestamptz, paid_at timestamptz, attempts integer,
  next_attempt_at timestamptz
)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform octroi_private.note_admin_read('support.invoices', 'stripe_invoice', p_account_id::text, '{}', p_account_id);
  return query
  select i.id::text, i.status, i.total_minor, i.amount_paid_minor, i.amount_due_minor, i.currency, i.created_at,
    i.period_start, i.period_end, i.paid_at, i.attempt_count, i.next_attempt_at
  from octroi_private.stripe_customer as c
  join octroi_private.stripe_invoice as i on i.customer_id = c.id
  where c.account_id = p_account_id
  order by i.created_at desc, i.id
  limit octroi_private.page_rows(p_max_rows, 1000);
end
$$;
comment on function octroi_private.support_invoices(uuid, integer) is
'An account''s invoices, newest first, drafts included: what of each is paid, how often that was tried and when it is again. Raises OC040, 25006.';

-- The verdict of this moment, by the rules that decide: what refuses every call first, then the limit with least left.
create function octroi_private.support_verdict(
  p_account_id uuid, p_user_id uuid, p_model text, p_api_key_id uuid default null
)
returns table (
  reason text, scope text, subject text, meter text, period text, granted bigint, used bigint, held bigint,
  remaining bigint, resets_at timestamptz
)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_reason text;
begin
  perform octroi_private.note_admin_read(
    'support.verdict', 'account', octroi_private.pseudonym_of(p_user_id)::text,
    jsonb_build_object('model', left(p_model, 100)), p_account_id
  );
  v_reason := octroi_private.why_refused(p_account_id, p_api_key_id, p_user_id, p_model);
  if v_reason is not null then
    return query select v_reason, null::text, null::text, null::text, null::text, null::bigint, null::bigint,
      null::bigint, null::bigint, null::timestamptz;
    return;
  end if;
  return query
  select
    case
      when q.used >= q.granted then octroi_private.limit_reason(q.scope, q.meter)
      -- a hold is not a use: it is free again when the calls under way have ended
      when q.remaining <= 0 then 'quota_held'
    end,
    q.scope, q.subject, q.meter, q.period, q.granted, q.used, q.reserved, q.remaining, q.resets_at
  from octroi_private.quota_of(p_account_id, p_user_id) as q
  where q.scope in ('account', 'member')
    or (q.scope = 'model' and q.subject in (p_model, octroi_private.canonical_model(p_model)))
    or (q.scope = 'api_key' and q.subject = p_api_key_id::text)
  order by (q.remaining <= 0) desc, q.remaining::numeric / greatest(q.granted, 1)
  limit 1;
end
$$;
comment on function octroi_private.support_verdict(uuid, uuid, text, uuid) is
'What a call of this user on this account for this model would be told now: the reason it is refused for, or null and the limit of which the least is left. Raises OC040, 25006.';

reset role;
