-- A user whom Auth has banned: their keys and their tokens do nothing, wherever they are, and nobody else's suffer.
begin;
\ir setup/cast.sql
select plan(27);

-- olga owns a team and has a key on it; a call of hers is resolved, a completion answered, a bundle waits for her.
select tap.key_id('olga team') as team_key, tap.key_id('olga personal') as own_key, tap.personal('olga') as olga_account
\gset
create function tap.state_of(p_secret text) returns text
language sql
volatile
begin atomic
select a.state from octroi_private.authenticate_key(sha256(p_secret::bytea)) as a;
end;
create function tap.ban(p_user_id uuid, p_until timestamptz) returns void
language sql
begin atomic
update auth.users set banned_until = p_until where id = p_user_id;
end;
create function tap.verdict(p_account uuid, p_key uuid, p_user uuid) returns text
language sql
begin atomic
select coalesce(r.reason, r.verdict)
from octroi_private.reserve(octroi_private.uuid_v7(), p_account, p_key, p_user, 'gpt-5.6-luna', 1, 1) as r;
end;
select is(tap.verdict(:team, :'team_key', :olga), 'granted', 'before it her calls are granted');
select e.id as call from octroi_private.usage_event as e where e.user_id = :olga limit 1 \gset
select octroi_private.enqueue_billing_request(:team, :olga, 'portal', '{}') as request \gset
select tap.play(:olga) \g /dev/null
select octroi.request_completion('{"model": "gpt-5.6-luna", "input": "hello"}') as completion \gset
select e.path as download from octroi.export_my_data() as e \gset
select tap.clear() \g /dev/null

-- A row of hers in whatever else a view shows: an invoice, a pack, a warning.
insert into octroi_private.stripe_customer (id, account_id) values ('cus_olga', :'olga_account');
insert into octroi_private.stripe_invoice (
  id, customer_id, status, currency, total_minor, amount_due_minor, amount_paid_minor, created_at, auto_advance,
  attempt_count
)
values ('in_olga', 'cus_olga', 'open', 'usd', 900, 900, 0, now(), true, 1);
select octroi_private.add_grant(:'olga_account', 'tokens', 5000, 'top_up', 'bought') as bought \gset
insert into octroi_private.top_up (grant_id, account_id, pack_id, quantity, paid_minor, currency, bought_at)
select :'bought', :'olga_account', min(k.id), 1, 500, 'usd', now() from octroi_private.top_up_pack as k;
insert into octroi_private.alert (
  account_id, balance_id, scope, subject, meter, threshold, used, granted, period_start, resets_at, raised_at
)
select b.account_id, b.id, 'account', '', 'tokens', 80, 80, 100, b.period_start, b.resets_at, now()
from octroi_private.balance as b
where b.account_id = :'olga_account' and b.scope = 'account' and b.meter = 'tokens' and b.resets_at < 'infinity'
limit 1;
select tap.play(:olga) \g /dev/null
select results_eq(
  $$select (select count(*) from octroi.invoices), (select count(*) from octroi.top_ups),
    (select count(*) from octroi.alerts)$$, $$values (1::bigint, 1::bigint, 1::bigint)$$, 'before it she sees them'
);
select tap.clear() \g /dev/null

-- As Auth does it, whose login has no right on anything of Octroi's.
grant select, update on auth.users to service_role;
set local role service_role;
select tap.ban(:olga, now() + interval '1 hour') \g /dev/null
select tap.clear() \g /dev/null

select is(tap.state_of('olga'), 'suspended', 'a banned user''s key is refused');
select is(tap.state_of('olga team'), 'suspended', 'so is the one they made for a team');
select is(
  (select u.state from octroi_private.authenticate_user(:olga, null) as u), 'suspended', 'and their token'
);
select is(
  (select u.state from octroi_private.authenticate_user(:olga, :team) as u), 'suspended', 'on the team as well'
);
select is(tap.verdict(:team, :'team_key', :olga), 'account_suspended', 'what was resolved before counts no more');
select is(tap.verdict(:'olga_account', null, :olga), 'account_suspended', 'nor is anything new granted');
select is(
  tap.outcome_of(format(
    'select octroi_private.record_usage(%L, %L, %L, 1, 1)', :'olga_account', :olga, 'gpt-5.6-luna'
  )), 'OC011', 'usage of theirs is not recorded'
);
select is(tap.state_of('ada team'), 'active', 'others of the team go on, without its owner');
select is(tap.verdict(:team, null, :ada), 'granted', 'and are granted calls');
select is(
  octroi_private.begin_export(sha256(convert_to(split_part(:'download', '/', 4), 'utf8'))), null,
  'a bundle that was asked for is not handed out'
);

-- Every RPC and every view, with the token that has not expired.
create table tap.call as
select p.oid::regprocedure::text as signature, format(
  'select octroi.%I(%s)', p.proname, case p.proname
    when 'billing_request' then quote_literal(:'request') when 'completion' then quote_literal(:'completion')
    when 'receipt' then quote_literal(:'call') else (
      select string_agg(format('null::%s', format_type(t.type_oid, null)), ', ' order by t.ord)
      from unnest(p.proargtypes::oid []) with ordinality as t (type_oid, ord)
    )
  end
) as statement
from pg_proc as p
where p.pronamespace = 'octroi'::regnamespace and has_function_privilege('authenticated', p.oid, 'execute');
grant select on tap.call to public;
select tap.play(:olga) \g /dev/null
select bag_eq(
  $$select c.signature from tap.call as c where tap.outcome_of(c.statement) <> 'OC022'$$,
  array['octroi.count_tokens(text,text)', 'octroi.my_data_tables()'],
  'every RPC refuses them, but for two that are about nobody'
);
select is_empty(
  $$select v.viewname from pg_views as v
    where v.schemaname = 'octroi' and v.viewname not in ('plans', 'top_up_packs')
      and tap.outcome_of(format('select * from octroi.%I', v.viewname)) <> 'OC022'$$, 'so does every view'
);
select is(
  tap.outcome_of(format('select * from octroi.api_keys where user_id = %L', :olga)), 'OC022',
  'also when only their own keys are asked for'
);
select is(
  tap.outcome_of($$select octroi.create_api_key('x')$$), 'OC022', 'a second factor that is shown changes nothing'
) from set_config('request.jwt.claims', jsonb_build_object(
  'sub', '01a00000-0000-7000-8000-00000000000a', 'role', 'authenticated', 'aal', 'aal2'
)::text, true);
select tap.play(:ada) \g /dev/null
select is(tap.outcome_of('select octroi.my_quota()'), '00000', 'a colleague asks as before');
select is(octroi.revoke_api_key(:'team_key'), true, 'and, as an admin, ends the key');
select tap.clear() \g /dev/null

-- The end of it, by time or by hand.
insert into octroi_private.test_clock (shift) values ('61 minutes');
select is(tap.state_of('olga'), 'active', 'when its time is over the key works');
select is(tap.verdict(:'olga_account', :'own_key', :olga), 'granted', 'and calls are granted');
select tap.ban(:olga, 'infinity') \g /dev/null
select is(tap.verdict(:'olga_account', :'own_key', :olga), 'account_suspended', 'a ban without end holds');
select tap.ban(:olga, null) \g /dev/null
select is(tap.verdict(:'olga_account', :'own_key', :olga), 'granted', 'until it is lifted');
select tap.play(:olga) \g /dev/null
select is(tap.outcome_of('select octroi.my_quota()'), '00000', 'their token asks again');
select tap.clear() \g /dev/null
select bag_eq(
  $$select l.action from octroi_private.audit_log as l where l.action like 'ban.%'$$,
  array['ban.insert', 'ban.update', 'ban.delete'], 'each step is in the audit log'
);

-- Banned from the first moment, and erased.
insert into auth.users (id, email, banned_until) values (:missing, 'x@example.test', 'infinity');
select is(
  (select u.state from octroi_private.authenticate_user(:missing, null) as u), 'suspended',
  'who is made banned is banned'
);
update auth.users set deleted_at = now() where id = :missing;
select is_empty('select b.user_id from octroi_private.ban as b', 'an erasure forgets the ban');
select tap.ban(:missing, now()) \g /dev/null
select is_empty('select b.user_id from octroi_private.ban as b', 'and none is kept of who is erased');

select * from finish();
rollback;
