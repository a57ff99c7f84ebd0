-- A second factor: whoever has one must have shown it before they spend money or touch what is private.
begin;
\ir setup/cast.sql
select plan(19);

create function tap.play_at(p_user_id uuid, p_aal text) returns void
language sql
begin atomic
select tap.play(p_user_id);
select set_config('request.jwt.claims', jsonb_strip_nulls(jsonb_build_object(
  'sub', p_user_id, 'role', 'authenticated', 'aal', p_aal
))::text, true);
end;
create function tap.enrol(p_user_id uuid, p_status text) returns uuid
language sql
begin atomic
insert into auth.mfa_factors (id, user_id, factor_type, status, created_at, updated_at)
values (gen_random_uuid(), p_user_id, 'totp', p_status::auth.factor_status, now(), now())
returning id;
end;

-- What asks for no second factor: what only reads, what takes a consent back, and calls, which the gateway takes from
-- the same token. Every other RPC must ask, before it looks at its arguments.
create table tap.exempt (signature text primary key);
insert into tap.exempt values
('octroi.billing_request(uuid)'), ('octroi.check_quota(text,bigint)'), ('octroi.completion(uuid)'),
('octroi.count_tokens(text,text)'), ('octroi.my_audit(integer,bigint)'), ('octroi.my_consents()'),
('octroi.my_data_tables()'),
('octroi.my_forecast()'), ('octroi.my_quota()'), ('octroi.my_requests(integer,timestamp with time zone)'),
('octroi.my_subscription()'), ('octroi.my_usage(date,date)'), ('octroi.next_invoice()'), ('octroi.receipt(uuid)'),
('octroi.request_completion(jsonb)'), ('octroi.set_notifications(boolean,text,text)'),
('octroi.withdraw_consent(text)');

create table tap.call as
select p.oid::regprocedure::text as signature, format(
  'select octroi.%I(%s)', p.proname, (
    select string_agg(format('null::%s', format_type(t.type_oid, null)), ', ' order by t.ord)
    from unnest(p.proargtypes::oid []) with ordinality as t (type_oid, ord)
  )
) as statement
from pg_proc as p
where p.pronamespace = 'octroi'::regnamespace and has_function_privilege('authenticated', p.oid, 'execute');
grant select on tap.call, tap.exempt to public;

select is_empty(
  'select x.signature from tap.exempt as x where x.signature not in (select c.signature from tap.call as c)',
  'the list of exemptions names nothing that is not there'
);

select tap.enrol(:olga, 'unverified') as factor \gset
select tap.play_at(:olga, 'aal1') \g /dev/null
select is_empty(
  $$select c.signature from tap.call as c where tap.outcome_of(c.statement) = 'OC040'$$,
  'a factor that was never verified is none'
);
select tap.clear() \g /dev/null
update auth.mfa_factors set status = 'verified' where id = :'factor';
select tap.play_at(:olga, 'aal1') \g /dev/null
select bag_eq(
  $$select c.signature from tap.call as c where tap.outcome_of(c.statement) = 'OC040'$$,
  $$select c.signature from tap.call as c where c.signature not in (select x.signature from tap.exempt as x)$$,
  'with one, everything that is not exempt asks for it'
);
select tap.play_at(:olga, null) \g /dev/null
select is(
  tap.outcome_of($$select octroi.create_api_key('x')$$), 'OC040', 'a token that says nothing of it is not enough'
);
select tap.play_at(:olga, 'aal3') \g /dev/null
select is(tap.outcome_of($$select octroi.create_api_key('x')$$), 'OC040', 'nor one that says anything else');
select tap.play_at(:olga, 'aal2') \g /dev/null
select is_empty(
  $$select c.signature from tap.call as c where tap.outcome_of(c.statement) = 'OC040'$$, 'who has shown it is not asked'
);
select is(tap.outcome_of($$select octroi.create_api_key('x')$$), '00000', 'and has their key');
select tap.play_at(:ada, 'aal1') \g /dev/null
select is(tap.outcome_of($$select octroi.create_api_key('x')$$), '00000', 'nor is who has none');

select tap.clear() \g /dev/null

-- What they are told; that what takes back is exempt, and what gives is not.
create function tap.hint_of(p_statement text) returns text
language plpgsql
as $$
declare
  v_hint text;
begin
  perform tap.play_at('01a00000-0000-7000-8000-00000000000a', 'aal1');
  execute p_statement;
  return null;
exception
  when others then
    get stacked diagnostics v_hint = pg_exception_hint;
    return v_hint;
end
$$;
select ok(
  tap.hint_of($$select octroi.open_portal('https://app.example/')$$) ~ 'supabase\.auth\.mfa\.challengeAndVerify.*again',
  'the hint says how to step up'
);
select tap.play_at(:olga, 'aal1') \g /dev/null
select is(
  tap.outcome_of('select octroi.set_notifications(usage_alerts => false)'), '00000', 'declining asks for nothing'
);
select is(tap.outcome_of('select octroi.set_notifications(usage_alerts => true)'), 'OC040', 'allowing them does');
select is(tap.outcome_of($$select octroi.withdraw_consent('news')$$), '00000', 'nor does taking a consent back');

-- A factor that is gone asks for nothing any more.
select tap.clear() \g /dev/null
delete from auth.mfa_factors where id = :'factor';
select tap.play_at(:olga, 'aal1') \g /dev/null
select is(tap.outcome_of($$select octroi.create_api_key('x')$$), '00000', 'without the factor nothing is asked');

select tap.clear() \g /dev/null

-- Operators: always, when they come through the Data API.
create function tap.admin_reads(p_claims text, p_query text default 'select count(*) from octroi.usage') returns text
language plpgsql
as $$
declare
  v_outcome text;
begin
  perform tap.play_role('octroi_admin');
  perform set_config('request.jwt.claims', p_claims, true);
  v_outcome := tap.outcome_of(p_query);
  perform tap.clear();
  return v_outcome;
end
$$;
select is(tap.admin_reads(''), '00000', 'an operator with a login of the database reads');
select is(tap.admin_reads('{"role": "octroi_admin"}'), 'OC040', 'one from the Data API does not');
select is(tap.admin_reads('{"role": "octroi_admin", "aal": "aal1"}'), 'OC040', 'enrolled or not');
select is(tap.admin_reads('{"role": "octroi_admin", "aal": "aal2"}'), '00000', 'until the second factor is shown');

\set page 'select count(*) from octroi_private.admin_page(''member'', null, 10)'
select is(
  tap.admin_reads('{"role": "octroi_admin", "aal": "aal1"}', :'page'), 'OC040', 'a page of an export asks for it'
);
select is(tap.admin_reads('', :'page'), '00000', 'and none of a login of the database');

select * from finish();
rollback;
