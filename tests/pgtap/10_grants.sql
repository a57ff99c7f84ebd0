-- The golden list of rights. It names everything that anybody but the owner may do; an object or a right that is
-- added without being added here fails.
begin;
\ir setup/play.sql
select plan(8);

create function tap.grantee(p_oid oid) returns text
language sql
begin atomic
select case when p_oid = 0 then 'PUBLIC' else pg_get_userbyid(p_oid) end;
end;

prepare functions_granted as
select tap.grantee(a.grantee)::text collate "C", p.oid::regprocedure::text collate "C"
from pg_proc as p
cross join lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
where p.pronamespace in ('octroi'::regnamespace, 'octroi_private'::regnamespace, 'octroi_native'::regnamespace)
  and a.grantee <> p.proowner;

prepare functions_golden as values
('authenticated', 'octroi.billing_request(uuid)'),
('authenticated', 'octroi.account_usage(date,date,text,date,text,uuid,integer)'),
('authenticated', 'octroi.buy_top_up(text,text,text)'),
('authenticated', 'octroi.cancel_subscription(boolean)'),
('authenticated', 'octroi.change_plan(text,text,uuid)'),
('authenticated', 'octroi.change_preview(uuid)'),
('authenticated', 'octroi.preview_change(text,text)'),
('authenticated', 'octroi.my_invoices(integer,text)'),
('authenticated', 'octroi.open_invoice(text)'),
('authenticated', 'octroi.check_quota(text,bigint)'),
('authenticated', 'octroi.completion(uuid)'),
('authenticated', 'octroi.count_tokens(text,text)'),
('authenticated', 'octroi.give_consent(text,text)'),
('authenticated', 'octroi.my_audit(integer,bigint)'),
('authenticated', 'octroi.my_consents()'),
('authenticated', 'octroi.withdraw_consent(text)'),
('octroi_admin', 'octroi_private.log_admin_read(text)'),
('octroi_worker', 'octroi_private.audit_position(bigint)'),
('octroi_worker', 'octroi_private.backfill_people(uuid,integer)'),
('octroi_worker', 'octroi_private.is_without_account(uuid)'),
('octroi_worker', 'octroi_private.users_without_account()'),
('octroi_worker', 'octroi_private.verify_audit(bigint,integer)'),
('authenticated', 'octroi.create_api_key(text,jsonb,timestamp with time zone,text[],text[])'),
('authenticated', 'octroi.delete_my_account()'),
('authenticated', 'octroi.my_forecast()'),
('authenticated', 'octroi.my_quota()'),
('authenticated', 'octroi.my_requests(integer,timestamp with time zone,uuid)'),
('authenticated', 'octroi.my_subscription()'),
('authenticated', 'octroi.my_usage(date,date,text,date,text,integer)'),
('authenticated', 'octroi.next_invoice()'),
('authenticated', 'octroi.open_portal(text)'),
('authenticated', 'octroi.receipt(uuid)'),
('authenticated', 'octroi.request_completion(jsonb)'),
('authenticated', 'octroi.restrict_api_key(uuid,text[],text[])'),
('authenticated', 'octroi.resume_subscription()'),
('authenticated', 'octroi.revoke_api_key(uuid)'),
('authenticated', 'octroi.rotate_api_key(uuid,integer)'),
('authenticated', 'octroi.set_auto_top_up(text,bigint,bigint)'),
('authenticated', 'octroi.set_notifications(boolean,text,text)'),
('authenticated', 'octroi.set_overage(boolean,bigint)'),
('authenticated', 'octroi.set_default_output(integer)'),
('authenticated', 'octroi.start_checkout(text,text,text,text)'),
('authenticated', 'octroi_private.my_accounts()'),
('authenticated', 'octroi_private.my_administered_accounts()'),
('authenticated', 'octroi_private.my_billing_url(uuid)'),
('authenticated', 'octroi_private.my_invoices()'),
('authenticated', 'octroi_private.my_top_ups()'),
('authenticated', 'octroi_private.my_user_id()'),
('anon', 'octroi_private.packs_on_sale()'), ('authenticated', 'octroi_private.packs_on_sale()'),
('anon', 'octroi_private.plans_on_sale()'), ('authenticated', 'octroi_private.plans_on_sale()'),
('octroi_meter', 'octroi_private.authenticate_key(bytea)'),
('octroi_meter', 'octroi_private.authenticate_user(uuid,uuid)'),
('octroi_meter', 'octroi_private.record_usage(uuid,uuid,text,bigint,bigint,bigint,uuid,uuid,text)'),
('octroi_meter', 'octroi_private.release(uuid,text)'),
('octroi_meter', 'octroi_private.reserve(uuid,uuid,uuid,uuid,text,bigint,bigint,integer,text,bytea,text,integer,boolean)'),
('octroi_meter', 'octroi_private.settle(uuid,bigint,bigint,bigint,bigint,bigint,bigint,bigint,text,text,bigint)'),
('octroi_meter', 'octroi_private.uuid_v7()'),
('octroi_admin', 'octroi_private.find_person_by_email(text)'),
('octroi_admin', 'octroi_private.mask_contact(uuid,bytea,bytea)'),
('octroi_admin', 'octroi_private.masked_contact(uuid)'),
('octroi_operator', 'octroi_private.assign_plan(uuid,text)'),
('octroi_operator', 'octroi_private.correct_usage(uuid,text)'),
('octroi_operator', 'octroi_private.end_grant(uuid,text)'),
('octroi_operator', 'octroi_private.give_grant(text,uuid,text,bigint,text,timestamp with time zone)'),
(
  'octroi_operator',
  'octroi_private.give_promotion(text,text,bigint,text,timestamp with time zone,text,integer)'
),
('octroi_operator', 'octroi_private.set_account_limit(uuid,text,text,bigint,text,text)'),
('octroi_operator', 'octroi_private.set_billing_settings(jsonb)'),
('octroi_support', 'octroi_private.find_person_by_email(text)'),
('octroi_support', 'octroi_private.log_admin_read(text)'),
('octroi_support', 'octroi_private.mask_contact(uuid,bytea,bytea)'),
('octroi_support', 'octroi_private.masked_contact(uuid)'),
('octroi_owner', 'octroi_native.blind_index(text,text)'),
('octroi_owner', 'octroi_native.new_data_key()'),
('octroi_owner', 'octroi_native.open(bytea,text,bytea)'),
('octroi_owner', 'octroi_native.operator_key_ids()'),
('octroi_owner', 'octroi_native.operator_key_problem()'),
('octroi_owner', 'octroi_native.rewrap(bytea)'),
('octroi_owner', 'octroi_native.seal(bytea,text,text)'),
('octroi_owner', 'octroi_native.wrapping_key_id(bytea)'),
('octroi_owner', 'octroi_native.count_tokens(text,text)'),
('octroi_owner', 'octroi_native.release_many(uuid[],text[])'),
(
  'octroi_owner',
  'octroi_native.reserve_many(uuid[],uuid[],uuid[],uuid[],text[],text[],bigint[],bigint[],integer[],text[],'
  || 'bytea[],integer,boolean,boolean[])'
),
(
  'octroi_owner',
  'octroi_native.settle_many(uuid[],bigint[],bigint[],bigint[],bigint[],bigint[],bigint[],bigint[],text[],text[],'
  || 'text[],jsonb[],integer[],integer[],text[],smallint[],text[],bytea[],bigint[])'
),
('octroi_owner', 'octroi_native.verify_stripe_signature(bytea,text,text[],timestamp with time zone,integer)'),
('octroi_worker', 'octroi_private.apply_stripe_object(text,text,bigint,jsonb)'),
('octroi_worker', 'octroi_private.authenticate_key(bytea)'),
('octroi_worker', 'octroi_private.authenticate_user(uuid,uuid)'),
('octroi_worker', 'octroi_private.begin_mail(uuid,integer)'),
('octroi_worker', 'octroi_private.begin_meter_report(uuid)'),
('octroi_worker', 'octroi_private.billing_troubles()'),
('octroi_worker', 'octroi_private.calls_holding(uuid,uuid,uuid,text,text,text,text)'),
('octroi_worker', 'octroi_private.cancel_step(uuid)'),
('octroi_worker', 'octroi_private.change_step(uuid,jsonb)'),
('octroi_worker', 'octroi_private.claim_jobs(text,text[],integer,integer,timestamp with time zone,bigint)'),
('octroi_worker', 'octroi_private.claim_mail(uuid)'),
('octroi_worker', 'octroi_private.close_did(text,text,jsonb)'),
('octroi_worker', 'octroi_private.close_step(text)'),
('octroi_worker', 'octroi_private.count_unpriced_models(text[],bigint[])'),
('octroi_worker', 'octroi_private.declare_plans(jsonb,boolean)'),
('octroi_worker', 'octroi_private.declare_prices(jsonb,boolean)'),
('octroi_worker', 'octroi_private.model_troubles()'),
('octroi_worker', 'octroi_private.price_list()'),
('octroi_worker', 'octroi_private.checkout_email(uuid)'),
('octroi_worker', 'octroi_private.finish_preview(uuid,jsonb)'),
('octroi_worker', 'octroi_private.plan_margins(jsonb)'),
('octroi_worker', 'octroi_private.extend_jobs(bigint[],integer[],integer)'),
('octroi_worker', 'octroi_private.erasure_at_stripe(bigint)'),
('octroi_worker', 'octroi_private.erasure_customer(bigint)'),
('octroi_worker', 'octroi_private.fail_billing_request(uuid,text,text,text,text)'),
('octroi_worker', 'octroi_private.fail_completion(uuid,smallint,jsonb)'),
('octroi_worker', 'octroi_private.finish_billing_request(uuid,text,text)'),
('octroi_worker', 'octroi_private.finish_erasure_step(bigint)'),
('octroi_worker', 'octroi_private.remove_usage(uuid,integer)'),
('octroi_worker', 'octroi_private.replay_tombstones(text[])'),
('octroi_worker', 'octroi_private.tombstones(text,integer)'),
('octroi_worker', 'octroi_private.finish_job(bigint,integer,text,text,integer)'),
('octroi_worker', 'octroi_private.finish_jobs(bigint[],integer[],text[],text[],integer[])'),
('octroi_worker', 'octroi_private.finish_meter_report(uuid,text,text)'),
('octroi_worker', 'octroi_private.finish_reconciliation(bigint)'),
('octroi_worker', 'octroi_private.finish_stripe_event(text,text,text)'),
('octroi_worker', 'octroi_private.link_stripe_customer(uuid,text)'),
('octroi_worker', 'octroi_private.live_stripe_ids(text,text,integer)'),
('octroi_worker', 'octroi_private.load_billing_request(uuid)'),
('octroi_worker', 'octroi_private.load_completion(uuid)'),
('octroi_worker', 'octroi_private.lock_stripe_object(text,text,integer)'),
('octroi_worker', 'octroi_private.mark_mail(uuid,integer,text,text)'),
('octroi_worker', 'octroi_private.model_limits(text)'),
('octroi_worker', 'octroi_private.model_list(uuid,uuid)'),
('octroi_worker', 'octroi_private.operator_key_use()'),
('octroi_worker', 'octroi_private.plan_catalogue()'),
('octroi_worker', 'octroi_private.page_origins()'),
('octroi_worker', 'octroi_private.purchase_pages()'),
('octroi_worker', 'octroi_private.receive_stripe_events(jsonb)'),
('octroi_worker', 'octroi_private.note_refused_at_limit(uuid,uuid,text,bigint,bigint,integer,boolean)'),
('octroi_worker', 'octroi_private.reconcile_customers(bigint,text,integer)'),
('octroi_worker', 'octroi_private.reconcile_cycles(bigint,text)'),
('octroi_worker', 'octroi_private.reconcile_invoice(bigint,text,jsonb)'),
('octroi_worker', 'octroi_private.reconcile_listed(bigint,text)'),
('octroi_worker', 'octroi_private.reconcile_subscription(bigint,text,jsonb)'),
('octroi_worker', 'octroi_private.reconcile_window(bigint,text,text,bigint)'),
('octroi_worker', 'octroi_private.reconcile_windows(bigint,text)'),
('octroi_worker', 'octroi_private.reconciliation_differences(bigint)'),
('octroi_worker', 'octroi_private.record_stripe_ids(jsonb)'),
('octroi_worker', 'octroi_private.reject_meter_reports(text[],text)'),
('octroi_worker', 'octroi_private.release_cycle(text)'),
('octroi_worker', 'octroi_private.release_jobs(bigint[],integer[])'),
('octroi_worker', 'octroi_private.release_many(uuid[],text[])'),
('octroi_worker', 'octroi_private.renew_tickets(uuid[])'),
('octroi_worker', 'octroi_private.replace_reports(uuid[],text)'),
(
  'octroi_worker',
  'octroi_private.reserve_many(uuid[],uuid[],uuid[],uuid[],text[],text[],bigint[],bigint[],integer[],text[],'
  || 'bytea[],integer,boolean,boolean[])'
),
('octroi_worker', 'octroi_private.resolve_meter_report(uuid,bigint)'),
('octroi_worker', 'octroi_private.revoke_leaked_keys(bytea[])'),
('octroi_worker', 'octroi_private.rotate_data_keys(uuid,integer)'),
('octroi_worker', 'octroi_private.set_billing_settings(jsonb)'),
(
  'octroi_worker',
  'octroi_private.settle_many(uuid[],bigint[],bigint[],bigint[],bigint[],bigint[],bigint[],bigint[],text[],'
  || 'text[],text[],jsonb[],integer[],integer[],text[],smallint[],text[],bytea[],bigint[])'
),
('octroi_worker', 'octroi_private.stand_by_for_jobs()'),
('octroi_worker', 'octroi_private.start_reconciliation()'),
('octroi_worker', 'octroi_private.stop_standing_by()'),
('octroi_worker', 'octroi_private.stored_response(uuid)'),
('octroi_worker', 'octroi_private.subscribed_event_types()'),
('octroi_worker', 'octroi_private.sweep(integer)'),
('octroi_worker', 'octroi_private.unlock_stripe_object(text,text,bigint)'),
('octroi_worker', 'octroi_private.unsubscribe(text,boolean)'),
('octroi_worker', 'octroi_private.worker_ready()'),
-- breaches and what may be the sign of one
('octroi_worker', 'octroi_private.assess_breach(bigint,jsonb)'),
('octroi_worker', 'octroi_private.breach_report(bigint)'),
('octroi_worker', 'octroi_private.breaches(boolean)'),
('octroi_worker', 'octroi_private.close_breach(bigint,text,text)'),
('octroi_worker', 'octroi_private.count_refusals(text[],uuid[],uuid[],bigint[])'),
('octroi_worker', 'octroi_private.count_refused_calls(jsonb)'),
('octroi_worker', 'octroi_private.notify_affected(bigint,jsonb)'),
('octroi_worker', 'octroi_private.notify_authority(bigint,text,text,timestamp with time zone,text)'),
('octroi_worker', 'octroi_private.open_breach(text,text,timestamp with time zone)'),
('octroi_worker', 'octroi_private.resolve_signals(bigint[],bigint,text)'),
('octroi_worker', 'octroi_private.security_signals(boolean)'),
('octroi_worker', 'octroi_private.send_breach_notices(bigint,integer)'),
('octroi_worker', 'octroi_private.set_security_settings(jsonb)'),
('service_role', 'octroi.receive_stripe_events(jsonb)'),
('service_role', 'octroi.unsubscribe(text,boolean)'),
-- teams, and limits that customers set themselves
('authenticated', 'octroi.my_accounts()'),
('authenticated', 'octroi.create_team(text)'),
('authenticated', 'octroi.team_members()'),
('authenticated', 'octroi.invite_member(text,text,text)'),
('authenticated', 'octroi.resend_invitation(uuid)'),
('authenticated', 'octroi.revoke_invitation(uuid)'),
('authenticated', 'octroi.team_invitations(integer,uuid)'),
('authenticated', 'octroi.accept_invitation(text)'),
('authenticated', 'octroi.decline_invitation(text)'),
('authenticated', 'octroi.remove_member(uuid)'),
('authenticated', 'octroi.leave_team()'),
('authenticated', 'octroi.set_member_role(uuid,text)'),
('authenticated', 'octroi.transfer_team(uuid,boolean)'),
('authenticated', 'octroi.set_budget(text,text,bigint,text)'),
('authenticated', 'octroi.set_key_budget(uuid,text,text,bigint)'),
('authenticated', 'octroi.set_member_budget(uuid,text,text,bigint)'),
('octroi_worker', 'octroi_private.set_team_settings(jsonb)'),
-- why somebody is refused
('octroi_admin', 'octroi_private.support_accounts(uuid)'),
('octroi_admin', 'octroi_private.support_find_key(text)'),
('octroi_admin', 'octroi_private.support_invoices(uuid,integer)'),
('octroi_admin', 'octroi_private.support_keys(uuid)'),
('octroi_admin', 'octroi_private.support_quota(uuid)'),
('octroi_admin', 'octroi_private.support_refusals(uuid,integer)'),
('octroi_admin', 'octroi_private.support_verdict(uuid,uuid,text,uuid)'),
('octroi_support', 'octroi_private.support_accounts(uuid)'),
('octroi_support', 'octroi_private.support_find_key(text)'),
('octroi_support', 'octroi_private.support_invoices(uuid,integer)'),
('octroi_support', 'octroi_private.support_keys(uuid)'),
('octroi_support', 'octroi_private.support_quota(uuid)'),
('octroi_support', 'octroi_private.support_refusals(uuid,integer)'),
('octroi_support', 'octroi_private.support_verdict(uuid,uuid,text,uuid)'),
('octroi_admin', 'octroi_private.now_for_readers()'),
-- rights of people, and exports of operators
('authenticated', 'octroi.export_my_data()'),
('authenticated', 'octroi.my_data(text,text[],integer)'),
('authenticated', 'octroi.my_data_tables()'),
('authenticated', 'octroi.update_my_contact(text,text,text,text,text,jsonb,jsonb)'),
('octroi_admin', 'octroi_private.admin_page(text,text[],integer)'),
('octroi_admin', 'octroi_private.admin_tables()'),
('octroi_admin', 'octroi_private.privacy_troubles()'),
('octroi_worker', 'octroi_private.begin_export(bytea)'),
('octroi_worker', 'octroi_private.export_manifest()'),
('octroi_worker', 'octroi_private.export_page(uuid,text,text[],integer)'),
('octroi_worker', 'octroi_private.finish_contact_change(uuid,integer,text)'),
('octroi_worker', 'octroi_private.finish_export(uuid,bigint,bigint,text)'),
('octroi_worker', 'octroi_private.load_contact_change(uuid)'),
('octroi_worker', 'octroi_private.privacy_troubles()');

select bag_eq('functions_granted', 'functions_golden', 'these functions may be called, by these roles, and no others');

prepare relations_granted as
select tap.grantee(a.grantee), c.oid::regclass::text, a.privilege_type
from pg_class as c
cross join lateral aclexplode(
  coalesce(c.relacl, acldefault(case c.relkind when 'S' then 's' else 'r' end::"char", -- noqa: RF06
    c.relowner))
) as a
where c.relnamespace in ('octroi'::regnamespace, 'octroi_private'::regnamespace, 'octroi_native'::regnamespace)
  and a.grantee <> c.relowner;

select bag_eq(
  'relations_granted',
  $$values
    ('anon', 'octroi.plans', 'SELECT'), ('anon', 'octroi.top_up_packs', 'SELECT'),
    ('authenticated', 'octroi.alerts', 'SELECT'),
    ('authenticated', 'octroi.api_keys', 'SELECT'),
    ('authenticated', 'octroi.billing_requests', 'SELECT'),
    ('authenticated', 'octroi.budgets', 'SELECT'),
    ('authenticated', 'octroi.invoices', 'SELECT'),
    ('authenticated', 'octroi.plans', 'SELECT'),
    ('authenticated', 'octroi.quota', 'SELECT'),
    ('authenticated', 'octroi.top_up_packs', 'SELECT'),
    ('authenticated', 'octroi.top_ups', 'SELECT'),
    ('authenticated', 'octroi.usage', 'SELECT'),
    ('authenticated', 'octroi.usage_daily', 'SELECT'),
    ('authenticated', 'octroi_private.api_key_use', 'SELECT'),
    ('authenticated', 'octroi_private.usage_daily', 'SELECT'),
    ('authenticated', 'octroi_private.usage_event', 'SELECT'),
    ('octroi_admin', 'octroi.usage', 'SELECT'),
    ('octroi_admin', 'octroi.usage_daily', 'SELECT'),
    ('octroi_admin', 'octroi_private.customers', 'SELECT'),
    ('octroi_admin', 'octroi_private.support_contact', 'SELECT'),
    ('octroi_support', 'octroi_private.support_contact', 'SELECT'),
    ('octroi_admin', 'octroi_private.usage_daily', 'SELECT'),
    ('octroi_admin', 'octroi_private.usage_event', 'SELECT'),
    -- the admin views: one for each registered table, which write down who reads them
    ('octroi_admin', 'octroi_private.admin_usage_event', 'SELECT')
    union all
    select 'octroi_admin', 'octroi_private.admin_' || t.table_name, 'SELECT' from octroi_private.admin_tables() as t
    where t.table_name <> 'usage_event' and to_regclass('octroi_private.admin_' || t.table_name) is not null$$,
  'these tables, views and sequences may be touched, and by nobody else'
);

select bag_eq(
  $$select c.oid::regclass::text, t.attname::text, tap.grantee(a.grantee), a.privilege_type
    from pg_class as c
    join pg_attribute as t on t.attrelid = c.oid
    cross join lateral aclexplode(t.attacl) as a
    where c.relnamespace in ('octroi'::regnamespace, 'octroi_private'::regnamespace)$$,
  $$select 'octroi_private.api_key' as relation, column_name, 'authenticated' as grantee, 'SELECT' as privilege
    from unnest(array[
      'id', 'account_id', 'user_id', 'name', 'key_prefix', 'allowed_models', 'allowed_endpoints', 'created_at',
      'expires_at', 'revoked_at'
    ]) as column_name
    union all
    select 'octroi_private.budget', column_name, 'authenticated', 'SELECT'
    from unnest(array[
      'account_id', 'scope', 'subject', 'meter', 'period', 'amount', 'created_at'
    ]) as column_name
    union all
    select 'octroi_private.api_key_previous', column_name, 'authenticated', 'SELECT'
    from unnest(array['api_key_id', 'expires_at']) as column_name
    union all
    select 'octroi_private.billing_request', column_name, 'authenticated', 'SELECT'
    from unnest(array[
      'id', 'account_id', 'kind', 'state', 'error', 'message', 'created_at', 'finished_at'
    ]) as column_name
    union all
    select 'octroi_private.alert', column_name, 'authenticated', 'SELECT'
    from unnest(array[
      'id', 'account_id', 'scope', 'subject', 'meter', 'threshold', 'used', 'granted', 'period_start', 'resets_at',
      'raised_at', 'cleared_at'
    ]) as column_name$$,
  'of a key everything may be read but its hash, of a billing request what it is about'
);

select bag_eq(
  $$select tap.grantee(a.grantee), n.nspname::text, a.privilege_type
    from pg_namespace as n
    cross join lateral aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) as a
    where n.nspname in ('octroi', 'octroi_private', 'octroi_native') and a.grantee <> n.nspowner$$,
  $$values
    ('anon', 'octroi', 'USAGE'), ('authenticated', 'octroi', 'USAGE'), ('service_role', 'octroi', 'USAGE'),
    ('authenticated', 'octroi_private', 'USAGE'), ('octroi_worker', 'octroi_private', 'USAGE'),
    ('octroi_meter', 'octroi_private', 'USAGE'), ('octroi_owner', 'octroi_native', 'USAGE'),
    ('octroi_admin', 'octroi', 'USAGE'), ('octroi_admin', 'octroi_private', 'USAGE'),
    ('octroi_support', 'octroi_private', 'USAGE'), ('octroi_operator', 'octroi_private', 'USAGE')$$,
  'these schemas may be entered; nobody but the owner creates in them'
);

select is_empty(
  $$select tap.grantee(a.grantee), d.defaclobjtype, a.privilege_type
    from pg_default_acl as d
    cross join lateral aclexplode(d.defaclacl) as a
    left join pg_namespace as n on n.oid = d.defaclnamespace
    where a.grantee <> d.defaclrole
      and (d.defaclrole = 'octroi_owner'::regrole or n.nspname in ('octroi', 'octroi_private', 'octroi_native'))$$,
  'what is made later starts without rights for anybody'
);

-- The global default is what a function made later starts with.
set local role octroi_owner;
create function octroi.made_later() returns integer
language sql
return 1;
select tap.clear() \g /dev/null
select function_privs_are(
  'octroi', 'made_later', '{}'::text [], role_name, '{}'::text [],
  role_name || ' may not call a function that nobody granted'
) from tap.role_name where role_name = 'anon';

select is_empty(
  $$select r.rolname
    from pg_roles as r
    where r.rolname ~ '^octroi_'
      and (r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolcreatedb or r.rolreplication or r.rolinherit
        or r.rolcanlogin <> (r.rolname = 'octroi_worker'))$$,
  'no role of Octroi is more than its grants, and only the worker logs in'
);

select is_empty(
  $$select pg_get_userbyid(m.member), pg_get_userbyid(m.roleid)
    from pg_auth_members as m
    join pg_roles as who on who.oid = m.member
    where not who.rolsuper
      and (pg_get_userbyid(m.roleid) in ('octroi_owner', 'octroi_worker') or who.rolname ~ '^octroi_')$$,
  'nobody can become the owner or the worker, and neither can become anybody else'
);

select * from finish();
rollback;
