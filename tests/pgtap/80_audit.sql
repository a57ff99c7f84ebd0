-- Who did what: every critical action is entered with actor, time and reason, nobody is named, and whatever is changed
-- afterwards breaks the chain.
begin;
\ir setup/cast.sql
select plan(59);

create function tap.entries(p_like text) returns bigint
language sql
stable
security definer
begin atomic
select count(*) from octroi_private.audit_log as l where l.action like p_like;
end;
create function tap.last_entry() returns octroi_private.audit_log
language sql
stable
security definer
begin atomic
select l from octroi_private.audit_log as l order by l.id desc limit 1;
end;

-- What each action leaves behind.
create table tap.deed (action text primary key, statement text);
insert into tap.deed values
('member.update', format('update octroi_private.member set role = ''admin'' where user_id = %L', :mia)),
('member.delete', format('delete from octroi_private.member where user_id = %L and role = ''admin''', :mia)),
('account.update', format(
  'update octroi_private.account set owner_user_id = %L where id = %L', :ada, :team
)),
('budget.insert', format(
  'insert into octroi_private.budget (account_id, scope, subject, meter, period, amount)
  values (%L, ''account'', '''', ''tokens'', ''day'', 5)', :team
)),
('account_limit.insert', format(
  'select octroi_private.set_account_limit(%L, ''tokens'', ''day'', 5, ''asked for'')', :team
)),
(
  'promotion.insert',
  'insert into octroi_private.promotion (code, meter, amount, expires_at, reason)
  values (''x'', ''tokens'', 5, ''infinity'', ''x'')'
),
('quota_grant.insert', format('select octroi_private.add_grant(%L, ''tokens'', 5, ''promo'', ''x'')', :team)),
('subscription.update', format('select octroi_private.assign_plan(%L, ''free'')', :team)),
('billing_setting.update', 'select octroi_private.set_billing_settings(''{"report_every_seconds": 301}'')'),
('overage_setting.insert', format(
  'insert into octroi_private.overage_setting (account_id, is_on) values (%L, true)', :team
)),
('auto_top_up.insert', format(
  'insert into octroi_private.auto_top_up (account_id, pack_code, below, monthly_cap_minor, user_id)
  values (%L, ''tokens_100k'', 5, 5000, %L)', :team, :olga
)),
('notification_setting.update', format(
  'update octroi_private.notification_setting set locale = ''fr'' where user_id = %L', :mia
)),
('plan.update', 'update octroi_private.plan set rank = rank + 1 where code = ''basic'''),
('plan_version.insert', 'insert into octroi_private.plan_version (plan_code, version) values (''free'', 99)'),
('top_up_pack.update', 'update octroi_private.top_up_pack set retired_at = now()'),
('model_price.delete', 'delete from octroi_private.model_price where model = ''gpt-6.1-terra'''),
('consent_policy.insert', 'select octroi_private.publish_policy(''news'', ''2'', ''Other words.'')'),
('second_factor.insert', format(
  'insert into auth.mfa_factors (id, user_id, factor_type, status, created_at, updated_at)
  values (gen_random_uuid(), %L, ''totp'', ''verified'', now(), now())', :mia
)),
('retention_setting.update', 'select octroi_private.set_retention(''mail'', ''8 days'')'),
('retention_rule.update', 'select octroi_private.set_retention_country(''DE'')'),
('privacy_setting.update', 'update octroi_private.privacy_setting set alert_day = 19'),
('security_setting.update', 'select octroi_private.set_security_settings(''{"habit_days": 8}'')'),
(
  'processor.insert',
  'insert into octroi_private.processor (name, who, handles) values (''fax'', ''a firm'', ''letters'')'
),
('privacy_request.insert', format(
  'select octroi_private.open_privacy_request(%L, ''access'', ''operator'', ''ccpa'')', :mia
));

create function tap.leaves(p_statement text, p_action text) returns boolean
language plpgsql
as $$
declare
  v_before bigint := tap.entries(p_action);
begin
  execute p_statement;
  return tap.entries(p_action) > v_before;
end
$$;
select ok(tap.leaves(d.statement, d.action), d.action || ' is entered')
from tap.deed as d
order by d.action = 'member.delete', d.action;

-- A request for a right: each step of it by itself, and what was written about the person not at all.
select r.id as request from octroi_private.privacy_request as r \gset
select ok(tap.leaves(
  format('select octroi_private.confirm_privacy_request(%L)', :'request'), 'privacy_request.update'
), 'that its receipt was confirmed');
select ok(tap.leaves(
  format('select octroi_private.extend_privacy_request(%L, ''mia is abroad'')', :'request'), 'privacy_request.update'
), 'that it was put off');
select ok(tap.leaves(
  format('select octroi_private.close_privacy_request(%L, ''refused'', ''{"reason": "mia is unknown"}'')', :'request'),
  'privacy_request.update'
), 'and that it was closed');
select results_eq(
  $$select l.subject, l.person, l.detail ->> 'state', l.detail -> 'was' ->> 'state' from tap.last_entry() as l$$,
  format($$values (%L, octroi_private.pseudonym_of(%L), 'refused', 'open')$$, :'request', :mia), 'how, and whose it is'
);
select is(
  (select count(*) from octroi_private.audit_log as l where to_jsonb(l)::text like '%mia is%'), 0::bigint,
  'without what was written about them'
);
select ok(tap.leaves(
  format('delete from octroi_private.privacy_request where id = %L', :'request'), 'privacy_request.delete'
), 'who takes one away is seen');
insert into octroi_private.privacy_request (kind, channel, received_at, due_at, state, closed_at)
values (
  'access', 'operator', now() - interval '4 years', now() - interval '3 years', 'done', now() - interval '3 years'
);
select ok(
  not tap.leaves('select octroi_private.prune_privacy(10)', 'privacy_request.delete'), 'but not the end of its time'
);
select is(
  (select count(*) from octroi_private.privacy_request as r where r.closed_at < now() - interval '2 years'), 0::bigint,
  'which has come'
);
select is_empty(
  $$select c.relname from pg_class as c
    where c.relnamespace = 'octroi_private'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
      and (c.relname ~ '_(setting|rule)$' or c.relname in ('processor', 'privacy_request'))
      and (
        -- of a row (1), after an update (16) or a delete (8)
        select coalesce(bit_or(t.tgtype::integer), 0) from pg_trigger as t
        where t.tgrelid = c.oid and t.tgfoid = 'octroi_private.audit'::regproc and t.tgenabled <> 'D'
      ) & 25 <> 25$$,
  'no setting, rule or right is changed or taken away without an entry, whoever does it and by whichever way'
);

-- Actor, time, reason.
select set_config('octroi_audit.reason', 'ticket 4711, asked by olga@example.test', true) \g /dev/null
select tap.play(:sten) \g /dev/null
select k.id as key from octroi.create_api_key('ci') as k \gset
select tap.clear() \g /dev/null
select results_eq(
  'select l.action, l.actor, l.actor_role, l.subject, l.reason from tap.last_entry() as l',
  format(
    $$select 'api_key.insert', octroi_private.pseudonym_of(%L), 'authenticated', %L,
      'ticket 4711, asked by [address]'$$,
    :sten, :'key'
  ), 'an entry says who, in which role, to what and why'
);
select ok(
  (select abs(extract(epoch from l.occurred_at - octroi_private.now())) < 60 from tap.last_entry() as l), 'and when'
);
select set_config('octroi_audit.reason', '', true) \g /dev/null
update octroi_private.api_key set allowed_models = '{gpt-5.5}' where id = :'key';
select is(
  (select l.detail -> 'was' from tap.last_entry() as l), '{"allowed_models": null}', 'a change says how it was before'
);
select tap.entries('%') as before \gset
update octroi_private.api_key set name = 'the same' where id = :'key';
select is(tap.entries('%'), :'before', 'a change of what is not kept is no entry');

-- Nobody is named.
select octroi_private.record_audit(
  'export.request', :team, :sten::text, jsonb_build_object(
    'email', 'sten@example.test', 'for', jsonb_build_array(:sten, upper(:sten::text), 'write to sten@example.test'),
    'missing', :missing
  ), 'for ' || :sten
) \g /dev/null
select is(
  (select l.detail from tap.last_entry() as l),
  jsonb_build_object('missing', :missing, 'for', jsonb_build_array(
    octroi_private.pseudonym_of(:sten), octroi_private.pseudonym_of(:sten), 'write to [address]'
  )), 'ids become pseudonyms wherever they stand, addresses go'
);
select is(
  (select l.person from tap.last_entry() as l), octroi_private.pseudonym_of(:sten), 'whom it was done to is known by it'
);
select is_empty(
  $$select l.id from octroi_private.audit_log as l, tap.person as p
    where to_jsonb(l)::text ilike '%' || p.user_id || '%' or to_jsonb(l)::text ~ '@|olga personal|key_hash'$$,
  'in all of the log there is no user id, no address and no name'
);

-- Each person's own.
create function tap.audit_of(p_user_id uuid) returns setof text
language plpgsql
as $$
begin
  perform tap.play(p_user_id);
  return query select a.actor || ' ' || a.action from octroi.my_audit(1000) as a order by a.id;
  perform tap.clear();
end
$$;
select ok(
  array(select tap.audit_of(:sten))
  @> array['you api_key.insert', 'operator export.request', 'operator api_key.update'],
  'sten sees what he did and what was done to him'
);
select ok(not 'operator quota_grant.insert' = any(array(select tap.audit_of(:sten))), 'and nothing of the team');
select ok('operator quota_grant.insert' = any(array(select tap.audit_of(:ada))), 'whose admin sees it');
select ok(
  not 'operator quota_grant.insert' = any(array(select tap.audit_of(:mia))), 'and whose former member does not'
);
select tap.play(:olga) \g /dev/null
select octroi.revoke_api_key(tap.key_id('mia team')) \g /dev/null
select tap.clear() \g /dev/null
select ok(
  'another user api_key.update' = any(array(select tap.audit_of(:mia))), 'nor does anybody lose a key without seeing it'
);
select is((select count(*) from tap.audit_of(:missing)), 0::bigint, 'nobody sees nothing');
select tap.play(:sten) \g /dev/null
select is(
  (select count(*) from octroi.my_audit(2)), 2::bigint, 'as many as asked for'
);
select is(
  (select max(a.id) from octroi.my_audit(5, (select min(b.id) from octroi.my_audit(2) as b)) as a),
  (select a.id from octroi.my_audit(3) as a order by a.id limit 1), 'and on from there'
);
select tap.clear() \g /dev/null

-- Reads by an operator.
select tap.entries('admin_read.%') as before \gset
select tap.play_role('octroi_admin') \g /dev/null
select count(*) from octroi.usage cross join generate_series(1, 3) \g /dev/null
select is(
  tap.entries('admin_read.usage_event') - :'before', 1::bigint, 'a read is entered once, however many rows it has'
);
select count(*) from octroi_private.usage_daily where false \g /dev/null
select is(
  tap.entries('admin_read.usage_daily'), 0::bigint, 'what cannot read anything is no read'
);
select count(*) from octroi_private.usage_daily where day > 'infinity' \g /dev/null
select is(tap.entries('admin_read.usage_daily'), 1::bigint, 'what reads and finds nothing is');
select is(
  tap.outcome_of($$select octroi_private.log_admin_read('nothing')$$), '22023', 'the log takes no invented table'
);

-- Two pages of an export: what the log keeps of them, and what of it somebody sees whom they may have been about.
select tap.play_role('octroi_admin') \g /dev/null
select set_config('octroi_audit.reason', 'olga sues us, write to olga@example.test', true) \g /dev/null
select max(p.next_after) as page from octroi_private.admin_page('member', null, 2) as p \gset
select count(*) as second_page from octroi_private.admin_page('member', :'page', 2) \gset
select tap.clear() \g /dev/null
select is(:second_page::bigint, 2::bigint, 'an export goes on page by page');
select bag_eq(
  $$select l.subject, l.detail from octroi_private.audit_log as l where l.action = 'admin_read.member'$$,
  $$values ('member', '{"by": "page", "rows": 2}'::jsonb), ('member', '{"by": "page", "rows": 2}')$$,
  'of a page it is kept how many rows it had, and no key of them'
);
create function tap.shown(p_user_id uuid, p_like text) returns setof text
language plpgsql
as $$
begin
  perform tap.play(p_user_id);
  return query
  select concat_ws(' ', a.actor, a.action, a.subject, a.detail, a.reason, (a.occurred_at is not null)::text)
  from octroi.my_audit(1000) as a where a.action like p_like;
  perform tap.clear();
end
$$;
select results_eq(
  format('select * from tap.shown(%L, ''admin_read.member'')', :sten),
  $$values ('operator admin_read.member member {} true'), ('operator admin_read.member member {} true')$$,
  'a stranger sees that the table was read and when, and neither of whom, how much nor why'
);

-- A read of one person is that person's to see.
select tap.play_role('octroi_support') \g /dev/null
select set_config('octroi_audit.reason', 'she called', true) \g /dev/null
select count(*) from octroi_private.masked_contact(:olga) \g /dev/null
select count(*) from octroi_private.find_person_by_email('Olga@example.test') \g /dev/null
select count(*) from octroi_private.find_person_by_email('nobody@example.test') \g /dev/null
select tap.clear() \g /dev/null
select results_eq(
  format('select * from tap.shown(%L, ''contact.%%'')', :olga),
  format(
    $$values ('operator contact.find ' || octroi_private.pseudonym_of(%1$L) || ' {"found": 1} she called true'),
      ('operator contact.read ' || octroi_private.pseudonym_of(%1$L) || ' {} she called true')$$, :olga
  ), 'who was looked up sees it, with the reason'
);
select is_empty(format('select * from tap.shown(%L, ''contact.%%'')', :sten), 'and nobody else does');
select tap.play_role('octroi_support') \g /dev/null
select count(*) from octroi_private.support_contact as c where c.user_id = :olga \g /dev/null
select tap.clear() \g /dev/null
select results_eq(
  format('select * from tap.shown(%L, ''%%.contact'')', :sten),
  $$values ('operator admin_read.contact contact {} true')$$, 'the view of all contacts was a read of all'
);
select set_config('octroi_audit.reason', '', true) \g /dev/null
select tap.play_role('octroi_admin') \g /dev/null
select set_config('transaction_read_only', 'on', true) \g /dev/null
select is(tap.outcome_of('select count(*) from octroi.usage'), '25006', 'what cannot be logged is not read');
select * from finish();
rollback;
