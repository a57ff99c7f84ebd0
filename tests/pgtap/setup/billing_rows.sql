-- One row at least in every table about billing, and for each of their constraints a row that breaks it.
insert into octroi_private.overage_setting (account_id, is_on) values (:team, true);
insert into octroi_private.auto_top_up (account_id, pack_code, below, monthly_cap_minor, user_id)
values (:team, 'tokens_100k', 5, 5000, :olga);
insert into octroi_private.revocation (grant_id, change, happened_at) values (:'grant_id', 1, now());
insert into octroi_private.overage_use (
  balance_id, request_id, account_id, meter, event_name, amount, occurred_at
)
values (:'balance_id', :'request_id', :team, 'tokens', 'octroi_1', 5, now());
insert into octroi_private.stripe_customer (id, account_id) values ('cus_1', :team), ('cus_2', tap.personal('olga'));
insert into octroi_private.stripe_event (id, type, created_at, received_at, object_kind, object_id, object, state)
values ('evt_1', 'invoice.paid', now(), now(), 'invoice', 'in_1', '{}', 'queued');
select octroi_private.enqueue_sync('invoice', 'in_1') \g /dev/null
select octroi_private.store_subscription('{"id": "sub_1", "customer": "cus_1", "status": "active",
  "created": 1}') \g /dev/null
select octroi_private.store_invoice(
  '{"id": "in_1", "customer": "cus_1", "status": "open", "total": 1, "created": 1, "lines": [
    {"id": "il_1", "amount": 1, "period_start": 1, "period_end": 2}]}'
) \g /dev/null
select octroi_private.store_charge('{
  "id": "ch_1", "customer": "cus_1", "amount": 1, "status": "succeeded", "created": 1,
  "refunds": [{"id": "re_1", "amount": 1, "status": "succeeded", "created": 1}]
}') \g /dev/null
select octroi_private.store_dispute('{"id": "dp_1", "charge": "ch_1", "amount": 1, "status": "lost",
  "created": 1}') \g /dev/null
insert into octroi_private.top_up (grant_id, account_id, pack_id, quantity, paid_minor, currency, bought_at)
select :'grant_id', :team, min(k.id), 1, 500, 'usd', now() from octroi_private.top_up_pack as k;
select octroi_private.enqueue_billing_request(:team, :olga, 'portal', '{}') \g /dev/null
insert into octroi_private.meter_report (
  id, account_id, customer_id, event_name, meter, balance_id, window_start, window_end, value, usage_at, state,
  created_at, changed_at
)
select
  octroi_private.uuid_v7(), :team, 'cus_1', e.event_name, 'tokens', :'balance_id', '2026-01-01', '2026-02-01', 5,
  '2026-01-15', 'pending', now(), now()
from (values ('octroi_1'), ('octroi_2')) as e (event_name);
insert into octroi_private.billing_cycle (
  invoice_id, account_id, customer_id, period_start, period_end, opened_at, changed_at
)
values ('in_1', :team, 'cus_1', '2026-01-01', '2026-02-01', now(), now());
insert into octroi_private.alert (
  account_id, balance_id, scope, subject, meter, threshold, used, granted, period_start, resets_at, raised_at
)
values
(:team, :'balance_id', 'account', '', 'tokens', 80, 80, 100, '2026-01-01', '2026-02-01', now()),
(:team, :'balance_id', 'account', '', 'tokens', 90, 90, 100, '2026-01-01', '2026-02-01', now());
select octroi_private.enqueue_mail_to_owners(:team, 'threshold', '1', '{}', now() + interval '1 day') \g /dev/null
select octroi_private.reconcile_subscription(octroi_private.start_reconciliation(), 'cus_1',
  '{"id": "sub_1"}') \g /dev/null

create function tap.longer(p_length integer) returns text
language sql
begin atomic
select quote_literal(repeat('x', p_length + 1));
end;

insert into tap.breach
select b.constraint_name, format('update octroi_private.%I set %s', b.relation, b.assignment)
from (values
  ('currency_code_check', 'plan_version', 'currency = ''EUR'''),
  ('billing_interval_check', 'plan_price', 'billing_interval = ''week'''),
  ('unit_price_check', 'plan_price', 'amount_minor = 0'),
  ('unit_price_check', 'plan_price', 'amount_minor = 100000000'),
  ('catalogue_key_check', 'plan_price', 'lookup_key = ''basic'''),
  ('stripe_id_check', 'stripe_event', 'id = ''in 1'''),
  ('plan_name_check', 'plan', 'name = '''''),
  ('plan_name_check', 'plan', 'name = ' || tap.longer(200)),
  ('plan_version_seats_check', 'plan_version', 'seats = 0'),
  ('plan_version_seats_check', 'plan_version', 'seats = 100001'),
  ('plan_version_trial_days_check', 'plan_version', 'trial_days = -1'),
  ('plan_version_trial_days_check', 'plan_version', 'trial_days = 731'),
  ('plan_version_features_check', 'plan_version', 'features = array_fill(''x''::text, array[51])'),
  ('plan_version_content_check', 'plan_version', 'content = ''[]'''),
  ('plan_limit_rollover_on_account', 'plan_limit', 'overage = 0, rollover_max = 1, period = ''day'''),
  ('plan_limit_rollover_months_check', 'plan_limit', 'rollover_months = 0'),
  ('plan_limit_rollover_months_check', 'plan_limit', 'rollover_months = 13'),
  ('subscription_granted_while_paid', 'subscription', 'granted_until = now()'),
  ('quota_grant_source_check', 'quota_grant', 'source = '''''),
  ('quota_grant_source_check', 'quota_grant', 'source = ' || tap.longer(600)),
  ('quota_grant_never_overrevoked', 'quota_grant', 'revoked = amount + 1'),
  ('revocation_change_check', 'revocation', 'change = 0'),
  ('plan_overage_slice_check', 'plan_overage', 'slice = 0'),
  ('plan_overage_slice_check', 'plan_overage', 'slice = 1000000001'),
  ('plan_overage_meter_check', 'plan_overage', 'meter = ''cost'''),
  ('plan_overage_affords_a_slice', 'plan_overage', 'spend_cap_minor = 1, price_minor = 2'),
  ('plan_overage_spend_cap_minor_check', 'plan_overage', 'spend_cap_minor = 100000000'),
  ('overage_setting_spend_cap_minor_check', 'overage_setting', 'spend_cap_minor = -1'),
  ('overage_setting_spend_cap_minor_check', 'overage_setting', 'spend_cap_minor = 100000000'),
  ('top_up_pack_version_check', 'top_up_pack', 'version = 0'),
  ('top_up_pack_name_check', 'top_up_pack', 'name = '''''),
  ('top_up_pack_name_check', 'top_up_pack', 'name = ' || tap.longer(200)),
  ('top_up_pack_amount_check', 'top_up_pack', 'amount = 0'),
  ('top_up_pack_expires_after_days_check', 'top_up_pack', 'expires_after_days = 0'),
  ('top_up_pack_expires_after_days_check', 'top_up_pack', 'expires_after_days = 3651'),
  ('top_up_pack_priority_check', 'top_up_pack', 'priority = -1001'),
  ('top_up_pack_priority_check', 'top_up_pack', 'priority = 1001'),
  ('top_up_pack_content_check', 'top_up_pack', 'content = ''[]'''),
  ('top_up_pack_code_check', 'top_up_pack', 'code = ''A'''),
  ('stripe_catalogue_object_check', 'stripe_catalogue', 'object = ''coupon'''),
  ('stripe_catalogue_stripe_id_check', 'stripe_catalogue', 'stripe_id = '''''),
  ('stripe_catalogue_stripe_id_check', 'stripe_catalogue', 'stripe_id = ' || tap.longer(255)),
  ('overage_use_amount_check', 'overage_use', 'amount = 0'),
  ('billing_setting_only_row_check', 'billing_setting', 'only_row = false'),
  ('billing_setting_return_origins_check', 'billing_setting', 'return_origins = array_fill(''x''::text, array[101])'),
  ('billing_setting_renewal_grace_seconds_check', 'billing_setting', 'renewal_grace_seconds = -1'),
  ('billing_setting_renewal_grace_seconds_check', 'billing_setting', 'renewal_grace_seconds = 1814401'),
  ('billing_setting_payment_grace_seconds_check', 'billing_setting', 'payment_grace_seconds = -1'),
  ('billing_setting_payment_grace_seconds_check', 'billing_setting', 'payment_grace_seconds = 1814401'),
  ('billing_setting_draft_watch_seconds_check', 'billing_setting', 'draft_watch_seconds = 59'),
  ('billing_setting_draft_watch_seconds_check', 'billing_setting', 'draft_watch_seconds = 259201'),
  ('billing_setting_report_every_seconds_check', 'billing_setting', 'report_every_seconds = 0'),
  ('billing_setting_report_every_seconds_check', 'billing_setting', 'report_every_seconds = 86401'),
  ('auto_top_up_below_check', 'auto_top_up', 'below = 0'),
  ('auto_top_up_monthly_cap_minor_check', 'auto_top_up', 'monthly_cap_minor = 0'),
  ('auto_top_up_monthly_cap_minor_check', 'auto_top_up', 'monthly_cap_minor = 100000000'),
  ('stripe_event_reason_check', 'stripe_event', 'reason = ' || tap.longer(500)),
  ('stripe_event_type_check', 'stripe_event', 'type = '''''),
  ('stripe_event_type_check', 'stripe_event', 'type = ' || tap.longer(100)),
  ('stripe_event_api_version_check', 'stripe_event', 'api_version = ' || tap.longer(50)),
  ('stripe_event_object_check', 'stripe_event', 'object = ''[]'''),
  ('stripe_event_state_check', 'stripe_event', 'state = ''lost'''),
  ('stripe_event_quarantined_for_a_reason', 'stripe_event', 'state = ''quarantined'''),
  ('stripe_event_queued_for_an_object', 'stripe_event', 'object_kind = null'),
  ('stripe_object_problem_check', 'stripe_object', 'problem = ' || tap.longer(500)),
  ('stripe_object_kind_check', 'stripe_object', 'kind = ''coupon'''),
  ('stripe_subscription_status_check', 'stripe_subscription', 'status = ''ended'''),
  ('stripe_invoice_status_check', 'stripe_invoice', 'status = ''late'''),
  ('stripe_invoice_told_attempt_check', 'stripe_invoice', 'told_attempt = -1'),
  ('stripe_refund_amount_minor_check', 'stripe_refund', 'amount_minor = -1'),
  ('stripe_dispute_amount_minor_check', 'stripe_dispute', 'amount_minor = -1'),
  ('top_up_quantity_check', 'top_up', 'quantity = 0'),
  ('top_up_quantity_check', 'top_up', 'quantity = 101'),
  ('top_up_paid_minor_check', 'top_up', 'paid_minor = -1'),
  ('billing_request_finished_or_pending', 'billing_request', 'finished_at = now()'),
  ('billing_request_url_only_when_answered', 'billing_request', 'url = ''https://x'''),
  ('billing_request_failed_for_a_reason', 'billing_request', 'state = ''failed'', finished_at = now()'),
  ('billing_request_kind_check', 'billing_request', 'kind = ''gift'''),
  ('billing_request_preview_check', 'billing_request', 'preview = ''[]'''),
  ('billing_setting_billing_address_check', 'billing_setting', 'billing_address = ''never'''),
  ('billing_setting_checkout_locale_check', 'billing_setting', 'checkout_locale = ''EN'''),
  ('stripe_invoice_number_check', 'stripe_invoice', 'number = ' || tap.longer(100)),
  ('stripe_invoice_hosted_url_check', 'stripe_invoice', 'hosted_url = ' || tap.longer(2000)),
  ('stripe_invoice_pdf_url_check', 'stripe_invoice', 'pdf_url = ' || tap.longer(2000)),
  ('stripe_invoice_line_description_check', 'stripe_invoice_line', 'description = ' || tap.longer(500)),
  ('billing_request_args_check', 'billing_request', 'args = ''[]'''),
  ('billing_request_state_check', 'billing_request', 'state = ''lost'', finished_at = now()'),
  ('billing_request_object_id_check', 'billing_request', 'object_id = ' || tap.longer(255)),
  (
    'billing_request_url_check', 'billing_request',
    'state = ''done'', finished_at = now(), url = ' || tap.longer(5000)
  ),
  ('billing_request_error_check', 'billing_request', 'state = ''failed'', finished_at = now(), error = ''No!'''),
  ('billing_request_message_check', 'billing_request', 'message = ' || tap.longer(500)),
  ('meter_report_state_check', 'meter_report', 'state = ''lost'''),
  ('meter_report_value_check', 'meter_report', 'value = 0'),
  ('meter_report_attempts_check', 'meter_report', 'attempts = -1'),
  ('meter_report_generation_check', 'meter_report', 'generation = 11'),
  ('meter_report_generation_check', 'meter_report', 'generation = -1'),
  ('meter_report_detail_check', 'meter_report', 'detail = ' || tap.longer(500)),
  ('meter_report_dated_in_its_window', 'meter_report', 'usage_at = window_end'),
  ('meter_report_dated_in_its_window', 'meter_report', 'usage_at = window_start - interval ''1 second'''),
  ('billing_cycle_check', 'billing_cycle', 'period_end = period_start - interval ''1 second'''),
  ('billing_cycle_detail_check', 'billing_cycle', 'detail = ' || tap.longer(500)),
  ('billing_cycle_state_check', 'billing_cycle', 'state = ''lost'''),
  ('alert_threshold_check', 'alert', 'threshold = 70'),
  ('contact_email_check', 'contact', 'email = ''a@'''),
  ('contact_email_check', 'contact', 'email = ' || tap.longer(1500)),
  ('contact_email_index_check', 'contact', 'email_index = ''a@'''),
  ('contact_phone_check', 'contact', 'phone = ''33'''),
  ('contact_has_one', 'contact', 'email = null, email_index = null'),
  ('contact_indexed', 'contact', 'email_index = null'),
  ('notification_setting_time_zone_check', 'notification_setting', 'time_zone = ' || tap.longer(100)),
  ('notification_setting_locale_check', 'notification_setting', 'locale = ''de'''),
  ('mail_finished_or_not', 'mail', 'state = ''sent'''),
  ('mail_kind_check', 'mail', 'kind = ''newsletter'''),
  ('mail_dedupe_key_check', 'mail', 'dedupe_key = id || ' || tap.longer(300)),
  ('mail_data_check', 'mail', 'data = ''[]'''),
  ('mail_state_check', 'mail', 'state = ''lost'', finished_at = now()'),
  ('mail_attempt_check', 'mail', 'attempt = -1'),
  ('mail_detail_check', 'mail', 'detail = ' || tap.longer(500)),
  ('recurring_job_every_seconds_check', 'recurring_job', 'every_seconds = 59'),
  ('recurring_job_every_seconds_check', 'recurring_job', 'every_seconds = 604801'),
  ('reconciliation_difference_reason_check', 'reconciliation_difference', 'reason = ' || tap.longer(500)),
  ('reconciliation_difference_what_check', 'reconciliation_difference', 'what = ''mood'''),

  ('plan_price_lookup_key_key', 'plan_price', 'lookup_key = ''octroi-x'''),
  ('plan_overage_lookup_key_key', 'plan_overage', 'lookup_key = ''octroi-x'''),
  ('plan_overage_event_name_key', 'plan_overage', 'event_name = ''octroi-x'''),
  ('top_up_pack_lookup_key_key', 'top_up_pack', 'lookup_key = ''octroi-x'''),
  ('top_up_pack_code_version_key', 'top_up_pack', 'code = ''x'', version = 1, retired_at = now()'),
  ('top_up_pack_one_on_sale', 'top_up_pack', 'code = ''x'', version = id'),
  ('stripe_catalogue_stripe_id_key', 'stripe_catalogue', 'stripe_id = ''x'''),
  ('stripe_customer_one_per_account', 'stripe_customer', 'account_id = ''01a00000-0000-7000-8000-0000000000ff'''),
  ('meter_report_one_in_flight', 'meter_report', 'event_name = ''x'''),
  ('alert_once', 'alert', 'threshold = 100'),
  ('mail_dedupe_key_key', 'mail', 'dedupe_key = ''x''')
) as b (constraint_name, relation, assignment)
union all
values
(
  'notification_setting_unsubscribe_token_key',
  'update octroi_private.notification_setting set unsubscribe_token = ''01a00000-0000-7000-8000-00000000dead'''
),
(
  'quota_grant_source_key',
  'insert into octroi_private.quota_grant (account_id, meter, kind, amount, starts_at, reason, source)
  select a.id, ''tokens'', ''promo'', 1, now(), ''x'', ''x'' from octroi_private.account as a'
);
