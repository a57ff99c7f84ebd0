-- The rights of people: what they get, that it is theirs alone, when an answer is due, and what they can correct.
begin;
\ir setup/cast.sql
\ir setup/trail.sql
select plan(57);

-- Access: mia gets what is hers, in the team too, and nothing of the others.
create function tap.exported(p_table text) returns setof json
language plpgsql
as $$
declare
  v_after text [];
  v_page record;
  v_rows integer;
begin
  loop
    v_rows := 0;
    -- one row to a page: the way from page to page is what is tested
    for v_page in select * from octroi.my_data(p_table, v_after, 1) loop
      v_after := v_page.next_after;
      v_rows := v_rows + 1;
      return next v_page.data;
    end loop;
    exit when v_rows = 0;
  end loop;
end
$$;
grant execute on all functions in schema tap to public;

select tap.play(:mia) \g /dev/null
select results_eq(
  $$select r ->> 'model' from tap.exported('usage_event') as r order by 1$$, $$values ('gpt-5.2'), ('gpt-5.6-luna')$$,
  'a member gets their own calls, for themselves and for the team'
);
select results_eq(
  $$select r ->> 'role' from tap.exported('member') as r order by 1$$, $$values ('member'), ('owner')$$,
  'and their own membership'
);
select is(
  (select count(*) from tap.exported('account')), 1::bigint, 'but not the account of a team that is another''s'
);
select is(
  (select count(*) from tap.exported('balance') as r where r ->> 'account_id' = :team and r ->> 'scope' = 'account'),
  0::bigint, 'nor what the team has left'
);
select is(
  (select string_agg(k, ',') from tap.exported('api_key') as r cross join lateral json_object_keys(r) as k
    where k ~ 'hash'), null, 'no hash of a key'
);
select tap.play(:olga) \g /dev/null
select is((select count(*) from tap.exported('usage_event')), 2::bigint, 'an owner gets no member''s calls');
select is((select count(*) from tap.exported('account')), 2::bigint, 'but both accounts that are theirs');
select is(tap.outcome_of($$select * from octroi.my_data('job')$$), '22023', 'machinery has no rows to give');
select is(tap.outcome_of($$select * from octroi.my_data('pg_authid')$$), '22023', 'nor has anything else');
select ok(
  (select bool_and(t.purpose <> '' and t.legal_basis <> '' and jsonb_array_length(t.columns) > 0)
  from octroi.my_data_tables() as t), 'every table says why it is there, and what its columns are'
);

-- Whoever leaves a team still gets what they did there.
select tap.clear() \g /dev/null
delete from octroi_private.member where account_id = :team and user_id = :mia;
select tap.play(:mia) \g /dev/null
select is((select count(*) from tap.exported('usage_event')), 2::bigint, 'after leaving the team as well');

-- The round trip: what is exported makes the same rows again.
select tap.clear() \g /dev/null
create temp table again on commit drop as
select b.* from octroi_private.export_rows(:mia, 'usage_event', null, 100) as r
cross join lateral json_populate_record(null::octroi_private.usage_event, r.data) as b;
select set_eq(
  'select * from again', format('select * from octroi_private.usage_event where user_id = %L', :mia),
  'read back, the rows are the same'
);

-- The bundle: a link that is good once, for a quarter of an hour, and for nobody else's rows.
select tap.play(:mia) \g /dev/null
select request_id as first_id, path as first_path from octroi.export_my_data() \gset
select request_id as id, path, expires_at from octroi.export_my_data() \gset
select tap.clear() \g /dev/null
select ok(:'path' ~ '^/privacy/export/[0-9a-f]{64}$', 'the link has 256 bits');
select is(:'expires_at'::timestamptz - octroi_private.now() between '14 minutes' and '15 minutes', true, 'for minutes');
select is(
  (
    select count(*) from octroi_private.export_ticket as t
    where t.token_hash = sha256(convert_to(right(:'path', 64), 'utf8'))
  ),
  1::bigint, 'and only its hash is kept'
);
select is(
  (select count(*) from octroi_private.audit_log as l where l.action = 'export.requested'), 2::bigint, 'it is on record'
);
create function tap.enter(p_path text) returns uuid
language sql
return octroi_private.begin_export(sha256(convert_to(right(p_path, 64), 'utf8')));
grant execute on function tap.enter(text) to public;
select is(tap.enter(:'first_path'), null, 'an earlier link leads nowhere once there is another');
select is_empty(
  format('select * from octroi_private.export_page(%L, ''member'', null, 10)', :'id'),
  'no page without a ticket that was used'
);
select is(tap.enter(:'path'), :'id'::uuid, 'the link opens the request');
select is(tap.enter(:'path'), null, 'once');
select is(tap.enter('/privacy/export/' || repeat('0', 64)), null, 'a guess opens nothing');
select results_eq(
  format('select p.data::json ->> ''user_id'' from octroi_private.export_page(%L, ''member'', null, 10) as p', :'id'),
  format('values (%L)', :mia), 'its pages are the person''s'
);
select ok(octroi_private.finish_export(:'id', 1, 2, 'ab'), 'and its end is written down');
select results_eq(
  format('select state, evidence from octroi_private.privacy_request where id = %L', :'id'),
  $$values ('done', '{"rows": 1, "bytes": 2, "sha256": "ab"}'::jsonb)$$, 'as the answer'
);
insert into octroi_private.test_clock (shift) values ('16 minutes');
select is_empty(
  format('select * from octroi_private.export_page(%L, ''member'', null, 10)', :'id'), 'no page after fifteen minutes'
);
select tap.play(:mia) \g /dev/null
select path as late_path from octroi.export_my_data() \gset
select tap.clear() \g /dev/null
update octroi_private.test_clock set shift = '32 minutes';
select is(tap.enter(:'late_path'), null, 'nor a link that is older');
select tap.play(:mia) \g /dev/null
do $$
begin
  for n in 1 .. 7 loop
    perform e.path from octroi.export_my_data() as e;
  end loop;
end
$$;
select is(tap.outcome_of('select * from octroi.export_my_data()'), 'OC042', 'ten a day are enough');
select tap.play(:missing) \g /dev/null
select is(tap.outcome_of('select * from octroi.export_my_data()'), 'OC020', 'nobody gets nothing');
select tap.play_role('anon') \g /dev/null
select is(tap.outcome_of('select * from octroi.export_my_data()'), '42501', 'nor does who is not signed in');

-- The clocks.
select tap.clear() \g /dev/null
delete from octroi_private.test_clock;
insert into octroi_private.test_clock (shift) select '2027-01-31 12:00+00'::timestamptz - clock_timestamp();
select octroi_private.open_privacy_request(:sten, 'erasure', 'operator') as gdpr \gset
select octroi_private.open_privacy_request(:sten, 'access', 'operator', 'ccpa') as ccpa \gset
select octroi_private.open_privacy_request(:sten, 'opt_out', 'operator', 'ccpa') as opt_out \gset
create function tap.due(p_id uuid) returns date
language sql
return (select (r.due_at at time zone 'utc')::date from octroi_private.privacy_request as r where r.id = p_id);
select is(tap.due(:'gdpr'), '2027-02-28'::date, 'a month from the 31st of January ends in February');
select is(tap.due(:'ccpa'), '2027-03-17'::date, 'the CCPA gives 45 days');
select is(tap.due(:'opt_out'), '2027-02-19'::date, 'and fifteen business days for an opt-out');
select is(
  (select (r.confirm_by at time zone 'utc')::date from octroi_private.privacy_request as r where r.id = :'ccpa'),
  '2027-02-12'::date, 'and ten to confirm'
);
create function tap.troubles() returns setof text
language sql
begin atomic
select subject from octroi_private.privacy_troubles();
end;
update octroi_private.test_clock set shift = shift + '19 days';
select ok(:'gdpr' not in (select * from tap.troubles()), 'on day 19 the operator is left alone');
update octroi_private.test_clock set shift = shift + '1 day';
select ok(:'gdpr' in (select * from tap.troubles()), 'on day 20 they hear of it');
select ok(:'ccpa' in (select * from tap.troubles()), 'and of what was never confirmed');
select octroi_private.extend_privacy_request(:'gdpr', 'very many rows') \g /dev/null
select is(tap.due(:'gdpr'), '2027-04-28'::date, 'put off by two months, with a reason');
select ok(:'gdpr' not in (select * from tap.troubles()), 'it is quiet for a while');
select is(
  tap.outcome_of(format('select octroi_private.extend_privacy_request(%L, ''again'')', :'gdpr')), 'OC044',
  'but only once'
);
select is(
  tap.outcome_of(format('select octroi_private.close_privacy_request(%L, ''refused'', ''{}'')', :'gdpr')),
  '23514 privacy_request_refused_for_a_reason', 'a refusal has a reason'
);

-- Rectification.
select tap.play(:olga) \g /dev/null
select octroi.update_my_contact(phone => '+33123456789', locale => 'fr', time_zone => 'Europe/Paris') \g /dev/null
select is(tap.outcome_of($$select octroi.update_my_contact(phone => '0123')$$), '22023', 'a number that is none');
select is(
  tap.outcome_of($$select octroi.update_my_contact(address => '{"planet": "Mars"}')$$), '22023', 'no such place'
);
select is(
  tap.outcome_of($$select octroi.update_my_contact(address => '{"line1": "1 rue X", "country": "FR"}')$$), 'OC043',
  'an address has no place here before Stripe knows the account'
);
select is(
  tap.outcome_of($$select octroi.update_my_contact(billing_email => 'a@b, c@d')$$), '22023', 'one address, not two'
);
select tap.clear() \g /dev/null
insert into octroi_private.stripe_customer (id, account_id, is_delinquent, has_payment_method, is_deleted)
values ('cus_olga', tap.personal('olga'), false, false, false);
select tap.play(:olga) \g /dev/null
select octroi.update_my_contact(address => '{"line1": "1 rue X", "country": "FR"}') as change \gset
select octroi.update_my_contact(account_name => 'Olga O.') \g /dev/null
select tap.clear() \g /dev/null
select is_empty(
  $$select c.id from octroi_private.contact_change as c
    where position('rue X'::bytea in c.details) > 0 or position('Olga'::bytea in c.details) > 0$$,
  'while it waits it is under seal'
);
select results_eq(
  format('select version, customer_id, details from octroi_private.load_contact_change(%L)', :'change'),
  $$values (2, 'cus_olga', '{"name": "Olga O.", "address": {"line1": "1 rue X", "country": "FR"}}'::jsonb)$$,
  'two corrections on their way are one'
);
select is(octroi_private.finish_contact_change(:'change', 1, null), false, 'an older version does not end it');
select is(octroi_private.finish_contact_change(:'change', 2, null), true, 'the newest does');
select is_empty(
  $$select id from octroi_private.contact_change where details is not null
    union all select null from octroi_private.job where args::text ~ 'rue X'$$,
  'and nothing of the address is left here'
);
select is(
  (select r.state from octroi_private.privacy_request as r where r.id = :'change'), 'done', 'the request is answered'
);

-- Without operator keys it is refused, and not kept in the clear.
select current_setting('octroi.key_file') as key_file \gset
select set_config('octroi.key_file', '/nonexistent', true) \g /dev/null
select tap.play(:olga) \g /dev/null
select is(
  tap.outcome_of($$select octroi.update_my_contact(address => '{"line1": "2 rue Y", "country": "FR"}')$$), 'OC050',
  'what cannot be sealed is not taken'
);
select tap.clear() \g /dev/null
select is_empty(
  $$select id from octroi_private.contact_change where details is not null
    union all select id from octroi_private.privacy_request where user_id = $$ || quote_literal(:olga) || $$ and state = 'open'$$,
  'nor left lying about'
);
select set_config('octroi.key_file', :'key_file', true) \g /dev/null

-- The ledger stays; what was wrong is made up for, once.
select e.id as call from octroi_private.usage_event as e where e.user_id = :sten \gset
select octroi_private.correct_usage(:'call', 'counted twice') \g /dev/null
select is(
  (select g.amount from octroi_private.quota_grant as g where g.source = 'correction:' || :'call' || ':tokens')::bigint,
  110::bigint, 'a call that was counted wrongly is granted anew'
);
select is(
  tap.outcome_of(format('select octroi_private.correct_usage(%L, ''once more'')', :'call')), 'OC044', 'once'
);
select is_empty('select * from octroi_private.integrity', 'and the books are sound');

-- A user who goes leaves the proof, and not who they were.
delete from auth.users where id = :olga;
select is_empty(
  format(
    'select id::text from octroi_private.privacy_request where user_id = %1$L '
    'union all select request_id::text from octroi_private.export_ticket where user_id = %1$L '
    'union all select id::text from octroi_private.contact_change where user_id = %1$L', :olga
  ), 'nothing here names who is gone'
);

-- With erasure in place, what the register says of it is true: nothing that is to go is found for who is gone.
create function tap.left_of(p_user_id uuid) returns setof text
language sql
as $$
  select t.table_name
  from octroi_private.personal_table as t
  cross join lateral octroi_private.export_rows(p_user_id, t.table_name, null, 1) as r
  where t.erasure = 'delete' and t.reach is not null and to_regclass('octroi_private.' || t.table_name) is not null
    and to_regprocedure('octroi_private.erase_user(uuid, text)') is not null
$$;
select is_empty(format('select tap.left_of(%L)', :olga), 'what the register has deleted is gone');

select * from finish();
rollback;
