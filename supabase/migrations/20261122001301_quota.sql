-- What binds a caller, and what a call would be told.
set role octroi_owner;

-- Whether what is used beyond plan and grants costs the account money. A plan that the operator gave is billed to
-- nobody.
create function octroi_private.is_overage_charged(p_account_id uuid, p_meter text)
returns boolean
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from octroi_private.subscription as s
    join octroi_private.plan_overage as o on o.plan_version_id = s.plan_version_id and o.meter = p_meter
    where s.account_id = p_account_id and s.ended_at is null and s.stripe_subscription_id is not null
  )
$$;

-- Every limit that binds the caller now, opened or not; with p_of_everybody those of all members and keys as well.
create function octroi_private.quota_of(p_account_id uuid, p_user_id uuid, p_of_everybody boolean default false)
returns table (
  account_id uuid, scope text, subject text, meter text, period text, granted bigint, used bigint, reserved bigint,
  remaining bigint, period_start timestamptz, resets_at timestamptz, plan text, included bigint, from_grants bigint,
  overage bigint, charged_above bigint, ceiling bigint, set_by text
)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    l.account_id, l.scope, l.subject, l.meter, l.period,
    granted.amount, taken.used, coalesce(b.reserved, 0),
    granted.amount - taken.used - coalesce(b.reserved, 0), p.period_start,
    nullif(p.resets_at, 'infinity'),
    (
      select v.plan_code from octroi_private.subscription as s
      join octroi_private.plan_version as v on v.id = s.plan_version_id
      where s.account_id = l.account_id and s.ended_at is null
    ), part.included, part.from_grants, beyond.overage,
    case when beyond.overage > 0 and l.scope = 'account' and l.period = 'month'
      and octroi_private.is_overage_charged(l.account_id, l.meter) then part.included + part.from_grants end,
    l.ceiling, case when l.ceiling <= capped.allowed + beyond.overage then l.ceiling_by else 'plan' end
  from octroi_private.limit_in_force as l
  cross join lateral octroi_private.period_bounds(
    l.period, octroi_private.anchor_of(l.account_id), octroi_private.now()
  ) as p
  left join octroi_private.balance as b
    on b.account_id = l.account_id and b.resets_at = p.resets_at and b.scope = l.scope
    and b.subject = l.subject and b.meter = l.meter and b.period = l.period
  cross join lateral (
    select coalesce(b.used, octroi_private.used_of_cut_month(
      l.account_id, l.scope, l.subject, l.meter, l.period, p.period_start
    ), 0)::bigint as used
  ) as taken
  -- as opening would allow it now, whatever the balance was opened with
  cross join lateral (
    select
      greatest(
        l.included - octroi_private.debt_of(l.account_id, l.scope, l.meter, l.period, p.period_start), 0
      )::bigint as included,
      (
        coalesce(b.from_grants, 0)
        + octroi_private.granted_on_top(l.account_id, l.scope, l.meter, l.period, octroi_private.now())
      )::bigint as from_grants,
      b.from_overage
  ) as part
  cross join lateral octroi_private.under_ceiling(part.included + part.from_grants, l.overage, l.ceiling) as capped
  cross join lateral (
    select greatest(capped.overage, coalesce(part.from_overage, 0))::bigint as overage
  ) as beyond
  cross join lateral (
    select greatest(capped.allowed + beyond.overage, taken.used + coalesce(b.reserved, 0))::bigint as amount
  ) as granted
  where l.account_id = p_account_id
    and (
      p_of_everybody or l.scope in ('account', 'model')
      or (l.scope = 'member' and l.subject = p_user_id::text)
      or (l.scope = 'api_key' and exists (
        select from octroi_private.api_key as k
        where k.id::text = l.subject and k.user_id = p_user_id and k.revoked_at is null
      ))
    )
  order by array_position(array['account', 'member', 'api_key', 'model'], l.scope), l.subject, l.meter, l.period
$$;

create function octroi.my_quota()
returns table (
  scope text, subject text, meter text, period text, granted bigint, used bigint, reserved bigint, remaining bigint,
  period_start timestamptz, resets_at timestamptz, plan text, included bigint, from_grants bigint, overage bigint,
  charged_above bigint, set_by text
)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select q.scope, q.subject, q.meter, q.period, q.granted, q.used, q.reserved, q.remaining, q.period_start,
    q.resets_at, q.plan, q.included, q.from_grants, q.overage, q.charged_above, q.set_by
  from octroi_private.quota_of(octroi_private.my_account(), (select auth.uid())) as q
$$;
comment on function octroi.my_quota() is
'One row per limit that binds the caller: what is granted, used, held and left of it, and when it resets (null: never). included is the plan''s own, from_grants what packs, gifts and earlier months add, overage what may be used beyond both; use above charged_above costs money (null: none does). set_by is whose limit it is: of the plan, a budget of the account, or the operator.';

-- What a call of so many tokens would be told, by the rule that decides it, against balances as they stand.
create function octroi_private.forecast(p_balances octroi_private.balance [], p_price_id bigint, p_tokens bigint)
returns table (
  allowed boolean, reason text, scope text, meter text, granted bigint, used bigint, reserved bigint, remaining bigint,
  resets_at timestamptz, retry_after_seconds bigint, charged bigint
)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_price octroi_private.model_price;
  v_unit octroi_private.unit_prices;
  v_given octroi_private.allotment;
  v_tightest octroi_private.balance;
begin
  select p.* into v_price from octroi_private.model_price as p where p.id = p_price_id;
  v_unit := octroi_private.unit_prices_of(v_price, p_tokens);
  v_given := octroi_private.allot_next(
    null, p_balances, p_tokens, 0, 0, 0, 0, 1, v_unit.top_input, v_unit.top_output
  );
  v_tightest := p_balances[v_given.tightest];
  allowed := v_given.output_tokens is not null;
  reason := case
    when v_given.short is not null then 'quota_held'
    when not allowed then octroi_private.limit_reason(v_tightest.scope, v_tightest.meter)
  end;
  scope := v_tightest.scope;
  meter := v_tightest.meter;
  granted := v_tightest.granted + v_tightest.overage;
  used := v_tightest.used;
  reserved := v_tightest.reserved;
  remaining := granted - used - reserved;
  resets_at := nullif(v_tightest.resets_at, 'infinity');
  retry_after_seconds := case when not allowed and v_given.short is null then
    greatest(ceil(extract(epoch from resets_at - octroi_private.now())), 1)::bigint
  end;
  charged := case when allowed then coalesce((
    select least(greatest(b.used + b.reserved + p_tokens - b.allowed, 0), p_tokens)
    from unnest(p_balances) as b
    where b.scope = 'account' and b.period = 'month' and b.meter = 'tokens' and b.overage > 0
      and octroi_private.is_overage_charged(b.account_id, b.meter)
  ), 0) end;
  return next;
end
$$;

create function octroi.check_quota(model text, tokens bigint)
returns table (
  allowed boolean, reason text, scope text, meter text, granted bigint, used bigint, reserved bigint, remaining bigint,
  resets_at timestamptz, retry_after_seconds bigint, charged bigint
)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_user_id uuid := auth.uid();
  v_account_id uuid := octroi_private.my_account();
  v_price_id bigint;
  v_balances octroi_private.balance [];
  v_reason text;
begin
  if check_quota.tokens is null or check_quota.tokens not between 0 and 1000000000 then
    raise exception 'tokens must be between 0 and 1,000,000,000' using errcode = '22023';
  end if;
  -- a caller who has made a call in this period has everything resolved
  select e.price_id, array(
    select b from octroi_private.balance as b where b.id = any(e.balance_ids)
  ) into v_price_id, v_balances
  from octroi_private.entitlement as e
  where e.account_id = v_account_id and e.api_key_id = '00000000-0000-0000-0000-000000000000'
    and e.user_id = v_user_id and e.model = check_quota.model and e.valid_until > octroi_private.now();
  if v_price_id is null then
    v_reason := octroi_private.why_refused(v_account_id, null, v_user_id, check_quota.model);
    if v_reason is not null then
      return query select
        false, v_reason, null::text, null::text, null::bigint, null::bigint, null::bigint, null::bigint,
        null::timestamptz, null::bigint, null::bigint;
      return;
    end if;
    v_price_id := octroi_private.price_at(check_quota.model, octroi_private.now());
    -- balances as they would be opened
    select array_agg(row(
      q.ord, q.account_id, q.scope, q.subject, q.meter, q.period, q.period_start, coalesce(q.resets_at, 'infinity'),
      q.included, q.ceiling, case when q.ceiling is not null then 'budget' end,
      least(q.included + q.from_grants, q.ceiling), q.granted - q.overage, q.overage, 0, q.used, q.reserved, true,
      0, 0, 0, 0
    )::octroi_private.balance) into v_balances
    from octroi_private.quota_of(v_account_id, v_user_id) with ordinality as q (
      account_id, scope, subject, meter, period, granted, used, reserved, remaining, period_start, resets_at, plan,
      included, from_grants, overage, charged_above, ceiling, set_by, ord
    )
    where q.scope in ('account', 'member') or (q.scope = 'model' and q.subject in (check_quota.model, (
      select p.model from octroi_private.model_price as p where p.id = v_price_id
    )));
  end if;
  return query select f.* from octroi_private.forecast(v_balances, v_price_id, check_quota.tokens) as f;
end
$$;
comment on function octroi.check_quota(text, bigint) is
'Whether a call of so many tokens would be allowed now, how the strictest limit stands, and how many of the tokens would be charged for beyond plan and grants. reason quota_held: it fits once running calls have settled. Holds nothing: the answer is a forecast. Raises 22023, OC020.';

create function octroi.count_tokens(model text, text text)
returns bigint
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_encoding text := (select l.encoding from octroi_private.model_limits(count_tokens.model) as l);
begin
  if v_encoding is null then
    raise exception 'model % has no price, so its tokenizer is unknown', left(count_tokens.model, 100)
      using errcode = 'OC012', hint = 'GET /v1/models lists the models that have one.';
  end if;
  if octet_length(count_tokens.text) > 1048576 then
    raise exception 'the text is longer than 1 MiB' using errcode = '22023';
  end if;
  return octroi_native.count_tokens(v_encoding, count_tokens.text);
end
$$;
comment on function octroi.count_tokens(text, text) is
'Tokens of a text for a model, exactly; a message adds a few for its framing. Raises OC012 for an unpriced model, 22023 past 1 MiB.';

reset role;
