-- What the caller is told about money: the plan, what the next invoice will say, what a call cost and why, how long the
-- quota will last, and what became of requests. As of now, from the rows that the invoices are made of.
set role octroi_owner;

-- Whoever has the URL of a page at Stripe's pays, or changes how is paid. It is shown to who asked for it, in a session
-- that may ask, for as long as the page leads somewhere.
create function octroi_private.my_billing_url(p_billing_request_id uuid)
returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select r.url
    from octroi_private.billing_request as r
    where r.id = p_billing_request_id and r.url is not null and r.user_id = octroi_private.my_user_id()
      and r.account_id in (select octroi_private.my_administered_accounts())
      and octroi_private.billing_url_ends_at(r.kind, r.finished_at) > octroi_private.now()
      and octroi_private.has_stepped_up()
  );
end
$$;
comment on function octroi_private.my_billing_url(uuid) is
'Where a billing request of the caller leads to; null for anybody else''s, without the caller''s second factor, and when its time is over.';

create function octroi.billing_request(id uuid)
returns table (
  kind text, state text, url text, error text, message text, created_at timestamptz, finished_at timestamptz
)
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  -- somebody else's, or none: the answer is the same, and only the operator learns how often
  select octroi_private.note_missed_id(exists (
    select from octroi_private.billing_request as r where r.id = billing_request.id
  ))
  where not exists (
    select from octroi_private.billing_request as r
    where r.id = billing_request.id and r.account_id in (select octroi_private.my_administered_accounts())
  );
  select r.kind, r.state, octroi_private.my_billing_url(r.id), r.error, r.message, r.created_at, r.finished_at
  from octroi_private.billing_request as r
  where r.id = billing_request.id and r.account_id in (select octroi_private.my_administered_accounts())
$$;
comment on function octroi.billing_request(uuid) is
'What became of a billing request: pending, done (with a url where there is one to go to) or failed (error, message, and a url where something can be done about it). The url is for whoever asked. No row for another account''s.';

create function octroi.my_subscription()
returns table (
  plan text, plan_name text, plan_version integer, billing_interval text, status text, granted_until timestamptz,
  cancel_at_period_end boolean, trial_ends_at timestamptz, next_plan text, next_plan_at timestamptz, seats integer,
  features text [], overage_on boolean, overage_cap_minor bigint, currency text
)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    v.plan_code, p.name, v.version, paid.billing_interval, s.status, nullif(r.granted_until, 'infinity'),
    coalesce(octroi_private.is_ending(s), false), s.trial_ends_at, next.plan_code, s.next_price_at, v.seats, v.features,
    coalesce(t.is_on, o.is_on, false) and o.meter is not null,
    least(t.spend_cap_minor, o.spend_cap_minor), v.currency
  from octroi_private.subscription as r
  join octroi_private.plan_version as v on v.id = r.plan_version_id
  join octroi_private.plan as p on p.code = v.plan_code
  left join octroi_private.stripe_subscription as s on s.id = r.stripe_subscription_id
  left join octroi_private.overage_setting as t on t.account_id = r.account_id
  left join lateral (
    select x.meter, x.is_on, x.spend_cap_minor from octroi_private.plan_overage as x
    where x.plan_version_id = v.id
    order by x.meter desc
    limit 1
  ) as o on true
  left join lateral (
    select x.billing_interval
    from octroi_private.stripe_subscription_item as i
    join octroi_private.stripe_catalogue as k on k.stripe_id = i.price_id
    join octroi_private.plan_price as x on x.lookup_key = k.key
    where i.subscription_id = s.id
    limit 1
  ) as paid on true
  left join lateral (
    select w.plan_code
    from octroi_private.stripe_catalogue as k
    join octroi_private.plan_price as x on x.lookup_key = k.key
    join octroi_private.plan_version as w on w.id = x.plan_version_id
    where k.stripe_id = s.next_price_id
  ) as next on true
  where r.account_id = octroi_private.my_account() and r.ended_at is null
$$;
comment on function octroi.my_subscription() is
'The plan of the caller''s account: how it is billed, until when it is granted (null: without end), and what follows.';

-- What the account used beyond its plans in periods that no invoice has closed yet, as far as a subscription bills it.
create function octroi_private.open_overage(p_account_id uuid)
returns table (
  event_name text, meter text, quantity bigint, slice bigint, price_minor bigint, amount_minor bigint, currency text,
  period_start timestamptz, period_end timestamptz
)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    u.event_name, u.meter, u.amount, o.slice, o.price_minor,
    octroi_private.overage_price(u.amount, o.price_minor, o.slice), v.currency, u.period_start, u.resets_at
  from (
    select w.event_name, w.meter, b.period_start, b.resets_at, sum(w.amount)::bigint as amount
    from octroi_private.overage_use as w
    join octroi_private.balance as b on b.id = w.balance_id
    left join octroi_private.meter_report as r on r.id = w.report_id
    where w.account_id = p_account_id and r.state is distinct from 'written_off'
      and w.occurred_at > octroi_private.now() - interval '70 days'
      and not exists (
        select from octroi_private.billing_cycle as c
        where c.account_id = w.account_id and c.period_start <= w.occurred_at and c.period_end > w.occurred_at
          and c.state in ('finalised', 'closed')
      )
      and exists (
        select from octroi_private.stripe_customer as c
        join octroi_private.metered_subscription as s on s.customer_id = c.id and s.event_name = w.event_name
        where c.account_id = w.account_id and not c.is_deleted and s.created_at <= w.occurred_at
          and (s.ended_at is null or s.ended_at >= w.occurred_at)
          -- nothing of a trial is billed
          and (s.trial_ends_at is null or s.trial_ends_at <= w.occurred_at)
      )
    group by w.event_name, w.meter, b.period_start, b.resets_at
  ) as u
  join octroi_private.plan_overage as o on o.event_name = u.event_name
  join octroi_private.plan_version as v on v.id = o.plan_version_id
$$;

create function octroi.next_invoice()
returns table (
  line text, meter text, quantity bigint, slice bigint, unit_amount_minor bigint, amount_minor bigint, currency text,
  period_start timestamptz, period_end timestamptz, due_at timestamptz, as_of timestamptz
)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  with paid as (
    select s.*, i.period_end as renews_at, coalesce(
      case when s.next_price_at <= i.period_end then s.next_price_id end, i.price_id
    ) as renewal_price_id
    from octroi_private.billed_subscription(octroi_private.my_billed_account()) as s
    join octroi_private.stripe_subscription_item as i on i.subscription_id = s.id
    join octroi_private.stripe_catalogue as k on k.stripe_id = i.price_id and k.object = 'price'
    where s.status in ('trialing', 'active', 'past_due')
  )
  select
    'plan', null::text, 1::bigint, null::bigint, x.amount_minor::bigint, x.amount_minor::bigint, v.currency::text,
    p.renews_at,
    octroi_private.cycle_end(p.renews_at, x.billing_interval),
    p.renews_at, octroi_private.now()
  from paid as p
  join octroi_private.stripe_catalogue as k on k.stripe_id = p.renewal_price_id
  join octroi_private.plan_price as x on x.lookup_key = k.key
  join octroi_private.plan_version as v on v.id = x.plan_version_id
  where not p.cancel_at_period_end and (p.cancel_at is null or p.cancel_at > p.renews_at)
  union all
  select
    'overage', o.meter, o.quantity, o.slice, o.price_minor, o.amount_minor, o.currency, o.period_start, o.period_end,
    o.period_end, octroi_private.now()
  from octroi_private.open_overage(octroi_private.my_billed_account()) as o
  order by 10, 1 desc, 2
$$;
comment on function octroi.next_invoice() is
'What will be charged next, as it stands: the renewal of the plan, and usage beyond it so far with its price. Before taxes and discounts. Raises OC021.';

create function octroi.my_forecast()
returns table (
  scope text, subject text, meter text, period text, used bigint, granted bigint, remaining bigint, per_day bigint,
  runs_out_at timestamptz, resets_at timestamptz, charged_at timestamptz
)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select q.scope, q.subject, q.meter, q.period, q.used, q.granted, q.remaining, d.per_day,
    octroi_private.runs_out_at(q.remaining, d.per_day, coalesce(q.resets_at, 'infinity')), q.resets_at,
    octroi_private.runs_out_at(
      q.charged_above - q.used - q.reserved, d.per_day, coalesce(q.resets_at, 'infinity')
    )
  from octroi_private.quota_of(octroi_private.my_account(), (select auth.uid())) as q
  cross join lateral octroi_private.used_per_day(q.account_id, q.scope, q.subject, q.meter) as d (per_day)
  where q.scope in ('account', 'member', 'model')
$$;
comment on function octroi.my_forecast() is
'Each limit with what is used of it a day of late (the last seven days; null before there is a day of them), when it runs out at that rate and when use begins to be charged for beyond the plan; null when not before the reset.';

-- The pools of a call, each with its price. Micro-USD per million tokens times tokens is pico-USD.
create function octroi_private.priced_pools(p_event octroi_private.usage_event)
returns jsonb
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'pool', l.pool, 'tokens', l.tokens, 'micro_usd_per_million', l.price, 'pico_usd', l.tokens * l.price
  ) order by l.ord), '[]')
  from octroi_private.model_price as p
  cross join lateral octroi_private.unit_prices_of(p, p_event.input_tokens) as u
  cross join lateral (values
    (1, 'input', p_event.input_tokens - p_event.cached_input_tokens - p_event.cache_write_tokens
      - p_event.audio_input_tokens, u.input),
    (2, 'cached_input', p_event.cached_input_tokens, u.cached_input),
    (3, 'cache_write', p_event.cache_write_tokens - p_event.cache_write_12h_tokens, u.cache_write),
    (4, 'cache_write_12h', p_event.cache_write_12h_tokens, u.cache_write_12h),
    (5, 'audio_input', p_event.audio_input_tokens, u.audio_input),
    (6, 'output', p_event.output_tokens - p_event.audio_output_tokens, u.output),
    (7, 'audio_output', p_event.audio_output_tokens, u.audio_output)
  ) as l (ord, pool, tokens, price)
  where p.id = p_event.price_id and l.tokens > 0
$$;

-- Each limit that the call counted against, before and after it, in the order in which calls were settled.
create function octroi_private.balances_around(p_event octroi_private.usage_event)
returns jsonb
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'scope', b.scope, 'meter', b.meter, 'period', b.period, 'period_start', b.period_start,
    'used_before', b.carried + u.before, 'used_after', b.carried + u.before + u.own
  ) order by b.id), '[]')
  from octroi_private.balance as b
  cross join lateral (
    select
      coalesce(sum(c.charged) filter (where c.id <> p_event.id), 0)::bigint as before,
      coalesce(sum(c.charged) filter (where c.id = p_event.id), 0)::bigint as own
    from (
      select e.id, case b.meter
        when 'tokens' then e.total_tokens - e.overrun_tokens
        when 'cost' then e.cost_nano_usd - e.overrun_cost_nano_usd
        else 1 - e.overrun_requests
      end as charged
      from octroi_private.usage_event as e
      where e.account_id = p_event.account_id and e.occurred_at >= b.period_start
        and b.id = any(e.balance_ids) and (e.recorded_at, e.id) <= (p_event.recorded_at, p_event.id)
    ) as c
  ) as u
  where b.id = any(p_event.balance_ids)
$$;

create function octroi.receipt(request_id uuid)
returns table (
  id uuid, occurred_at timestamptz, settled_at timestamptz, endpoint text, model text, response_model text,
  service_tier text, source text, pools jsonb, total_tokens bigint, reasoning_tokens bigint, cost_nano_usd bigint,
  not_charged_tokens bigint, not_charged_nano_usd bigint, grants jsonb, overage jsonb, balances jsonb,
  price_version bigint, price_source text, price_valid_from timestamptz
)
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  select octroi_private.note_missed_id(exists (
    select from octroi_private.usage_event as e where e.id = receipt.request_id
  ))
  where not exists (
    select from octroi_private.usage_event as e
    where e.id = receipt.request_id and e.account_id in (select octroi_private.my_accounts())
      and (e.user_id = (select auth.uid()) or e.account_id in (select octroi_private.my_administered_accounts()))
  );
  select
    e.id, e.occurred_at, e.recorded_at, e.endpoint, e.model, e.response_model, e.service_tier, e.source,
    octroi_private.priced_pools(e), e.total_tokens, e.reasoning_tokens, e.cost_nano_usd, e.overrun_tokens,
    e.overrun_cost_nano_usd, coalesce((
      select jsonb_agg(jsonb_build_object('kind', g.kind, 'reason', g.reason, 'meter', g.meter, 'amount', d.amount)
        order by d.drawn_at, g.id)
      from octroi_private.quota_draw as d
      join octroi_private.quota_grant as g on g.id = d.grant_id
      where d.request_id = e.id
    ), '[]'), coalesce((
      select jsonb_agg(jsonb_build_object(
        'meter', o.meter, 'amount', o.amount, 'report_id', o.report_id
      ) order by o.meter)
      from octroi_private.overage_use as o
      where o.balance_id = any(e.balance_ids) and o.request_id = e.id
    ), '[]'), octroi_private.balances_around(e), e.price_id, p.source, lower(p.valid)
  from octroi_private.usage_event as e
  join octroi_private.model_price as p on p.id = e.price_id
  where e.id = receipt.request_id and e.account_id in (select octroi_private.my_accounts())
    and (e.user_id = (select auth.uid()) or e.account_id in (select octroi_private.my_administered_accounts()))
$$;
comment on function octroi.receipt(uuid) is
'Why a call cost what it did: pools and prices, the grants it drew from, what of it was overage, each limit before and after. No row for anybody else''s call.';

-- What is on sale, for the views.
create function octroi_private.plans_on_sale()
returns table (
  plan text, name text, version integer, rank integer, currency text, month_price_minor bigint,
  year_price_minor bigint, trial_days integer, seats integer, features text [], models text [], limits jsonb,
  overage jsonb, top_ups text []
)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    p.code, p.name, v.version, p.rank, v.currency,
    (v.content #>> '{price,month}')::bigint, (v.content #>> '{price,year}')::bigint, v.trial_days, v.seats, v.features,
    v.allowed_models, v.content -> 'limit', v.content -> 'overage', array(
      select k.pack_code from octroi_private.plan_version_pack as k where k.plan_version_id = v.id order by k.pack_code
    )
  from octroi_private.plan as p
  cross join lateral (
    select n.* from octroi_private.plan_version as n
    where n.plan_code = p.code
    order by n.version desc
    limit 1
  ) as v
  where p.retired_at is null and v.content <> '{}'
$$;

create function octroi_private.packs_on_sale()
returns table (
  pack text, name text, meter text, amount bigint, price_minor bigint, currency text, expires_after_days integer,
  plans text []
)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select k.code, k.name, k.meter, k.amount, k.price_minor, k.currency, k.expires_after_days, array(
    select p.plan from octroi_private.plans_on_sale() as p where k.code = any(p.top_ups) order by p.rank
  )
  from octroi_private.top_up_pack as k
  where k.retired_at is null
$$;

create function octroi_private.my_top_ups()
returns table (
  account_id uuid, pack text, meter text, amount bigint, drawn bigint, revoked bigint, remaining bigint,
  paid_minor bigint, currency text, bought_at timestamptz, expires_at timestamptz
)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    t.account_id, k.code, g.meter, g.amount, g.drawn, g.revoked, greatest(g.amount - g.drawn - g.revoked, 0),
    t.paid_minor, t.currency, t.bought_at, nullif(g.expires_at, 'infinity')
  from octroi_private.top_up as t
  join octroi_private.quota_grant as g on g.id = t.grant_id
  join octroi_private.top_up_pack as k on k.id = t.pack_id
  where t.account_id in (select octroi_private.my_administered_accounts())
$$;

reset role;
