-- A second factor: whoever has one must have shown it before they spend money or touch what is private.
begin;
\ir setup/cast.sql
select plan(28);

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
('octroi.my_data_tables()'), ('octroi.my_accounts()'), ('octroi.team_members()'), ('octroi.decline_invitation(text)'),
('octroi.my_forecast()'), ('octroi.my_quota()'), ('octroi.my_requests(integer,timestamp with time zone,uuid)'),
('octroi.my_subscription()'), ('octroi.my_invoices(integer,text)'), ('octroi.change_preview(uuid)'),
('octroi.my_usage(date,date,text,date,text,integer)'),
('octroi.account_usage(date,date,text,date,text,uuid,integer)'), ('octroi.next_invoice()'), ('octroi.receipt(uuid)'),
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
create function tap.admin_reads(
  p_claims text, p_query text default 'select count(*) from octroi.usage', p_role text default 'octroi_admin'
) returns text
language plpgsql
as $$
declare
  v_outcome text;
begin
  perform tap.play_role(p_role);
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

-- Whatever the two roles of operators may call or read, of all there is: it asks for the second factor, is entered, and
-- is in the server's log, which no rollback undoes. What does neither has its reason here.
create table tap.no_read (what text primary key, reason text not null);
insert into tap.no_read values
('octroi_private.now_for_readers()', 'what time it is'),
('octroi_private.admin_tables()', 'names of tables, and about how many rows they have'),
('octroi_private.mask_contact(uuid,bytea,bytea)', 'opens what only a view that is entered can give it'),
('octroi_private.privacy_troubles()', 'ids of requests and their days: whose they are is in admin_privacy_request');
create table tap.argument (what text primary key, arguments text not null);
insert into tap.argument values
('octroi_private.admin_page(text,text[],integer)', $$'member', null, 10$$),
('octroi_private.log_admin_read(text)', $$'account'$$);

create table tap.operator_read as
select g.role_name, g.what, g.function, g.relation, 'select count(*) from ' || coalesce(
  g.relation::text, format('%s(%s)', g.function::regproc, coalesce(n.arguments, (
    select string_agg(format('null::%s', format_type(t.type_oid, null)), ', ' order by t.ord)
    from pg_proc as p, unnest(p.proargtypes::oid []) with ordinality as t (type_oid, ord)
    where p.oid = g.function
  )))
) as statement
from (
  select a.grantee::regrole::text as role_name, p.oid::regprocedure::text as what, p.oid as function,
    null::regclass as relation
  from pg_proc as p, aclexplode(p.proacl) as a
  union
  select a.grantee::regrole::text, c.oid::regclass::text, null, c.oid
  from pg_class as c
  left join pg_attribute as t on t.attrelid = c.oid
  cross join lateral (
    select * from aclexplode(c.relacl)
    union all
    select * from aclexplode(t.attacl)
  ) as a
) as g
left join tap.argument as n on n.what = g.what
where g.role_name in ('octroi_admin', 'octroi_support');
grant select on tap.operator_read to public;

create function tap.operator_entries() returns bigint
language sql
stable
security definer
begin atomic
select count(*) from octroi_private.audit_log as l where l.action ~ '^(admin_read|contact|support)\.';
end;
create function tap.enters(p_role text, p_statement text) returns boolean
language plpgsql
as $$
declare
  v_before bigint := tap.operator_entries();
begin
  perform tap.play_role(p_role);
  execute p_statement;
  perform tap.clear();
  return tap.operator_entries() > v_before;
end
$$;
select bag_eq(
  'select n.what from tap.no_read as n',
  'select distinct r.what from tap.operator_read as r where r.what in (select n.what from tap.no_read as n)',
  'the list of what is no read names nothing that is not there'
);
select cmp_ok(
  (select count(*) from tap.operator_read as r where r.role_name = 'octroi_support'), '>=', 11::bigint,
  'support may do something'
);
select is_empty(
  $$select r.role_name, r.what from tap.operator_read as r
    where tap.admin_reads('{"role": "x", "aal": "aal1"}', r.statement, r.role_name) <> 'OC040'
      and r.what not in (select n.what from tap.no_read as n)$$,
  'from the Data API, each read of an operator asks for the second factor'
);
select is_empty(
  $$select r.role_name, r.what from tap.operator_read as r
    where tap.admin_reads('{"role": "x", "aal": "aal2"}', r.statement, r.role_name) <> '00000'$$,
  'and is theirs with it'
);
select is_empty(
  $$select r.role_name, r.what from tap.operator_read as r
    where not tap.enters(r.role_name, r.statement) and r.what not in (select n.what from tap.no_read as n)$$,
  'each is entered in the audit log'
);
select is_empty(
  $$select r.role_name, r.what from tap.operator_read as r
    where r.what not in (select n.what from tap.no_read as n) and not exists (
      select from pg_proc as p where p.oid = r.function and p.prosrc ~ 'octroi_private\.note_admin_read\('
      union all
      select from pg_class as c where c.oid = r.relation and c.relkind = 'v' and (
        pg_get_viewdef(c.oid) ~ 'octroi_private\.log_admin_read\('
        or c.reloptions @> array['security_invoker=true']
      )
      union all
      select from pg_policies as p
      where format('%I.%I', p.schemaname, p.tablename)::regclass = r.relation and p.roles @> array[r.role_name::name]
        and p.qual ~ 'octroi_private\.log_admin_read\('
    )$$,
  'by the one function'
);
select matches(
  (select p.prosrc from pg_proc as p where p.oid = 'octroi_private.note_admin_read'::regproc),
  'require_admin_step_up.*record_audit.*raise log', 'which asks, enters, and tells the server''s log'
);
-- Nor is anything given, limited or set from the Data API without it, whatever the arguments are.
create table tap.operator_verb as
select p.oid::regprocedure::text as what, format('select %s(%s)', p.oid::regproc, (
  select string_agg(format('null::%s', format_type(t.type_oid, null)), ', ' order by t.ord)
  from unnest(p.proargtypes::oid []) with ordinality as t (type_oid, ord)
)) as statement
from pg_proc as p, aclexplode(p.proacl) as a
where a.grantee = 'octroi_operator'::regrole;
select cmp_ok((select count(*) from tap.operator_verb), '>=', 7::bigint, 'an operator may do something');
select is_empty(
  $$select v.what from tap.operator_verb as v
    where tap.admin_reads('{"role": "x", "aal": "aal1"}', v.statement, 'octroi_operator') <> 'OC040'$$,
  'from the Data API, each verb of an operator asks for the second factor before anything else'
);
select is_empty(
  $$select v.what from tap.operator_verb as v
    where tap.admin_reads('{"role": "x", "aal": "aal2"}', v.statement, 'octroi_operator') = 'OC040'$$,
  'and goes on with it'
);
-- A condition that fails shows the value it failed on: not before the read is entered, in whichever order tables are
-- joined.
select set_config(j.name, 'off', true)
from unnest(array['enable_nestloop', 'enable_hashjoin', 'enable_mergejoin']) as j (name) \g /dev/null
select is(
  tap.admin_reads(
    '{"role": "octroi_admin", "aal": "aal1"}',
    'select count(*) from octroi_private.admin_member join octroi_private.admin_account on id = account_id
    where user_id::text::integer = 1'
  ), 'OC040', 'no condition of a query is tried on a row before'
);

select * from finish();
rollback;
