-- "Why am I refused?", as whoever helps a customer gets it answered: counted refusals, keys by their first characters,
-- limits as they stand, invoices; each reading is there for the customer to see.
begin;
\ir setup/cast.sql
select plan(26);
select set_config('octroi_audit.reason', 'ticket 4711', true) \g /dev/null

-- What a gateway has refused, told twice.
create function tap.refused(p_account_id uuid, p_code text, p_more jsonb default '{}') returns jsonb
language sql
begin atomic
select jsonb_build_array(jsonb_build_object(
  'account_id', p_account_id, 'code', p_code, 'status', 429, 'refusals', 3, 'endpoint', 'responses',
  'model', 'gpt-5.6-luna', 'api_key_id', tap.key_id('mia team')
) || p_more);
end;
create function tap.limit_at(p_used bigint) returns jsonb
language sql
begin atomic
select jsonb_build_object(
  'scope', 'account', 'meter', 'tokens', 'period', 'month', 'granted', 1000, 'used', p_used, 'held', 20
);
end;
select tap.play_role('octroi_worker') \g /dev/null
select octroi_private.count_refused_calls(tap.refused(:team, 'quota_exceeded', tap.limit_at(900))) \g /dev/null
select octroi_private.count_refused_calls(tap.refused(:team, 'quota_exceeded', tap.limit_at(980))) \g /dev/null
select octroi_private.count_refused_calls(
  tap.refused(:team, 'model_not_found', '{"model": "I am Mia, 12 Elm Street", "status": 404}')
) \g /dev/null
select octroi_private.count_refused_calls(tap.refused(:missing, 'no_plan')) \g /dev/null
select octroi_private.count_refusals(
  array['revoked_key', 'revoked_key', 'unknown_key'], array[:team, :team, null]::uuid [],
  array[tap.key_id('ada team'), tap.key_id('ada team'), null], array[2, 5, 100]
) \g /dev/null
select is(
  tap.outcome_of(format('select octroi_private.count_refused_calls(%L)', tap.refused(:team, 'Not a code'))),
  '23514 refused_call_code_check',
  'what is no code is not counted'
);
select is(
  tap.outcome_of(format(
    'select octroi_private.count_refused_calls(%L)', (select jsonb_agg(1) from generate_series(1, 10001))
  )), '54000', 'so many at once are refused'
);
select tap.clear() \g /dev/null
select is(
  (select count(*) from octroi_private.refused_call), 3::bigint,
  'a row for each account, day and code, however many calls; none of an account that is not there'
);

select tap.play_role('octroi_support') \g /dev/null
select results_eq(
  format(
    $$select r.code, r.status::integer, r.refusals, r.key_prefix, r.model, r.granted, r.used, r.held
      from octroi_private.support_refusals(%L) as r order by r.code$$, :team
  ),
  $$values
    ('model_not_found', 404, 3::bigint, 'sk-oct-m', null, null::bigint, null::bigint, null::bigint),
    ('quota_exceeded', 429, 6, 'sk-oct-m', 'gpt-5.6-luna', 1000, 980, 20),
    ('revoked_key', 401, 7, 'sk-oct-a', null, null, null, null)$$,
  'counts are added up, the last call stands for them, and a model''s name that is somebody''s text is not kept'
);
select results_eq(
  format('select count(*) from octroi_private.support_refusals(%L, 1)', :team), array[1::bigint], 'as many as asked for'
);
select is_empty(
  format('select r.* from octroi_private.support_refusals(%L) as r', :missing), 'of nobody there is nothing'
);

-- Keys.
select tap.clear() \g /dev/null
update octroi_private.api_key set expires_at = now(), created_at = now() - interval '1 day' where name = 'olga team';
update octroi_private.api_key set revoked_at = now() where name = 'ada team';
select tap.play_role('octroi_support') \g /dev/null
select results_eq(
  format(
    'select k.key_prefix, k.state, k.user_id from octroi_private.support_keys(%L) as k order by k.key_prefix', :team
  ),
  format(
    $$values ('sk-oct-a', 'revoked', %L::uuid), ('sk-oct-m', 'active', %L), ('sk-oct-o', 'expired', %L)$$,
    :ada, :mia, :olga
  ), 'each key says whether it may be used'
);
select bag_eq(
  $$select k.account_id, k.user_id, k.state from octroi_private.support_find_key('sk-oct-m') as k$$,
  format($$values (%L::uuid, %L::uuid, 'active'), (tap.personal('mia'), %L, 'active')$$, :team, :mia, :mia),
  'a key is found by what its holder may show of it'
);
select is_empty($$select k.* from octroi_private.support_find_key('sk-oct-') as k$$, 'and by no less');

-- Limits and the verdict of this moment.
select bag_eq(
  format(
    $$select q.scope, q.subject, q.meter, q.period, q.plan, q.granted, q.used, q.held, q.remaining
      from octroi_private.support_quota(%L) as q where q.scope = 'account'$$, :team
  ),
  format(
    $$values ('account', '', 'tokens', 'month', 'basic', 100000::bigint, 960::bigint, 0::bigint, 99040::bigint)$$
  ), 'an account''s own limit comes once, however many members it has'
);
select tap.clear() \g /dev/null
create function tap.verdict(p_model text) returns text
language plpgsql
as $$
declare
  v_told text;
begin
  perform tap.play_role('octroi_support');
  select concat_ws(' ', coalesce(v.reason, 'allowed'), v.scope, v.meter, v.used, v.held, v.remaining) into v_told
  from octroi_private.support_verdict(
    '01a00000-0000-7000-8000-0000000000ff', '01a00000-0000-7000-8000-00000000000c', p_model, null
  ) as v;
  perform tap.clear();
  return v_told;
end
$$;
select is(
  tap.verdict('gpt-5.6-luna'), 'allowed account tokens 960 0 99040', 'a call that is allowed has its tightest limit'
);
select is(tap.verdict('gpt-nothing'), 'model_not_priced', 'a reason that refuses every call comes first');
select a.alias, a.model from octroi_private.model_alias as a order by a.alias limit 1 \gset
insert into octroi_private.budget (account_id, scope, subject, meter, period, amount)
values (:team, 'model', :'model', 'requests', 'day', 0), (:team, 'member', :mia, 'tokens', 'day', 5000),
(:team, 'member', :ada, 'tokens', 'day', 6000), (:team, 'api_key', tap.key_id('mia team')::text, 'tokens', 'day', 7000);
select is(
  array[tap.verdict(:'model'), tap.verdict(:'alias')],
  array['model_budget_reached model requests 0 0 0', 'model_budget_reached model requests 0 0 0'],
  'a model''s limit refuses calls by each of its names'
);
select tap.play_role('octroi_support') \g /dev/null
select bag_eq(
  format(
    $$select q.scope, q.subject, q.granted from octroi_private.support_quota(%L) as q
      where q.scope in ('member', 'api_key')$$, :team
  ),
  format($$values ('member', %L, 5000::bigint), ('member', %L, 6000), ('api_key', %L, 7000)$$, :mia, :ada,
  tap.key_id('mia team')), 'the limits of all its members and keys are there'
);
select tap.clear() \g /dev/null
delete from octroi_private.budget;
insert into octroi_private.budget (account_id, scope, subject, meter, period, amount)
values (:team, 'account', '', 'tokens', 'day', 1000);
select verdict from octroi_private.reserve(:missing, :team, null, :mia, 'gpt-5.6-luna', 10, 30, 1) \g /dev/null
select is(
  tap.verdict('gpt-5.6-luna'), 'quota_held account tokens 960 40 0',
  'what is held by calls under way is told from what is used'
);
select outcome from octroi_private.settle(:missing, 10, 30) \g /dev/null
select is(tap.verdict('gpt-5.6-luna'), 'quota_exceeded account tokens 1000 0 0', 'and what is used up is used up');
select tap.play_role('octroi_support') \g /dev/null
select results_eq(
  format('select a.account_id, a.role, a.plan from octroi_private.support_accounts(%L) as a', :mia),
  format($$values (tap.personal('mia'), 'owner', 'free'), (%L::uuid, 'member', 'basic')$$, :team),
  'a person''s accounts, their own first'
);

-- Invoices.
select tap.clear() \g /dev/null
select octroi_private.link_stripe_customer(:team, 'cus_team') \g /dev/null
insert into octroi_private.stripe_invoice (
  id, customer_id, status, currency, total_minor, amount_due_minor, amount_paid_minor, created_at, auto_advance,
  attempt_count, next_attempt_at
)
values
('in_old', 'cus_team', 'paid', 'usd', 900, 900, 900, '2026-10-01', true, 1, null),
('in_new', 'cus_team', 'open', 'usd', 900, 900, 0, '2026-11-01', true, 2, '2026-11-05');
select tap.play_role('octroi_support') \g /dev/null
select results_eq(
  format('select i.id, i.status, i.amount_due_minor - i.amount_paid_minor, i.attempts
    from octroi_private.support_invoices(%L) as i', :team),
  $$values ('in_new', 'open', 900::bigint, 2), ('in_old', 'paid', 0, 1)$$, 'invoices, newest first, with what is unpaid'
);
select results_eq(
  format(
    $$select a.past_due_minor, a.currency from octroi_private.support_accounts(%L) as a where a.plan = 'basic'$$, :mia
  ),
  $$values (900::bigint, 'usd')$$, 'what was tried and not paid is past due'
);

-- Who sees that it was read.
select tap.clear() \g /dev/null
create function tap.support_reads(p_user_id uuid) returns setof text
language plpgsql
as $$
begin
  perform tap.play(p_user_id);
  return query select distinct concat_ws(' ', a.actor, a.action, a.reason) from octroi.my_audit(1000) as a
  where a.action like 'support.%';
  perform tap.clear();
end
$$;
select bag_eq(
  format('select * from tap.support_reads(%L)', :ada),
  $$select 'operator support.' || a.name || ' ticket 4711'
    from unnest(array['refusals', 'keys', 'find_key', 'quota', 'verdict', 'invoices']) as a (name)$$,
  'whoever administers the account sees each reading and why'
);
select bag_eq(
  format('select * from tap.support_reads(%L)', :mia),
  $$values ('operator support.accounts ticket 4711'), ('operator support.find_key ticket 4711'),
    ('operator support.verdict ticket 4711')$$, 'a member sees those about them and their own account'
);
select is_empty(format('select * from tap.support_reads(%L)', :sten), 'a stranger sees none');

-- What is counted is theirs, for a time, and goes with them.
select results_eq(
  $$select count(*) from octroi_private.personal_data as d
    where d.table_name = 'refused_call' and d.erasure = 'delete'$$, array[15::bigint],
    'refusals are registered as personal data'
);
select tap.play(:olga) \g /dev/null
select is(
  (select count(*) from octroi.my_data('refused_call', null, 100)), 3::bigint,
  'whoever owns the account gets them in their export'
);
select tap.clear() \g /dev/null
update octroi_private.refused_call set day = day - 31 where code = 'revoked_key';
select count(*) from octroi_private.apply_retention(100) \g /dev/null
select bag_eq(
  'select r.code from octroi_private.refused_call as r', array['quota_exceeded', 'model_not_found'],
  'after 30 days they go'
);
update octroi_private.account set status = 'closed', closed_at = now(), owner_user_id = null where id = :team;
select octroi_private.count_refused_calls(tap.refused(:team, 'no_plan')) \g /dev/null
select is(
  (select count(*) from octroi_private.refused_call), 2::bigint, 'nothing is written of an account that is closed'
);

select * from finish();
rollback;
