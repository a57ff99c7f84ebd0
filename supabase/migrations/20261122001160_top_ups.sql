-- Packs that were paid for become grants, once for each line that sold them; money that goes back takes its part of the
-- grant along. Both are worked out from the mirrors, whole, so that a repetition changes nothing.
set role octroi_owner;

create table octroi_private.top_up (
  grant_id uuid primary key references octroi_private.quota_grant (id),
  account_id uuid not null references octroi_private.account (id),
  pack_id bigint not null references octroi_private.top_up_pack (id),
  quantity integer not null check (quantity between 1 and 100),
  -- of the whole payment: a pack may have been bought together with others
  paid_minor bigint not null check (paid_minor >= 0),
  currency octroi_private.currency_code not null,
  payment_intent_id text,
  bought_at timestamptz not null
);
comment on table octroi_private.top_up is 'Packs that were bought, and with which payment.';
create index top_up_account on octroi_private.top_up (account_id, bought_at);
create index top_up_payment on octroi_private.top_up (payment_intent_id);

-- Every line of a customer that sells a pack and is paid. A page that sells once may make an invoice of it as a
-- receipt: then both say the same, and one of them counts, whichever is known first. Of our own pages that is always
-- the page.
create function octroi_private.paid_packs(p_customer_id text)
returns table (
  source text, pack_id bigint, quantity bigint, paid_minor bigint, currency text, payment_intent_id text
)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  select s.id || '/' || l.id, p.id, l.quantity, s.amount_total_minor, s.currency, s.payment_intent_id
  from octroi_private.stripe_checkout_session as s
  join octroi_private.stripe_checkout_line as l on l.session_id = s.id
  join octroi_private.stripe_catalogue as c on c.stripe_id = l.price_id
  join octroi_private.top_up_pack as p on p.lookup_key = c.key
  where s.customer_id = p_customer_id and s.mode = 'payment' and s.status = 'complete'
    and s.payment_status in ('paid', 'no_payment_required')
    and not exists (
      select from octroi_private.stripe_invoice_line as n
      join octroi_private.quota_grant as g on g.source = n.invoice_id || '/' || n.id
      where n.invoice_id = s.invoice_id
    )
  union all
  select i.id || '/' || l.id, p.id, l.quantity, i.amount_paid_minor, i.currency, y.payment_intent_id::text
  from octroi_private.stripe_invoice as i
  join octroi_private.stripe_invoice_line as l on l.invoice_id = i.id
  join octroi_private.stripe_catalogue as c on c.stripe_id = l.price_id
  join octroi_private.top_up_pack as p on p.lookup_key = c.key
  left join lateral (
    select m.payment_intent_id from octroi_private.stripe_invoice_payment as m
    where m.invoice_id = i.id
    order by m.payment_intent_id
    limit 1
  ) as y on true
  where i.customer_id = p_customer_id and i.status = 'paid'
    and not exists (select from octroi_private.stripe_checkout_session as s where s.invoice_id = i.id)
    and not exists (
      select from octroi_private.stripe_customer as o
      join octroi_private.billing_request as r on r.account_id = o.account_id and r.kind = 'top_up'
      where o.id = p_customer_id and r.id::text = i.reference
    );
end
$$;

create function octroi_private.grant_top_ups(p_account_id uuid, p_customer_id text)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := octroi_private.now();
  v_paid record;
  v_grant_id uuid;
  v_granted integer := 0;
begin
  for v_paid in
    select b.source, b.quantity::integer as quantity, b.paid_minor, b.currency, b.payment_intent_id, p.*
    from octroi_private.paid_packs(p_customer_id) as b
    join octroi_private.top_up_pack as p on p.id = b.pack_id
    where b.quantity between 1 and 100
      and not exists (select from octroi_private.quota_grant as g where g.source = b.source)
    order by b.source
  loop
    insert into octroi_private.quota_grant (
      account_id, meter, kind, amount, priority, starts_at, expires_at, reason, source
    )
    values (
      p_account_id, v_paid.meter, 'top_up', v_paid.amount * v_paid.quantity, v_paid.priority, v_now,
      coalesce(
        (v_now at time zone 'utc' + make_interval(days => v_paid.expires_after_days)) at time zone 'utc', 'infinity'
      ),
      left(format('%s × %s', v_paid.quantity, v_paid.name), 200), v_paid.source
    )
    on conflict (source) do nothing
    returning id into v_grant_id;
    continue when v_grant_id is null;
    insert into octroi_private.top_up (
      grant_id, account_id, pack_id, quantity, paid_minor, currency, payment_intent_id, bought_at
    )
    values (
      v_grant_id, p_account_id, v_paid.id, v_paid.quantity, coalesce(v_paid.paid_minor, 0), v_paid.currency,
      v_paid.payment_intent_id, v_now
    );
    perform octroi_private.tell_of_top_up(v_grant_id);
    v_granted := v_granted + 1;
  end loop;
  return v_granted;
end
$$;

-- Takes back of each grant what went back of its payment, in proportion; gives it again when that comes to nothing.
create function octroi_private.revoke_top_ups(p_account_id uuid)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_grant record;
  v_revoked integer := 0;
begin
  for v_grant in
    select g.id, g.revoked, wanted.revoked as wanted
    from octroi_private.top_up as t
    join octroi_private.quota_grant as g on g.id = t.grant_id
    cross join lateral (
      select div(
        g.amount::numeric * least(octroi_private.taken_back(t.payment_intent_id), t.paid_minor),
        greatest(t.paid_minor, 1)
      )::bigint as revoked
    ) as wanted
    where t.account_id = p_account_id and wanted.revoked <> g.revoked
    order by g.id
    for update of g
  loop
    update octroi_private.quota_grant set revoked = v_grant.wanted where id = v_grant.id;
    insert into octroi_private.revocation (grant_id, change, happened_at)
    values (v_grant.id, v_grant.wanted - v_grant.revoked, octroi_private.now());
    v_revoked := v_revoked + 1;
  end loop;
  return v_revoked;
end
$$;

reset role;
