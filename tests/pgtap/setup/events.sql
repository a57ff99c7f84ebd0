-- Stripe's events as hints: what is fetched is the object as it is by then, whatever the event was.
-- Needs setup/billing.sql before it.

-- Stripe: the objects of a life, one version after another, and which of them is the present one.
create table tap.version (
  step integer, kind text, id text, object jsonb, primary key (kind, id, step)
);

create function tap.fetched(p_kind text, p_id text, p_step integer) returns jsonb
language sql
stable
begin atomic
select v.object from tap.version as v
where v.kind = p_kind and v.id = p_id and v.step <= p_step
order by v.step desc
limit 1;
end;

-- Delivers events: each fetches its object as it is when p_seen steps have happened.
create function tap.deliver(p_steps integer [], p_seen integer) returns void
language plpgsql
as $$
declare
  v_event record;
begin
  for v_event in
    select v.kind, v.id, v.step from unnest(p_steps) with ordinality as s (step, ord)
    join tap.version as v using (step)
    order by s.ord
  loop
    perform octroi_private.receive_stripe_events(jsonb_build_array(jsonb_build_object(
      'id', 'evt_' || v_event.step, 'created', 1804248000, 'object', jsonb_build_object('id', v_event.id),
      'type', case v_event.kind
        when 'checkout_session' then 'checkout.session.completed'
        when 'subscription' then 'customer.subscription.updated'
        when 'invoice' then 'invoice.paid' when 'dispute' then 'charge.dispute.updated' else 'charge.refunded'
      end
    )));
    perform tap.apply(v_event.kind, tap.fetched(v_event.kind, v_event.id, greatest(p_seen, v_event.step)));
  end loop;
end
$$;

-- Everything that a customer could notice. Its plan is kept: making the one of the integrity view takes longer than
-- reading it.
create function tap.outcome() returns text
language plpgsql
stable
as $$
begin
  return concat_ws('; ', tap.standing(), (
    select string_agg(format('%s %s of %s, %s back', g.source, g.drawn, g.amount, g.revoked), ', ' order by g.source)
    from octroi_private.quota_grant as g
  ), (
    select string_agg(format('%s until %s', s.stripe_subscription_id, s.granted_until), ', ')
    from octroi_private.subscription as s where s.ended_at is null
  ), (
    select string_agg(m.dedupe_key, ', ' order by m.kind) from (
      select x.kind, split_part(x.dedupe_key, ':', 1) as dedupe_key from octroi_private.mail as x
    ) as m
  ), (select string_agg(e.id || ' ' || e.state, ', ' order by e.id) from octroi_private.stripe_event as e), (
    select 'UNSOUND ' || string_agg(i.violated, ', ') from octroi_private.integrity as i
  ));
end
$$;
