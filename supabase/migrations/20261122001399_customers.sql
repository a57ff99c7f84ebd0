-- What an operator asks of all customers at once: who they are, what they use, what they cost and pay, who is late. A
-- row is made from the running period alone, by index; nothing of it grows with an account's history.
set role octroi_owner;

create index stripe_charge_customer on octroi_private.stripe_charge (customer_id);
create index stripe_invoice_open on octroi_private.stripe_invoice (customer_id) where status = 'open';

-- A view's functions run as its reader, who may not ask the clock.
create function octroi_private.now_for_readers()
returns timestamptz
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select octroi_private.now()
$$;
comment on function octroi_private.now_for_readers() is 'The clock, in views of operators.';

create view octroi_private.customers as
select
  a.id as account_id, a.name as customer, a.kind, a.owner_user_id, a.status, a.created_at as since,
  v.plan_code as plan, p.name as plan_name, t.status as stripe_status,
  nullif(s.granted_until, 'infinity') as granted_until,
  limits.meter, limits.period, limits.granted, limits.used, limits.held, limits.used_percent,
  coalesce(limits.used_percent >= 80, false) as is_near_limit, limits.resets_at,
  spent.requests, spent.total_tokens, spent.cost_nano_usd,
  paid.minor + packs.minor as paid_minor, back.minor as refunded_minor, due.minor as past_due_minor,
  due.since as past_due_since, coalesce(c.currency, v.currency) as currency,
  case when coalesce(c.currency, v.currency, 'usd') = 'usd' then
    -- Taxes are the state's, of what goes back too; a cent is ten million nano-USD.
    round((paid.minor - paid.tax + packs.minor - packs.tax - back.minor + back.tax) * 10000000)::bigint
    - spent.cost_nano_usd
  end as margin_nano_usd
from octroi_private.account as a
cross join (
  select
    k.at, date_trunc('month', k.at at time zone 'utc') as month_day,
    date_trunc('month', k.at at time zone 'utc') at time zone 'utc' as month_start
  -- once, and not for each row
  from (select (select octroi_private.now_for_readers()) as at) as k
) as clock
left join octroi_private.subscription as s on s.account_id = a.id and s.ended_at is null
left join octroi_private.plan_version as v on v.id = s.plan_version_id
left join octroi_private.plan as p on p.code = v.plan_code
left join octroi_private.stripe_subscription as t on t.id = s.stripe_subscription_id
left join octroi_private.stripe_customer as c on c.account_id = a.id and not c.is_deleted
-- of the account's own limits the one of which most is used; before the first call of a period, what the plan grants
left join lateral (
  select n.meter, n.period, n.granted, n.used, n.held, n.used * 100 / greatest(n.granted, 1) as used_percent,
    nullif(n.resets_at, 'infinity') as resets_at
  from (
    select b.meter, b.period, b.granted::bigint as granted, b.used::bigint as used, b.reserved::bigint as held,
      b.resets_at, true as is_open
    from octroi_private.balance as b
    where b.account_id = a.id and b.resets_at > clock.at and b.scope = 'account' and b.is_bound
    union all
    select l.meter, l.period, l.amount::bigint, 0, 0, null, false
    from octroi_private.plan_limit as l
    where l.plan_version_id = s.plan_version_id and l.scope = 'account'
  ) as n
  order by n.used * 100 / greatest(n.granted, 1) desc, n.is_open desc, n.period = 'month' desc, n.meter desc
  limit 1
) as limits on true
cross join lateral (
  select coalesce(sum(d.requests), 0)::bigint as requests, coalesce(sum(d.total_tokens), 0)::bigint as total_tokens,
    coalesce(sum(d.cost_nano_usd), 0)::bigint as cost_nano_usd
  from octroi_private.usage_daily as d
  where d.account_id = a.id and d.day >= clock.month_day::date
) as spent
cross join lateral (
  select coalesce(sum(i.amount_paid_minor), 0)::bigint as minor,
    coalesce(sum(i.amount_paid_minor * i.tax_minor::numeric / nullif(i.total_minor, 0)), 0) as tax
  from octroi_private.stripe_invoice as i
  -- paid this month, and made no longer ago than Stripe tries
  where i.customer_id = c.id and i.created_at >= clock.month_start - interval '60 days'
    and i.paid_at >= clock.month_start and i.status = 'paid'
) as paid
-- packs that no invoice is for, not even a receipt; several may be of one payment
cross join lateral (
  select coalesce(sum(o.paid_minor), 0)::bigint as minor, coalesce(sum(o.paid_minor * o.tax_share), 0) as tax
  from (
    select distinct on (coalesce(u.payment_intent_id, u.grant_id::text))
      u.paid_minor, k.tax_minor::numeric / nullif(k.amount_total_minor, 0) as tax_share
    from octroi_private.top_up as u
    join octroi_private.quota_grant as g on g.id = u.grant_id
    -- a grant is named after the page or the invoice that sold it
    left join octroi_private.stripe_checkout_session as k on k.id = split_part(g.source, '/', 1)
    where u.account_id = a.id and u.bought_at >= clock.month_start and not exists (
      select from octroi_private.stripe_invoice as i
      where i.status = 'paid' and i.id = any(array(
        select y.invoice_id from octroi_private.stripe_invoice_payment as y
        where y.payment_intent_id = u.payment_intent_id
        union all
        select s.invoice_id from octroi_private.stripe_checkout_session as s
        where s.payment_intent_id = u.payment_intent_id
        union all
        values (k.invoice_id), (split_part(g.source, '/', 1))
      ))
    )
  ) as o
) as packs
-- refunds, and what is disputed and not won, with the same part of tax as what was paid
cross join lateral (
  select coalesce(sum(g.amount_minor), 0)::bigint as minor, coalesce(sum(g.amount_minor * part.share), 0) as tax
  from octroi_private.stripe_charge as h
  cross join lateral (
    select r.amount_minor from octroi_private.stripe_refund as r
    where r.charge_id = h.id and r.status = 'succeeded' and r.created_at >= clock.month_start
    union all
    select d.amount_minor from octroi_private.stripe_dispute as d
    where d.payment_intent_id = h.payment_intent_id and d.created_at >= clock.month_start
      and d.status in ('needs_response', 'under_review', 'lost')
  ) as g
  left join lateral (
    select x.share
    from (
      select i.tax_minor::numeric / nullif(i.total_minor, 0) as share
      from octroi_private.stripe_invoice_payment as y
      join octroi_private.stripe_invoice as i on i.id = y.invoice_id
      where y.payment_intent_id = h.payment_intent_id
      union all
      select s.tax_minor::numeric / nullif(s.amount_total_minor, 0)
      from octroi_private.stripe_checkout_session as s
      where s.payment_intent_id = h.payment_intent_id
    ) as x
    order by x.share desc nulls last
    limit 1
  ) as part on true
  where h.customer_id = c.id
) as back
cross join lateral (
  select coalesce(sum(i.amount_due_minor - i.amount_paid_minor), 0)::bigint as minor, min(i.created_at) as since
  from octroi_private.stripe_invoice as i
  where i.customer_id = c.id and i.status = 'open' and i.attempt_count > 0
) as due
where a.status <> 'closed' and (select octroi_private.log_admin_read('account'));
comment on view octroi_private.customers is
'Every open account with its plan, the limit of which most is used, and this calendar month (UTC) in money: cost, paid, refunded, margin (without taxes; null unless it pays in USD), and what is past due. For operators; each reading is in the audit log.';

reset role;
