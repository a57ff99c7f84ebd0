// A subscription as Stripe would tell of it, for users that no browser takes through a checkout.

/**
 * SQL that gives a user's account a paid month of premium with overage, about to go down to basic. Whatever is on sale and
 * not in Stripe yet gets an id of its own.
 */
export function subscribe(userId) {
  const id = userId.replaceAll("-", "");
  const second = (offsetDays) => `extract(epoch from octroi_private.now() + interval '${offsetDays} days')::bigint`;
  const price = (key) => `octroi_private.stripe_id_of('${key}')`;
  const apply = (kind, objectId, members) => `
    select a.outcome from octroi_private.apply_stripe_object(
      '${kind}', '${objectId}', octroi_private.lock_stripe_object('${kind}', '${objectId}', 60),
      jsonb_build_object('id', '${objectId}', 'customer', 'cus_${id}', ${members})
    ) as a;`;
  return `
    select octroi_private.record_stripe_ids(jsonb_object_agg(c.key, 'id_' || c.key))
    from octroi_private.plan_catalogue() as c where c.stripe_id is null;
    select octroi_private.link_stripe_customer(a.id, 'cus_${id}')
    from octroi_private.account as a where a.owner_user_id = '${userId}';
    ${apply("subscription", `sub_${id}`, `
      'status', 'active', 'created', ${second(0)}, 'billing_cycle_anchor', ${second(0)}, 'currency', 'usd',
      'schedule', 'sub_sched_${id}', 'next_price', ${price("octroi-basic-v1-month")}, 'next_price_at', ${second(30)},
      'items', jsonb_build_array(jsonb_build_object(
        'id', 'si_${id}', 'price', ${price("octroi-premium-v1-month")}, 'quantity', 1,
        'current_period_start', ${second(0)}, 'current_period_end', ${second(30)}
      ))`)}
    ${apply("invoice", `in_${id}`, `
      'subscription', 'sub_${id}', 'status', 'paid', 'total', 4900, 'amount_due', 4900, 'amount_paid', 4900,
      'currency', 'usd', 'created', ${second(0)}, 'paid_at', ${second(0)}, 'lines', jsonb_build_array(jsonb_build_object(
        'id', 'il_${id}', 'price', ${price("octroi-premium-v1-month")}, 'quantity', 1, 'amount', 4900,
        'period_start', ${second(0)}, 'period_end', ${second(30)}
      ))`)}
  `;
}
