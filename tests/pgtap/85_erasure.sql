-- Deleting a user: what is gone at once, what is removed after it, what is kept and for how long, and that the books
-- agree after every step of it.
begin;
\ir setup/cast.sql
select plan(61);

select octroi_private.link_stripe_customer(tap.personal('mia'), 'cus_mia') \g /dev/null
select tap.personal('mia') as mia_account, tap.personal('olga') as olga_account \gset

-- Mia has something everywhere.
select octroi_private.enqueue_mail(:'mia_account', :mia, 'threshold', '1', '{}', now() + interval '1 day') \g /dev/null
select octroi_private.enqueue_billing_request(
  :'mia_account', :mia, 'portal', '{"return_url": "https://mia.example/canary"}'
) \g /dev/null
insert into octroi_private.budget (account_id, scope, subject, meter, period, amount)
values (:team, 'member', :mia, 'tokens', 'day', 5000);
select r.verdict from octroi_private.reserve(
  '01900000-0000-7000-8000-000000000001', :'mia_account', null, :mia, 'gpt-5.6-luna', 10, 20, 1, 'canary-order-7'
) as r \g /dev/null
select r.verdict from octroi_private.reserve(
  '01900000-0000-7000-8000-000000000002', :team, null, :mia, 'gpt-5.6-luna', 10, 20
) as r \g /dev/null
select r.verdict from octroi_private.reserve(
  '01900000-0000-7000-8000-000000000003', :team, null, :mia, 'gpt-5.6-luna', 10, 20
) as r \g /dev/null
update octroi_private.request
set started_at = started_at - interval '1 hour', expires_at = started_at - interval '1 minute'
where id = '01900000-0000-7000-8000-000000000003';
select octroi_private.expire_due(1) \g /dev/null
select tap.play(:mia) \g /dev/null
select octroi.request_completion('{"model": "gpt-5.6-luna", "input": "canary prompt"}') \g /dev/null
select k.secret as mia_secret from octroi.create_api_key('canary key') as k \gset

-- Nobody but the owner can open an append-only table, not even for themselves.
select is(tap.outcome_of(
  $$insert into octroi_private.append_only_pass values ('octroi_private.usage_event', pg_current_xact_id())$$
), '42501', 'a user cannot give themselves the right to remove usage');
select tap.clear() \g /dev/null
select is(
  tap.outcome_of('delete from octroi_private.usage_event'), 'OC003', 'usage is append-only, also for a superuser'
);
select set_config('octroi.erasure', 'on', true) \g /dev/null
select is(
  tap.outcome_of('update octroi_private.usage_event set user_id = gen_random_uuid()'), 'OC003',
  'no setting changes that'
);

-- Mia deletes herself.
select tap.play(:mia) \g /dev/null
select receipt_id as receipt, kept as mia_kept from octroi.delete_my_account() \gset
select isnt(:'receipt'::text, '', 'she is given a receipt');
select is(tap.outcome_of('select octroi.my_quota()'), 'OC020', 'her token is nobody''s any more');
select is_empty('select * from octroi.usage', 'she sees no usage');
select tap.clear() \g /dev/null
select is_empty('select * from octroi_private.integrity', 'the books agree');
select is_empty('select * from octroi_private.append_only_pass', 'no pass is left lying about');
select is_empty(format('select from auth.users where id = %L', :mia), 'Auth has forgotten her');

create function tap.rows_of(p_user_id uuid) returns setof text
language plpgsql
as $$
declare
  v_table regclass;
  v_found boolean;
begin
  for v_table in
    select c.oid::regclass from pg_class as c
    where c.relnamespace = 'octroi_private'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
  loop
    execute format('select exists (select from %s as t where t::text like %L)', v_table, '%' || p_user_id || '%')
    into v_found;
    if v_found then
      return next v_table::text;
    end if;
  end loop;
end
$$;
select bag_eq(
  format('select * from tap.rows_of(%L)', :mia),
  array[
    'octroi_private.usage_event', 'octroi_private.usage_daily', 'octroi_private.request', 'octroi_private.usage_removal'
  ]::text [],
  'her id is left in the rows of calls alone, and in the cursor that removes them'
);
select is_empty(
  $$select from octroi_private.completion where request::text like '%canary%'
    union all select from octroi_private.api_key where name like '%canary%'
    union all select from octroi_private.billing_request where args::text like '%canary%'
    union all select from octroi_private.request where idempotency_key like '%canary%'$$,
  'what she wrote is gone'
);
select is_empty(
  format('select * from octroi_private.authenticate_key(sha256(%L::bytea))', :'mia_secret'), 'her key is unknown'
);
select results_eq(
  format('select status, name, owner_user_id from octroi_private.account where id = %L', :'mia_account'),
  $$values ('closed', 'erased', null::uuid)$$, 'her account is closed, without name and owner'
);
select results_eq(
  format($$select state, error, user_id = %L from octroi_private.billing_request where account_id = %L$$,
    :mia, :'mia_account'),
  $$values ('failed', 'account_erased', false)$$, 'what she asked of Stripe is not carried out any more'
);
select results_eq(
  $$select state, idempotency_key, balance_ids from octroi_private.request
    where id = '01900000-0000-7000-8000-000000000001'$$,
  $$values ('expired'::octroi_private.request_state, null::octroi_private.short_text, '{}'::bigint[])$$,
  'her own call under way is over'
);
select is(
  (select sum(b.reserved) from octroi_private.balance as b where b.account_id = :'mia_account'), 0::numeric,
  'and holds nothing'
);
select is(
  (select r.state from octroi_private.request as r where r.id = '01900000-0000-7000-8000-000000000002')::text, 'open',
  'the team''s call goes on'
);

-- Late usage of both.
select is(
  (select s.outcome from octroi_private.settle('01900000-0000-7000-8000-000000000001', 10, 15) as s), 'settled_late',
  'a settle that comes late is still taken'
);
select is(
  (select s.outcome from octroi_private.settle('01900000-0000-7000-8000-000000000002', 10, 15) as s), 'settled',
  'so is the team''s, in time'
);
select is(
  (select s.outcome from octroi_private.settle('01900000-0000-7000-8000-000000000003', 10, 15) as s), 'settled_late',
  'and one of the team''s whose time was over before she left'
);
select results_eq(
  format($$select e.user_id = r.pseudonym, cardinality(e.balance_ids) > 0
    from octroi_private.usage_event as e, octroi_private.erasure_receipt as r
    where r.id = %L and e.id::text like '01900000-0000-7000-8000-00000000000_'
    order by e.id$$, :'receipt'),
  $$values (true, false), (true, true), (true, true)$$,
  'all under the pseudonym; hers on no balance, the team''s on the team''s'
);
select is_empty('select * from octroi_private.integrity', 'the books still agree');

-- Nobody comes back by a row.
create view tap.guard as
select c.relname::text as table_name, g.tgtype
from pg_trigger as g
join pg_class as c on c.oid = g.tgrelid
where g.tgfoid = 'octroi_private.only_about_the_living'::regproc;
select set_eq(
  $$select c.relname::text
    from pg_class as c
    join pg_attribute as a on a.attrelid = c.oid and a.attname in ('user_id', 'owner_user_id') and not a.attisdropped
    where c.relnamespace = 'octroi_private'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
    except
    select g.table_name from tap.guard as g$$,
  array[
    -- their own row; calls, which resolve_open_requests waits for; the cursor of the removal
    'person', 'request', 'usage_event', 'usage_daily', 'entitlement', 'stored_response', 'usage_removal'
  ],
  'every row that names a living person is written by who holds on to that person'
);
select is(
  (select count(*) from tap.guard as g where g.tgtype & 7 <> 7), 0::bigint, 'before it is there, each by itself'
);
create function tap.come_back(p_user_id uuid, p_account_id uuid) returns table (outcome text)
language sql
as $$
  select tap.outcome_of(format('insert into octroi_private.' || s.statement, p_user_id, p_account_id))
  from (values
    ('account (kind, owner_user_id, name) values (''team'', %1$L, ''x'')'),
    ('api_key (account_id, user_id, name, key_prefix, key_hash)
      values (%2$L, %1$L, ''x'', ''sk-oct-x'', sha256(''x''))'),
    ('notification_setting (user_id) values (%1$L) on conflict do nothing'),
    ('budget values (%2$L, ''member'', %1$L, ''tokens'', ''day'', 5)'),
    ('completion (account_id, user_id, endpoint, request, expires_at)
      values (%2$L, %1$L, ''responses'', ''{}'', now())'),
    ('billing_request (account_id, user_id, kind, args) values (%2$L, %1$L, ''portal'', ''{}'')')
  ) as s (statement)
$$;
select bag_eq(
  format('select c.outcome from tap.come_back(%L, %L) as c', :mia, :team),
  $$select 'OC020' from generate_series(1, 6)$$, 'what somebody asks for who is gone is refused'
);
select bag_eq(
  format('select c.outcome from tap.come_back(%L, %L) as c', :sten, :team),
  $$select '00000' from generate_series(1, 6)$$, 'and not what somebody else does'
);
select is(
  octroi_private.enqueue_mail(:team, :mia, 'threshold', '2', '{}', now() + interval '1 day'), false,
  'nobody writes to her'
);
select is(
  octroi_private.enqueue_billing_request(:team, :mia, 'auto_top_up', '{}'), null,
  'or buys for her, and no call fails of it'
);
insert into auth.mfa_factors (id, user_id, factor_type, status, created_at, updated_at)
select gen_random_uuid(), u.id, 'totp', 'verified', now(), now() from auth.users as u where u.id = :mia;
select is_empty(
  format('select from octroi_private.second_factor as f where f.user_id = %L', :mia), 'or keeps a factor of hers'
);

-- Removal in bites of one.
create function tap.bites(p_receipt_id uuid, p_max_rows integer) returns integer
language plpgsql
as $$
declare
  v_bites integer := 0;
begin
  while not (select r.is_done from octroi_private.remove_usage(p_receipt_id, p_max_rows) as r) loop
    v_bites := v_bites + 1;
    if exists (select from octroi_private.integrity) then
      raise exception 'the books disagree after bite %', v_bites;
    end if;
  end loop;
  return v_bites;
end
$$;
select is((select count(*) from octroi_private.usage_event where user_id = :mia), 2::bigint, 'two calls are hers');
select cmp_ok(
  tap.bites(:'receipt', 1), '>', 4, 'they are removed bite by bite, and every bite leaves the books in order'
);
select is_empty(format('select * from tap.rows_of(%L)', :mia), 'then her id is nowhere');
select is(
  (select count(*) from octroi_private.usage_event as e where e.account_id = :team), 5::bigint,
  'the team has lost no call'
);
select is(
  (select sum(d.requests) from octroi_private.usage_daily as d where d.account_id = :team), 5::numeric,
  'nor a sum'
);
select is(
  (
    select count(*) from octroi_private.usage_event as e
    where e.account_id = :'mia_account' and e.id <> '01900000-0000-7000-8000-000000000001'
  ),
  0::bigint, 'her own calls are deleted'
);

-- The receipt.
select results_eq(
  format($$select asked_by, (erased ->> 'usage_event')::int, (erased ->> 'usage_event_unlinked')::int,
    (erased ->> 'member')::int, erased ? 'contact' from octroi_private.erasure_receipt where id = %L$$, :'receipt'),
  $$values ('user', 1, 1, 2, true)$$, 'the receipt counts what went'
);
select ok(:'mia_kept' like '%Art. 17(3)(b) GDPR; ZZ: 10 years%', 'and says why and by which law something stays');
select results_eq(
  format($$select t.table_name, t.retention like 'for good%%', k.item ->> 'until' is null
    from octroi_private.erasure_receipt as r
    cross join lateral jsonb_array_elements(r.kept) as k (item)
    join (values ('audit_log', 'audit entries '), ('erasure_receipt', 'this receipt'), ('tombstone', 'tombstone'))
      as n (table_name, what) on starts_with(k.item ->> 'what', n.what)
    join octroi_private.personal_table as t on t.table_name = n.table_name
    where r.id = %L
    order by 1$$, :'receipt'),
  $$values ('audit_log', true, true), ('erasure_receipt', false, false), ('tombstone', true, true)$$,
  'and says the same as the register of what stays for good'
);
select is(
  (
    select max((k.item ->> 'until')::timestamptz) from octroi_private.erasure_receipt as r
    cross join lateral jsonb_array_elements(r.kept) as k (item)
    where r.id = :'receipt' and k.item ->> 'what' = 'this receipt'
  ), (select e.kept_until from octroi_private.erased_account as e where e.account_id = :'mia_account'),
  'the receipt is there for as long as something of the account is'
);
select results_eq(
  format($$select kept_until from octroi_private.erased_account where account_id = %L$$, :'mia_account'),
  $$select (date_trunc('year', octroi_private.now() at time zone 'utc') + interval '11 years') at time zone 'utc'$$,
  'until ten years after the end of the year'
);
select results_eq(
  format($$select kind, finished_at is not null from octroi_private.erasure_step where receipt_id = %L order by kind$$,
    :'receipt'),
  $$values ('stripe', false), ('usage', true)$$, 'Stripe is still to be told'
);
select is(
  (select r.action from octroi_private.erasure_step as s
    cross join octroi_private.erasure_at_stripe(s.id) as r where s.kind = 'stripe'),
  'delete', 'without a subscription the customer is deleted next'
);
-- Its job was given up.
update octroi_private.job set state = 'dead', finished_at = now() where kind = 'erase_at_stripe';
select is(octroi_private.watch_erasures(10), 0::bigint, 'a step is left alone for an hour');
update octroi_private.erasure_step set created_at = created_at - interval '1 hour';
select is(octroi_private.watch_erasures(10), 1::bigint, 'then the sweep has it taken up again');
select is(octroi_private.watch_erasures(10), 0::bigint, 'once');
select octroi_private.finish_erasure_step(s.id) from octroi_private.erasure_step as s where s.kind = 'stripe'
\g /dev/null
select ok((select finished_at is not null from octroi_private.erasure_receipt), 'then the erasure is complete');

-- Olga owns the team, and pays for it. Ada is its admin.
select octroi_private.link_stripe_customer(:team, 'cus_team') \g /dev/null
select octroi_private.store_subscription(
  '{"id": "sub_team", "customer": "cus_team", "status": "active", "created": 1}'
) \g /dev/null
insert into octroi_private.billing_request (account_id, user_id, kind, args, state, object_id, finished_at)
values (:team, :olga, 'top_up', '{}', 'done', 'cs_olga', now()), (:team, :ada, 'top_up', '{}', 'done', 'cs_ada', now());
delete from auth.users where id = :olga;
select s.id as step, r.id as olga_receipt from octroi_private.erasure_step as s
join octroi_private.erasure_receipt as r on r.id = s.receipt_id
where s.kind = 'handover' \gset
select results_eq(
  format('select customer_id, session_ids from octroi_private.erasure_customer(%s)', :'step'),
  $$values ('cus_team', array['cs_olga'])$$, 'what Stripe knows of her there is to go, with the pages that she opened'
);
select results_eq(
  format($$select action, args - 'until_s' from octroi_private.erasure_at_stripe(%s)$$, :'step'),
  $$values ('hand_over', '{"email": "ada@example.test", "locale": "en"}'::jsonb)$$, 'in favour of who owns it now'
);
insert into octroi_private.job (kind, args, state, lease_expires_at, worker, run_at)
values ('push_contact', '{}', 'running', now() + interval '1 minute', 'w', now() - interval '1 second');
select is(
  (select action from octroi_private.erasure_at_stripe(:'step')), 'wait', 'after whatever was being written there'
);
delete from octroi_private.job where kind = 'push_contact';
insert into octroi_private.contact_change (id, account_id, user_id, details, created_at)
select i.id, :team, :ada, octroi_private.seal_for(:ada, 'contact_change.details', '{"name": "Ada"}'), now()
from (select octroi_private.open_privacy_request(:ada, 'rectification') as id) as i;
create function tap.waits() returns boolean
language sql
return (select l.must_wait from octroi_private.contact_change as c
  cross join lateral octroi_private.load_contact_change(c.id) as l);
select ok(tap.waits(), 'before anything else is');
select ok(
  exists (
    select from octroi_private.mail as m where m.user_id = :ada and m.kind = 'new_owner' and m.account_id = :team
  ), 'ada is told'
);
select ok(
  (select r.kept::text like '%Stripe of a team that goes on%' from octroi_private.erasure_receipt as r
    where r.id = :'olga_receipt'), 'so is olga, by her receipt'
);
update octroi_private.erasure_step set created_at = created_at - interval '1 hour' where id = :'step';
update octroi_private.job set state = 'dead', finished_at = now() where kind = 'erase_at_stripe';
select octroi_private.watch_erasures(10) \g /dev/null
select is(
  (select j.args ->> 'step_id' from octroi_private.job as j where j.kind = 'erase_at_stripe' and j.state = 'queued'),
  :'step', 'a job that was given up is taken up again'
);
select octroi_private.finish_erasure_step(:'step') \g /dev/null
select ok(not tap.waits(), 'then the team can say what it is called');
select results_eq(
  format($$select a.status, a.owner_user_id, m.role from octroi_private.account as a
    join octroi_private.member as m on m.account_id = a.id where a.id = %L$$, :team),
  format($$values ('active', %L::uuid, 'owner')$$, :ada), 'a team goes to its oldest admin'
);
update auth.users set deleted_at = now(), email = 'x' where id = :ada;
select results_eq(
  format($$select status, owner_user_id, name from octroi_private.account where id = %L$$, :team),
  $$values ('closed', null::uuid, 'erased')$$, 'with the last member it ends, also when Auth deletes softly'
);
select is_empty(
  format($$select user_id from octroi_private.contact where user_id = %L$$, :ada),
  'the address that a soft deletion leaves is not taken up again'
);
update auth.users set email = 'ada@again.test', phone = '+33123456789' where id = :ada;
select is_empty(
  format($$select user_id from octroi_private.contact where user_id = %1$L
    union all select user_id from octroi_private.notification_setting where user_id = %1$L$$, :ada),
  'nor one that Auth writes into the row it keeps'
);
delete from auth.users where id = :ada;
select is(
  (select count(*) from octroi_private.erasure_receipt), 3::bigint, 'deleting the row after that is no second erasure'
);
select tap.bites(r.id, 2) from octroi_private.erasure_receipt as r \g /dev/null
select is_empty(
  format('select * from tap.rows_of(%L) union all select * from tap.rows_of(%L)', :olga, :ada), 'both are gone'
);
select is_empty('select * from octroi_private.integrity', 'and the books agree');

select * from finish();
rollback;
