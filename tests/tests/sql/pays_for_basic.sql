-- What sells plans here, as a shop would have it: an id at Stripe for everything, and one page to come back to.
select octroi_private.record_stripe_ids(jsonb_object_agg(c.key, 'id_' || c.key))
from octroi_private.plan_catalogue() as c
where c.stripe_id is null;
select octroi_private.set_billing_settings('{"return_origins": ["https://app.example"]}');

-- Has somebody pay for basic by the month, as Stripe would tell; p_more is what else their subscription says.
create function public.pays_for_basic(p_user_id uuid, p_more jsonb)
returns void
language plpgsql
as $$
declare
  v_account_id uuid := (
    select a.id from octroi_private.account as a where a.owner_user_id = p_user_id and a.kind = 'personal'
  );
  v_name text := replace(v_account_id::text, '-', '');
  v_from bigint := floor(extract(epoch from octroi_private.now()))::bigint;
  v_until bigint := extract(epoch from octroi_private.now() + interval '1 month')::bigint;
  v_price text := (
    select k.stripe_id from octroi_private.stripe_catalogue as k where k.key ~ '^octroi-basic-v\d+-month$' limit 1
  );
  v_told record;
begin
  perform octroi_private.link_stripe_customer(v_account_id, 'cus_' || v_name);
  for v_told in
    select t.kind, t.object from (values
      (1, 'subscription', jsonb_build_object(
        'id', 'sub_' || v_name, 'customer', 'cus_' || v_name, 'status', 'active', 'created', v_from,
        'billing_cycle_anchor', v_from, 'currency', 'usd', 'items', jsonb_build_array(jsonb_build_object(
          'id', 'si_' || v_name, 'price', v_price, 'quantity', 1,
          'current_period_start', v_from, 'current_period_end', v_until
        ))
      ) || p_more),
      (2, 'invoice', jsonb_build_object(
        'id', 'in_' || v_name, 'customer', 'cus_' || v_name, 'subscription', 'sub_' || v_name, 'status', 'paid',
        'billing_reason', 'subscription_create', 'currency', 'usd', 'total', 900, 'amount_due', 900,
        'amount_paid', 900, 'created', v_from, 'payment_intents', jsonb_build_array('pi_' || v_name),
        'lines', jsonb_build_array(jsonb_build_object(
          'id', 'il_' || v_name, 'price', v_price, 'quantity', 1, 'amount', 900,
          'period_start', v_from, 'period_end', v_until
        ))
      ))
    ) as t (place, kind, object)
    order by t.place
  loop
    perform octroi_private.apply_stripe_object(
      v_told.kind, v_told.object ->> 'id',
      octroi_private.lock_stripe_object(v_told.kind, v_told.object ->> 'id', 60), v_told.object
    );
  end loop;
end
$$;
