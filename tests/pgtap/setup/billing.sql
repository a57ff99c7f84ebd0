-- Stripe, as far as the verbs can tell: everything that is sold has an id there, objects are kept as the worker would
-- fetch them, and change when the story says so. Time is the test clock's; nora pays.
\ir play.sql
\set nora '\'01a00000-0000-7000-8000-00000000000e\''

-- What is on sale here: one unit of overage in ten, so that sums stay readable.
select count(d.code) from octroi_private.declare_plans($json${
  "plan": [
    {"code": "free", "name": "Free", "default": true, "limit": [{"meter": "tokens", "period": "month",
      "amount": 1000}]},
    {
      "code": "basic", "name": "Basic", "currency": "eur", "price": {"month": 900, "year": 9000}, "trial_days": 14,
      "top_ups": ["small"], "limit": [{"meter": "tokens", "period": "month", "amount": 10000}],
      "overage": [{"meter": "tokens", "slice": 100, "price": 3, "spend_cap": 300, "on": true}]
    },
    {
      "code": "premium", "name": "Premium", "currency": "eur", "price": {"month": 4900, "year": 49000},
      "top_ups": ["small"],
      "limit": [{"meter": "tokens", "period": "month", "amount": 100000, "rollover": {"max": 20000, "months": 1}}]
    }
  ],
  "top_up": [
    {"code": "small", "name": "5,000 tokens", "meter": "tokens", "amount": 5000, "price": 500, "currency": "eur",
      "expires_after_days": 365}
  ]
}$json$, false) as d \g /dev/null
select octroi_private.record_stripe_ids(jsonb_object_agg(c.key, 'id_' || c.key))
  from octroi_private.plan_catalogue() as c
where c.stripe_id is null \g /dev/null

insert into auth.users (id, email) values (:nora, 'nora@example.test');
select a.id as account from octroi_private.account as a where a.owner_user_id = :nora \gset
select octroi_private.link_stripe_customer(:'account', 'cus_nora') \g /dev/null

-- Moves every clock to an instant, UTC.
create function tap.travel(p_at timestamptz) returns void
language sql
begin atomic
insert into octroi_private.test_clock (shift) values (p_at - clock_timestamp())
on conflict (only_row) do update set shift = excluded.shift;
select octroi_private.make_usage_partitions(1);
end;

create function tap.s(p_at timestamptz) returns bigint
language sql
immutable
begin atomic
select extract(epoch from p_at)::bigint;
end;

-- The price that Stripe knows a lookup key of ours by.
create function tap.price(p_key text) returns text
language sql
immutable
begin atomic
select 'id_octroi-' || p_key;
end;

-- What a worker does with an object that it fetched: 'applied', or 'quarantined: why'.
create function tap.apply(p_kind text, p_object jsonb) returns text
language sql
as $$
  select concat_ws(': ', a.outcome, a.problem)
  from octroi_private.apply_stripe_object(
    p_kind, p_object ->> 'id', octroi_private.lock_stripe_object(p_kind, p_object ->> 'id', 60), p_object
  ) as a
$$;

-- A monthly subscription to basic, with its metered price; p_with says what differs.
create function tap.subscription(p_id text, p_from timestamptz, p_to timestamptz,
  p_with jsonb default '{}') returns jsonb
language sql
begin atomic
select jsonb_build_object(
  'id', p_id, 'customer', 'cus_nora', 'status', 'active', 'created', tap.s(p_from), 'billing_cycle_anchor',
  tap.s(p_from),
  'currency', 'eur', 'items', jsonb_build_array(
    jsonb_build_object(
      'id', 'si_' || p_id, 'price', tap.price('basic-v2-month'), 'quantity', 1,
      'current_period_start', tap.s(p_from), 'current_period_end', tap.s(p_to)
    ),
    jsonb_build_object(
      'id', 'si_m_' || p_id, 'price', tap.price('basic-v2-overage-tokens'),
      'current_period_start', tap.s(p_from), 'current_period_end', tap.s(p_to)
    )
  )
) || p_with;
end;

-- The invoice that paid for it.
create function tap.invoice(p_id text, p_subscription text, p_from timestamptz, p_to timestamptz,
  p_with jsonb default '{}')
returns jsonb
language sql
begin atomic
select jsonb_build_object(
  'id', p_id, 'customer', 'cus_nora', 'subscription', p_subscription, 'status', 'paid',
  'billing_reason', 'subscription_cycle', 'currency', 'eur', 'total', 900, 'amount_due', 900, 'amount_paid', 900,
  'created', tap.s(p_from), 'payment_intents', jsonb_build_array('pi_' || p_id), 'lines', jsonb_build_array(
    jsonb_build_object(
      'id', 'il_' || p_id, 'price', tap.price('basic-v2-month'), 'quantity', 1, 'amount', 900,
      'period_start', tap.s(p_from), 'period_end', tap.s(p_to)
    )
  )
) || p_with;
end;

-- A call of so many tokens, as settled now.
create function tap.use(p_tokens bigint) returns uuid
language plpgsql
as $$
declare
  v_id uuid := octroi_private.uuid_v7();
begin
  perform octroi_private.record_usage(a.id, a.owner_user_id, 'gpt-5.6-luna', p_tokens, 0, p_request_id => v_id)
  from octroi_private.account as a
  where a.owner_user_id = '01a00000-0000-7000-8000-00000000000e';
  return v_id;
end
$$;

-- What nora may use: plan, tokens used of granted.
create function tap.standing() returns text
language sql
stable
as $$
  select format('%s: %s of %s', q.plan, q.used, q.granted)
  from octroi_private.account as a
  cross join octroi_private.quota_of(a.id, a.owner_user_id) as q
  where a.owner_user_id = '01a00000-0000-7000-8000-00000000000e' and q.scope = 'account' and q.period = 'month'
$$;
