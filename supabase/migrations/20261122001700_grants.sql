-- Who may do what. First everything is taken, then each right is given by name: this screen is the attack surface.
-- Migrations after this one end with a grants section of the same form.

-- Native functions act for Octroi's owner, and for nobody else.
revoke all on all functions in schema octroi_native from public;
revoke all on schema octroi_native from public;
grant execute on all functions in schema octroi_native to octroi_owner;

set role octroi_owner;

revoke all on schema octroi, octroi_private from public;
revoke all on all tables in schema octroi, octroi_private from public, anon, authenticated, service_role;
revoke all on all functions in schema octroi, octroi_private from public, anon, authenticated, service_role;

-- Front ends and SQL users, once signed in. anon may see what is on sale, as a price page shows it, and nothing else.
grant usage on schema octroi to anon, authenticated, service_role;
grant usage on schema octroi_private to authenticated;
grant select on octroi.usage, octroi.usage_daily, octroi.quota, octroi.api_keys to authenticated;
grant select on octroi.plans, octroi.top_up_packs to anon, authenticated;
grant select on octroi.top_ups, octroi.invoices, octroi.billing_requests, octroi.alerts to authenticated;
grant select (
  id, account_id, kind, state, error, message, created_at, finished_at
) on octroi_private.billing_request to authenticated;
grant select (
  id, account_id, scope, subject, meter, threshold, used, granted, period_start, resets_at, raised_at, cleared_at
) on octroi_private.alert to authenticated;
grant select on octroi_private.usage_event, octroi_private.usage_daily to authenticated;
grant select (
  id, account_id, user_id, name, key_prefix, allowed_models, allowed_endpoints, created_at, expires_at, revoked_at
) on octroi_private.api_key to authenticated;
-- policies run these as the reader
grant execute on function octroi_private.my_user_id() to authenticated;
grant execute on function octroi_private.my_accounts() to authenticated;
grant execute on function octroi_private.my_administered_accounts() to authenticated;
grant execute on function octroi.my_quota() to authenticated;
grant execute on function octroi.my_usage(date, date, text, date, text, integer) to authenticated;
grant execute on function octroi.account_usage(date, date, text, date, text, uuid, integer) to authenticated;
grant execute on function octroi.my_requests(integer, timestamptz, uuid) to authenticated;
grant execute on function octroi.check_quota(text, bigint) to authenticated;
grant execute on function octroi.count_tokens(text, text) to authenticated;
grant execute on function octroi.create_api_key(text, jsonb, timestamptz, text [], text []) to authenticated;
grant execute on function octroi.revoke_api_key(uuid) to authenticated;
grant execute on function octroi.request_completion(jsonb) to authenticated;
grant execute on function octroi.completion(uuid) to authenticated;
grant execute on function octroi.start_checkout(text, text, text, text) to authenticated;
grant execute on function octroi.open_portal(text) to authenticated;
grant execute on function octroi.change_plan(text, text, uuid) to authenticated;
grant execute on function octroi.preview_change(text, text) to authenticated;
grant execute on function octroi.change_preview(uuid) to authenticated;
grant execute on function octroi.my_invoices(integer, text) to authenticated;
grant execute on function octroi.open_invoice(text) to authenticated;
grant execute on function octroi.cancel_subscription(boolean) to authenticated;
grant execute on function octroi.resume_subscription() to authenticated;
grant execute on function octroi.buy_top_up(text, text, text) to authenticated;
grant execute on function octroi.set_auto_top_up(text, bigint, bigint) to authenticated;
grant execute on function octroi.set_overage(boolean, bigint) to authenticated;
grant execute on function octroi.set_default_output(integer) to authenticated;
grant execute on function octroi.set_notifications(boolean, text, text) to authenticated;
grant execute on function octroi.billing_request(uuid) to authenticated;
grant execute on function octroi.my_subscription() to authenticated;
grant execute on function octroi.next_invoice() to authenticated;
grant execute on function octroi.my_forecast() to authenticated;
grant execute on function octroi.receipt(uuid) to authenticated;
-- Teams, and limits that customers set themselves.
grant select on octroi.budgets to authenticated;
grant select (account_id, scope, subject, meter, period, amount, created_at) on octroi_private.budget to authenticated;
grant execute on function octroi.my_accounts() to authenticated;
grant execute on function octroi.create_team(text) to authenticated;
grant execute on function octroi.team_members() to authenticated;
grant execute on function octroi.invite_member(text, text, text) to authenticated;
grant execute on function octroi.resend_invitation(uuid) to authenticated;
grant execute on function octroi.revoke_invitation(uuid) to authenticated;
grant execute on function octroi.team_invitations(integer, uuid) to authenticated;
grant execute on function octroi.accept_invitation(text) to authenticated;
grant execute on function octroi.decline_invitation(text) to authenticated;
grant execute on function octroi.remove_member(uuid) to authenticated;
grant execute on function octroi.leave_team() to authenticated;
grant execute on function octroi.close_team() to authenticated;
grant execute on function octroi.set_member_role(uuid, text) to authenticated;
grant execute on function octroi.transfer_team(uuid, boolean) to authenticated;
grant execute on function octroi.set_budget(text, text, bigint, text) to authenticated;
grant execute on function octroi.set_key_budget(uuid, text, text, bigint) to authenticated;
grant execute on function octroi.set_member_budget(uuid, text, text, bigint) to authenticated;
grant execute on function octroi_private.set_team_settings(jsonb) to octroi_worker;
-- views run these as the reader
grant execute on function octroi_private.plans_on_sale() to anon, authenticated;
grant execute on function octroi_private.packs_on_sale() to anon, authenticated;
grant execute on function octroi_private.my_top_ups() to authenticated;
grant execute on function octroi_private.my_billing_url(uuid) to authenticated;
grant execute on function octroi_private.my_invoices() to authenticated;

-- The doors that no user stands before: webhooks, and links in mails.
grant execute on function octroi.receive_stripe_events(jsonb) to service_role;
grant execute on function octroi.unsubscribe(text, boolean) to service_role;

-- The worker: its verbs, and no table.
grant usage on schema octroi_private to octroi_worker;
grant execute on function octroi_private.authenticate_key(bytea) to octroi_worker;
grant execute on function octroi_private.authenticate_user(uuid, uuid) to octroi_worker;
grant execute on function octroi_private.is_without_account(uuid) to octroi_worker;
grant execute on function octroi_private.reserve_many(
  uuid [], uuid [], uuid [], uuid [], text [], text [], bigint [], bigint [], integer [], text [], bytea [], integer,
  boolean, boolean []
) to octroi_worker;
grant execute on function octroi_private.settle_many(
  uuid [], bigint [], bigint [], bigint [], bigint [], bigint [], bigint [], bigint [], text [], text [], text [],
  jsonb [], integer [], integer [], text [], smallint [], text [], bytea [], bigint []
) to octroi_worker;
grant execute on function octroi_private.release_many(uuid [], text []) to octroi_worker;
grant execute on function octroi_private.renew_tickets(uuid []) to octroi_worker;
grant execute on function octroi_private.calls_holding(uuid, uuid, uuid, text, text, text, text) to octroi_worker;
grant execute on function octroi_private.stored_response(uuid) to octroi_worker;
grant execute on function octroi_private.model_list(uuid, uuid) to octroi_worker;
grant execute on function octroi_private.model_limits(text) to octroi_worker;
grant execute on function octroi_private.sweep(integer) to octroi_worker;
grant execute on function octroi_private.claim_jobs(
  text, text [], integer, integer, timestamptz, bigint
) to octroi_worker;
grant execute on function octroi_private.stand_by_for_jobs() to octroi_worker;
grant execute on function octroi_private.stop_standing_by() to octroi_worker;
grant execute on function octroi_private.extend_jobs(bigint [], integer [], integer) to octroi_worker;
grant execute on function octroi_private.finish_job(bigint, integer, text, text, integer) to octroi_worker;
grant execute on function octroi_private.finish_jobs(
  bigint [], integer [], text [], text [], integer []
) to octroi_worker;
grant execute on function octroi_private.release_jobs(bigint [], integer []) to octroi_worker;
grant execute on function octroi_private.load_completion(uuid) to octroi_worker;
grant execute on function octroi_private.fail_completion(uuid, smallint, jsonb) to octroi_worker;
grant execute on function octroi_private.worker_ready() to octroi_worker;
-- Users from before Octroi.
grant execute on function octroi_private.backfill_people(uuid, integer) to octroi_worker;
grant execute on function octroi_private.users_without_account() to octroi_worker;
-- Plans, as the operator declares them.
grant execute on function octroi_private.declare_plans(jsonb, boolean) to octroi_worker;
-- Prices, as the operator declares them, and what customers asked for without.
grant execute on function octroi_private.declare_prices(jsonb, boolean) to octroi_worker;
grant execute on function octroi_private.price_list() to octroi_worker;
grant execute on function octroi_private.count_unpriced_models(text [], bigint []) to octroi_worker;
grant execute on function octroi_private.model_troubles() to octroi_worker;
grant execute on function octroi_private.plan_margins(jsonb) to octroi_worker;
grant execute on function octroi_private.plan_catalogue() to octroi_worker;
grant execute on function octroi_private.purchase_pages() to octroi_worker;
grant execute on function octroi_private.page_origins() to octroi_worker;
grant execute on function octroi_private.record_stripe_ids(jsonb) to octroi_worker;
grant execute on function octroi_private.set_billing_settings(jsonb) to octroi_worker;
-- Stripe: what it says, what it is asked, what it is told.
grant execute on function octroi_private.receive_stripe_events(jsonb) to octroi_worker;
grant execute on function octroi_private.subscribed_event_types() to octroi_worker;
grant execute on function octroi_private.finish_stripe_event(text, text, text) to octroi_worker;
grant execute on function octroi_private.lock_stripe_object(text, text, integer) to octroi_worker;
grant execute on function octroi_private.unlock_stripe_object(text, text, bigint) to octroi_worker;
grant execute on function octroi_private.apply_stripe_object(text, text, bigint, jsonb) to octroi_worker;
grant execute on function octroi_private.live_stripe_ids(text, text, integer) to octroi_worker;
grant execute on function octroi_private.link_stripe_customer(uuid, text) to octroi_worker;
grant execute on function octroi_private.load_billing_request(uuid) to octroi_worker;
grant execute on function octroi_private.finish_billing_request(uuid, text, text) to octroi_worker;
grant execute on function octroi_private.finish_preview(uuid, jsonb) to octroi_worker;
grant execute on function octroi_private.checkout_email(uuid) to octroi_worker;
grant execute on function octroi_private.fail_billing_request(uuid, text, text, text, text) to octroi_worker;
grant execute on function octroi_private.change_step(uuid, jsonb) to octroi_worker;
grant execute on function octroi_private.cancel_step(uuid) to octroi_worker;
grant execute on function octroi_private.note_refused_at_limit(
  uuid, uuid, text, bigint, bigint, integer, boolean
) to octroi_worker;
grant execute on function octroi_private.begin_meter_report(uuid) to octroi_worker;
grant execute on function octroi_private.finish_meter_report(uuid, text, text) to octroi_worker;
grant execute on function octroi_private.resolve_meter_report(uuid, bigint) to octroi_worker;
grant execute on function octroi_private.reject_meter_reports(text [], text) to octroi_worker;
grant execute on function octroi_private.replace_reports(uuid [], text) to octroi_worker;
grant execute on function octroi_private.close_step(text) to octroi_worker;
grant execute on function octroi_private.close_did(text, text, jsonb) to octroi_worker;
grant execute on function octroi_private.release_cycle(text) to octroi_worker;
grant execute on function octroi_private.start_reconciliation() to octroi_worker;
grant execute on function octroi_private.reconcile_customers(bigint, text, integer) to octroi_worker;
grant execute on function octroi_private.reconcile_subscription(bigint, text, jsonb) to octroi_worker;
grant execute on function octroi_private.reconcile_listed(bigint, text) to octroi_worker;
grant execute on function octroi_private.reconcile_windows(bigint, text) to octroi_worker;
grant execute on function octroi_private.reconcile_window(bigint, text, text, bigint) to octroi_worker;
grant execute on function octroi_private.reconcile_invoice(bigint, text, jsonb) to octroi_worker;
grant execute on function octroi_private.reconcile_cycles(bigint, text) to octroi_worker;
grant execute on function octroi_private.finish_reconciliation(bigint) to octroi_worker;
grant execute on function octroi_private.reconciliation_differences(bigint) to octroi_worker;
grant execute on function octroi_private.billing_troubles() to octroi_worker;
-- Mail.
grant execute on function octroi_private.claim_mail(uuid) to octroi_worker;
grant execute on function octroi_private.begin_mail(uuid, integer) to octroi_worker;
grant execute on function octroi_private.mark_mail(uuid, integer, text, text) to octroi_worker;
grant execute on function octroi_private.unsubscribe(text, boolean) to octroi_worker;

-- Breaches and what may be the sign of one.
grant execute on function octroi_private.set_security_settings(jsonb) to octroi_worker;
grant execute on function octroi_private.open_breach(text, text, timestamptz) to octroi_worker;
grant execute on function octroi_private.assess_breach(bigint, jsonb) to octroi_worker;
grant execute on function octroi_private.notify_authority(bigint, text, text, timestamptz, text) to octroi_worker;
grant execute on function octroi_private.notify_affected(bigint, jsonb) to octroi_worker;
grant execute on function octroi_private.send_breach_notices(bigint, integer) to octroi_worker;
grant execute on function octroi_private.close_breach(bigint, text, text) to octroi_worker;
grant execute on function octroi_private.breach_report(bigint) to octroi_worker;
grant execute on function octroi_private.breaches(boolean) to octroi_worker;
grant execute on function octroi_private.count_refusals(text [], uuid [], uuid [], bigint []) to octroi_worker;
grant execute on function octroi_private.count_refused_calls(jsonb) to octroi_worker;
grant execute on function octroi_private.security_signals(boolean) to octroi_worker;
grant execute on function octroi_private.resolve_signals(bigint [], bigint, text) to octroi_worker;

-- A backend that meters calls of its own in SQL: the single verbs. Grant this role to its login.
grant usage on schema octroi_private to octroi_meter;
grant execute on function octroi_private.authenticate_key(bytea) to octroi_meter;
grant execute on function octroi_private.authenticate_user(uuid, uuid) to octroi_meter;
grant execute on function octroi_private.uuid_v7() to octroi_meter;
grant execute on function octroi_private.reserve(
  uuid, uuid, uuid, uuid, text, bigint, bigint, integer, text, bytea, text, integer, boolean
) to octroi_meter;
grant execute on function octroi_private.settle(
  uuid, bigint, bigint, bigint, bigint, bigint, bigint, bigint, text, text, bigint
) to octroi_meter;
grant execute on function octroi_private.release(uuid, text) to octroi_meter;
grant execute on function octroi_private.record_usage(
  uuid, uuid, text, bigint, bigint, bigint, uuid, uuid, text
) to octroi_meter;

-- Rights of people: access, portability, rectification.
grant execute on function octroi.export_my_data() to authenticated;
grant execute on function octroi.my_data_tables() to authenticated;
grant execute on function octroi.my_data(text, text [], integer) to authenticated;
grant execute on function octroi.update_my_contact(text, text, text, text, text, jsonb, jsonb) to authenticated;
grant execute on function octroi_private.begin_export(bytea) to octroi_worker;
grant execute on function octroi_private.export_manifest() to octroi_worker;
grant execute on function octroi_private.export_page(uuid, text, text [], integer) to octroi_worker;
grant execute on function octroi_private.finish_export(uuid, bigint, bigint, text) to octroi_worker;
grant execute on function octroi_private.load_contact_change(uuid) to octroi_worker;
grant execute on function octroi_private.finish_contact_change(uuid, integer, text) to octroi_worker;
grant execute on function octroi_private.privacy_troubles() to octroi_worker;

-- Exports of operators: whatever they read is written down. Grant this role to their logins.
grant usage on schema octroi, octroi_private to octroi_admin;
grant select on octroi.usage, octroi.usage_daily to octroi_admin;
grant select on octroi_private.usage_event, octroi_private.usage_daily to octroi_admin;
grant execute on function octroi_private.admin_tables() to octroi_admin;
grant execute on function octroi_private.admin_page(text, text [], integer) to octroi_admin;
grant execute on function octroi_private.privacy_troubles() to octroi_admin;
grant select on octroi_private.customers to octroi_admin;
-- the view asks it as its reader
grant execute on function octroi_private.now_for_readers() to octroi_admin;
do $$
declare
  v_table text;
begin
  for v_table in select t.table_name from octroi_private.admin_tables() as t loop
    -- a table that was registered by a later migration than the views is exported by page only
    if to_regclass('octroi_private.admin_' || v_table) is not null then
      execute format('grant select on octroi_private.%I to octroi_admin', 'admin_' || v_table);
    end if;
  end loop;
end
$$;

-- Audit and consent.
grant execute on function octroi.my_audit(integer, bigint) to authenticated;
grant execute on function octroi.give_consent(text, text) to authenticated;
grant execute on function octroi.withdraw_consent(text) to authenticated;
grant execute on function octroi.my_consents() to authenticated;
grant execute on function octroi_private.log_admin_read(text) to octroi_admin, octroi_support;
grant execute on function octroi_private.verify_audit(bigint, integer) to octroi_worker;
grant execute on function octroi_private.audit_position(bigint) to octroi_worker;
-- Key hygiene.
grant select on octroi_private.api_key_use to authenticated;
grant select (api_key_id, expires_at) on octroi_private.api_key_previous to authenticated;
grant execute on function octroi.rotate_api_key(uuid, integer) to authenticated;
grant execute on function octroi.restrict_api_key(uuid, text [], text []) to authenticated;
grant execute on function octroi_private.revoke_leaked_keys(bytea []) to octroi_worker;

-- Sealing: the operator's rotation, and who helps without seeing.
grant execute on function octroi_private.rotate_data_keys(uuid, integer) to octroi_worker;
grant execute on function octroi_private.operator_key_use() to octroi_worker;
grant usage on schema octroi_private to octroi_support;
grant select on octroi_private.support_contact to octroi_support, octroi_admin;
-- what the view calls as its reader; of contact itself they read nothing
grant execute on function octroi_private.mask_contact(uuid, bytea, bytea) to octroi_support, octroi_admin;
grant execute on function octroi_private.masked_contact(uuid) to octroi_support, octroi_admin;
grant execute on function octroi_private.find_person_by_email(text) to octroi_support, octroi_admin;

-- What an operator does about what accounts may use.
grant usage on schema octroi_private to octroi_operator;
grant execute on function octroi_private.assign_plan(uuid, text) to octroi_operator;
grant execute on function octroi_private.give_grant(text, uuid, text, bigint, text, timestamptz) to octroi_operator;
grant execute on function octroi_private.give_promotion(
  text, text, bigint, text, timestamptz, text, integer
) to octroi_operator;
grant execute on function octroi_private.end_grant(uuid, text) to octroi_operator;
grant execute on function octroi_private.set_account_limit(
  uuid, text, text, bigint, text, text
) to octroi_operator;
grant execute on function octroi_private.correct_usage(uuid, text) to octroi_operator;
grant execute on function octroi_private.set_billing_settings(jsonb) to octroi_operator;
-- Why somebody is refused.
grant execute on function octroi_private.support_accounts(uuid) to octroi_support, octroi_admin;
grant execute on function octroi_private.support_find_key(text) to octroi_support, octroi_admin;
grant execute on function octroi_private.support_keys(uuid) to octroi_support, octroi_admin;
grant execute on function octroi_private.support_quota(uuid) to octroi_support, octroi_admin;
grant execute on function octroi_private.support_refusals(uuid, integer) to octroi_support, octroi_admin;
grant execute on function octroi_private.support_invoices(uuid, integer) to octroi_support, octroi_admin;
grant execute on function octroi_private.support_verdict(uuid, uuid, text, uuid) to octroi_support, octroi_admin;

-- Erasure: what the worker does after it, and the list that outlives backups.
grant execute on function octroi.delete_my_account() to authenticated;
grant execute on function octroi_private.remove_usage(uuid, integer) to octroi_worker;
grant execute on function octroi_private.erasure_customer(bigint) to octroi_worker;
grant execute on function octroi_private.erasure_at_stripe(bigint) to octroi_worker;
grant execute on function octroi_private.finish_erasure_step(bigint) to octroi_worker;
grant execute on function octroi_private.tombstones(text, integer) to octroi_worker;
grant execute on function octroi_private.replay_tombstones(text []) to octroi_worker;

reset role;
