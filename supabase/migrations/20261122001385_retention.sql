-- How long each kind of row is kept, as the operator sets it, and what the sweep does about it. Usage goes by whole
-- months: a partition is dropped, its daily sums stay.
set role octroi_owner;

create table octroi_private.retention_setting (
  table_name text primary key check (table_name ~ '^[a-z_]{1,63}$'),
  -- null: for as long as the account is there
  keep interval check (keep > interval '0'),
  at_least interval not null,
  reason text not null check (length(reason) between 1 and 300),
  changed_at timestamptz not null default octroi_private.now(),
  constraint retention_setting_not_too_short check (keep >= at_least)
);
comment on table octroi_private.retention_setting is
'How long rows are kept after what they are about has ended. set_retention() changes it.';
insert into octroi_private.retention_setting (table_name, keep, at_least, reason) values
('usage_event', '25 months', '3 months', 'single calls: this year beside the last; dropped by whole months'),
('usage_daily', null, '25 months', 'sums by day and model: the account''s own history'),
('request', '30 days', '2 days', 'idempotency keys, outcomes: a repetition is answered, not made again'),
('job', '7 days', '1 day', 'work that is done: to see what happened'),
('job_dead', '90 days', '7 days', 'work that was given up: for an operator to look at'),
('mail', '90 days', '7 days', 'what was sent: to answer questions about it'),
('stripe_event', '60 days', '30 days', 'Stripe lists an event for thirty days'),
('billing_request', '1 year', '30 days', 'what was asked of Stripe: to answer questions about it'),
('alert', '13 months', '2 months', 'warnings that were given: for as long as their period can be asked about'),
('reconciliation', '90 days', '7 days', 'comparisons with Stripe'),
('invitation', '90 days', '7 days', 'what became of invitations; an address goes at once, its hash within a day'),
('refused_call', '30 days', '1 day', 'calls that were refused: to answer questions about them'),
('security_signal', '1 year', '30 days', 'dismissed signals: to see what comes back; others stay with their breach'),
('erasure_receipt', '3 years', '1 year', 'proof that an erasure was carried out: the usual time of limitation');
create trigger retention_setting_audited
after insert or update or delete on octroi_private.retention_setting
for each row execute function octroi_private.audit('retention_setting');

create function octroi_private.kept_for(p_table_name text)
returns interval
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return (select r.keep from octroi_private.retention_setting as r where r.table_name = p_table_name);
end
$$;

-- What ended before goes; null where nothing does.
create function octroi_private.kept_since(p_table_name text)
returns timestamptz
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return octroi_private.now() - octroi_private.kept_for(p_table_name);
end
$$;

create function octroi_private.set_retention(p_table_name text, p_keep interval)
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_at_least interval;
begin
  select r.at_least into v_at_least from octroi_private.retention_setting as r where r.table_name = p_table_name;
  if v_at_least is null then
    raise exception 'nothing called % is kept for a time', p_table_name using errcode = 'OC047',
      hint = 'select table_name from octroi_private.retention_setting';
  elsif p_keep < v_at_least then
    raise exception '% is kept for % at least', p_table_name, v_at_least using errcode = 'OC047';
  elsif p_keep is null and p_table_name <> 'usage_daily' then
    raise exception 'only usage_daily is kept for ever' using errcode = 'OC047';
  end if;
  update octroi_private.retention_setting set keep = p_keep, changed_at = octroi_private.now()
  where table_name = p_table_name;
  if octroi_private.kept_for('usage_daily') < octroi_private.kept_for('usage_event') then
    raise exception 'the sums of usage_daily are kept for as long as the calls of usage_event' using errcode = 'OC047';
  end if;
end
$$;
comment on function octroi_private.set_retention(text, interval) is
'How long the rows of a table are kept from now on; null (usage_daily only): for as long as the account is there. Raises OC047.';

-- Which months are gone. What is summed up over calls is comparable from the last of them on.
create table octroi_private.usage_month_dropped (
  month date primary key check (extract(day from month) = 1),
  dropped_at timestamptz not null
);
comment on table octroi_private.usage_month_dropped is 'Months of usage_event whose time was over.';

create function octroi_private.usage_kept_since()
returns timestamptz
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(
    (max(d.month) + interval '1 month')::timestamp at time zone 'utc', '-infinity'
  ) from octroi_private.usage_month_dropped as d
$$;

-- Drops the oldest month whose time is over, at most one. It needs the table for itself for a moment: rather than
-- have calls wait behind it, it comes back.
create function octroi_private.drop_usage_month()
returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_month date;
  v_name text;
  v_patience text := current_setting('lock_timeout');
begin
  select to_date(right(c.relname, 7), 'YYYY_MM') into v_month
  from pg_inherits as i
  join pg_class as c on c.oid = i.inhrelid
  where i.inhparent = 'octroi_private.usage_event'::regclass and c.relname ~ '^usage_event_\d{4}_\d\d$'
  order by c.relname
  limit 1;
  if (v_month + interval '1 month')::timestamp at time zone 'utc' > octroi_private.kept_since('usage_event')
    or v_month is null
  then
    return 0;
  end if;
  v_name := format('octroi_private.%I', 'usage_event_' || to_char(v_month, 'YYYY_MM'));
  begin
    perform set_config('lock_timeout', '200ms', true);
    execute format('alter table octroi_private.usage_event detach partition %s', v_name);
    execute format('drop table %s', v_name);
    perform set_config('lock_timeout', v_patience, true);
  exception
    when lock_not_available or deadlock_detected then
      return 0;
  end;
  insert into octroi_private.usage_month_dropped (month, dropped_at) values (v_month, octroi_private.now());
  return 1;
end
$$;

-- What an erasure left of an account goes when its legal time is over: first calls that came late or that former
-- members made, then everything, in the order in which tables refer to one another. One account, or a bite of one.
create function octroi_private.drop_erased_account(p_max_rows integer)
returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_erased octroi_private.erased_account;
begin
  select e.* into v_erased
  from octroi_private.erased_account as e
  where e.kept_until <= octroi_private.now() and e.retry_at <= octroi_private.now() and not exists (
    select from octroi_private.erasure_step as s where s.receipt_id = e.receipt_id and s.finished_at is null
  )
  order by e.kept_until
  limit 1
  for update skip locked;
  if v_erased.account_id is null then
    return 0;
  end if;
  begin
    return octroi_private.drop_bite(v_erased, p_max_rows);
  exception
    -- one account that cannot go keeps neither the others nor the rest of the sweep
    when others then
      raise warning 'the erased account % could not be dropped and is tried again tomorrow: % (%)',
        v_erased.account_id, sqlerrm, sqlstate;
      update octroi_private.erased_account set retry_at = octroi_private.now() + interval '1 day'
      where account_id = v_erased.account_id;
      return 0;
  end;
end
$$;

create function octroi_private.drop_bite(p_erased octroi_private.erased_account, p_max_rows integer)
returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_until timestamptz := octroi_private.bite_end(p_erased.account_id, p_erased.after_at, p_max_rows);
  v_statement text;
  v_rows bigint;
  v_total bigint := octroi_private.delete_calls(p_erased.account_id, null, p_erased.after_at, v_until);
begin
  if v_until < 'infinity' then
    update octroi_private.erased_account set after_at = v_until where account_id = p_erased.account_id;
    return v_total;
  end if;
  for v_statement in
    select s.statement from octroi_private.drop_statements() as s order by s.place
  loop
    execute v_statement using p_erased.account_id;
    get diagnostics v_rows = row_count;
    v_total := v_total + v_rows;
  end loop;
  return v_total;
end
$$;

-- $1 the account.
create function octroi_private.drop_statements()
returns table (place integer, statement text)
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select s.place::integer, 'delete from octroi_private.' || s.statement
  from unnest(array[
    'reconciliation_difference where customer_id in (
      select c.id from octroi_private.stripe_customer as c where c.account_id = $1)',
    'stripe_refund where charge_id in (
      select h.id from octroi_private.stripe_charge as h
      join octroi_private.stripe_customer as c on c.id = h.customer_id where c.account_id = $1)',
    'stripe_object where kind = ''dispute'' and id in (
      select d.id from octroi_private.stripe_dispute as d
      join octroi_private.stripe_charge as h on h.id = d.charge_id
      join octroi_private.stripe_customer as c on c.id = h.customer_id where c.account_id = $1)',
    'stripe_dispute where charge_id in (
      select h.id from octroi_private.stripe_charge as h
      join octroi_private.stripe_customer as c on c.id = h.customer_id where c.account_id = $1)',
    'stripe_object where kind = ''charge'' and id in (
      select h.id from octroi_private.stripe_charge as h
      join octroi_private.stripe_customer as c on c.id = h.customer_id where c.account_id = $1)',
    'stripe_charge where customer_id in (
      select c.id from octroi_private.stripe_customer as c where c.account_id = $1)',
    'stripe_checkout_line where session_id in (
      select k.id from octroi_private.stripe_checkout_session as k
      join octroi_private.stripe_customer as c on c.id = k.customer_id where c.account_id = $1)',
    'stripe_object where kind = ''checkout_session'' and id in (
      select k.id from octroi_private.stripe_checkout_session as k
      join octroi_private.stripe_customer as c on c.id = k.customer_id where c.account_id = $1)',
    'stripe_checkout_session where customer_id in (
      select c.id from octroi_private.stripe_customer as c where c.account_id = $1)',
    'stripe_invoice_payment where invoice_id in (
      select i.id from octroi_private.stripe_invoice as i
      join octroi_private.stripe_customer as c on c.id = i.customer_id where c.account_id = $1)',
    'stripe_invoice_line where invoice_id in (
      select i.id from octroi_private.stripe_invoice as i
      join octroi_private.stripe_customer as c on c.id = i.customer_id where c.account_id = $1)',
    'stripe_object where kind = ''invoice'' and id in (
      select i.id from octroi_private.stripe_invoice as i
      join octroi_private.stripe_customer as c on c.id = i.customer_id where c.account_id = $1)',
    'stripe_invoice where customer_id in (
      select c.id from octroi_private.stripe_customer as c where c.account_id = $1)',
    'stripe_subscription_item where subscription_id in (
      select s.id from octroi_private.stripe_subscription as s
      join octroi_private.stripe_customer as c on c.id = s.customer_id where c.account_id = $1)',
    'stripe_object where kind = ''subscription'' and id in (
      select s.id from octroi_private.stripe_subscription as s
      join octroi_private.stripe_customer as c on c.id = s.customer_id where c.account_id = $1)',
    'stripe_subscription where customer_id in (
      select c.id from octroi_private.stripe_customer as c where c.account_id = $1)',
    'stripe_object where kind = ''customer'' and id in (
      select c.id from octroi_private.stripe_customer as c where c.account_id = $1)',
    'billing_cycle where account_id = $1', 'stripe_customer where account_id = $1',
    'top_up where account_id = $1', 'quota_draw where grant_id in (
      select g.id from octroi_private.quota_grant as g where g.account_id = $1)',
    'revocation where grant_id in (select g.id from octroi_private.quota_grant as g where g.account_id = $1)',
    'quota_grant where account_id = $1', 'overage_use where account_id = $1', 'meter_report where account_id = $1',
    'alert where account_id = $1', 'balance where account_id = $1', 'billing_request where account_id = $1',
    'auto_top_up where account_id = $1', 'overage_setting where account_id = $1', 'budget where account_id = $1',
    'account_limit where account_id = $1',
    'mail where account_id = $1', 'completion where account_id = $1', 'api_key where account_id = $1',
    'contact_change where account_id = $1', 'invitation where account_id = $1', 'key_use where account_id = $1',
    'key_use_cursor where account_id = $1',
    'refused_call where account_id = $1',
    'member where account_id = $1', 'subscription where account_id = $1', 'usage_daily where account_id = $1',
    'erased_account where account_id = $1', 'account where id = $1'
  ]) with ordinality as s (statement, place)
$$;
comment on function octroi_private.drop_statements() is
'What has to go before an account can. A new table with an account in it gets its line here.';

-- Rows beside usage whose time is over; what prune() and prune_billing() do not know.
create function octroi_private.apply_retention(p_max_rows integer)
returns bigint
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_since timestamptz;
  v_rows bigint;
  v_total bigint := 0;
begin
  v_since := octroi_private.kept_since('job_dead');
  delete from octroi_private.job where id in (
    select j.id from octroi_private.job as j where j.state = 'dead' and j.finished_at <= v_since limit p_max_rows
  );
  get diagnostics v_total = row_count;
  v_since := octroi_private.kept_since('billing_request');
  delete from octroi_private.billing_request where id in (
    -- ids are in order of time
    select r.id from octroi_private.billing_request as r
    where r.id < octroi_private.uuid_v7_floor(v_since) and r.finished_at <= v_since
    order by r.id
    limit p_max_rows
  );
  get diagnostics v_rows = row_count;
  v_total := v_total + v_rows;
  v_since := octroi_private.kept_since('alert');
  delete from octroi_private.alert where id in (
    select o.id
    from (select a.id, a.raised_at from octroi_private.alert as a order by a.id limit p_max_rows) as o
    where o.raised_at <= v_since
  );
  get diagnostics v_rows = row_count;
  v_total := v_total + v_rows;
  v_since := octroi_private.kept_since('refused_call');
  delete from octroi_private.refused_call as r
  where r.ctid = any(array(
    select o.ctid from octroi_private.refused_call as o
    where o.day < (v_since at time zone 'utc')::date
    order by o.day
    limit p_max_rows
  ));
  get diagnostics v_rows = row_count;
  v_total := v_total + v_rows;
  v_since := octroi_private.kept_since('usage_daily');
  delete from octroi_private.usage_daily as d
  where d.ctid = any(array(
    select k.ctid from octroi_private.usage_daily as k
    where k.day < (v_since at time zone 'utc')::date and k.day < (octroi_private.usage_kept_since() at time zone 'utc')::date
    limit p_max_rows
  ));
  get diagnostics v_rows = row_count;
  v_total := v_total + v_rows;
  v_since := octroi_private.kept_since('erasure_receipt');
  delete from octroi_private.erasure_step as s where s.receipt_id is null and s.finished_at <= v_since;
  delete from octroi_private.erasure_step as s using octroi_private.erasure_receipt as r
  where r.id = s.receipt_id and r.finished_at <= v_since and not exists (
    select from octroi_private.erased_account as e where e.receipt_id = r.id
  );
  delete from octroi_private.erasure_receipt as r
  where r.finished_at <= v_since and not exists (
    select from octroi_private.erased_account as e where e.receipt_id = r.id
  );
  get diagnostics v_rows = row_count;
  v_total := v_total + v_rows + octroi_private.watch_erasures(p_max_rows)
    + octroi_private.drop_erased_account(p_max_rows);
  -- last: from here to the end of the sweep nobody else can use the table
  return v_total + octroi_private.drop_usage_month();
end
$$;

reset role;
