-- Requests for billing that the worker has given up.
set role octroi_owner;

-- A subscription that was to be cancelled at once and was not goes on.
create function octroi_private.reopen_subscription(p_account_id uuid)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform from octroi_private.account as a where a.id = p_account_id for no key update;
  update octroi_private.stripe_subscription as s set is_closing = false
  from octroi_private.stripe_customer as c
  where c.account_id = p_account_id and s.customer_id = c.id and s.is_closing;
  perform octroi_private.sync_access(p_account_id);
end
$$;

create function octroi_private.fail_given_up_billing_request()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform octroi_private.fail_billing_request(
    r.id, 'given_up', 'This could not be done in time. Look at your billing page before you try again.'
  )
  from octroi_private.billing_request as r
  -- as text: an unreadable id must not keep its job from ending
  where r.id::text = new.args ->> 'billing_request_id';
  return null;
end
$$;
create trigger job_billing_given_up after update of state on octroi_private.job
for each row when (new.kind = 'run_billing_request' and new.state in ('dead', 'cancelled'))
execute function octroi_private.fail_given_up_billing_request();

reset role;
