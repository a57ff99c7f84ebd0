-- One row at least in every table about erasure and retention, and for each of their constraints a row that breaks it.
insert into octroi_private.erasure_receipt (id, asked_by, erased_at)
values ('01a00000-0000-7000-8000-000000000e01', 'auth', now()), ('01a00000-0000-7000-8000-000000000e02', 'auth', now());
insert into octroi_private.erased_account (account_id, receipt_id, kept_until)
values (tap.personal('sten'), '01a00000-0000-7000-8000-000000000e01', now());
insert into octroi_private.erasure_step (receipt_id, kind, account_id, customer_id, waived_at, created_at)
select '01a00000-0000-7000-8000-000000000e01', 'stripe', tap.personal('sten'), c.id, now(), now()
from unnest(array['cus_1', 'cus_2']) as c (id);
insert into octroi_private.usage_removal (receipt_id, user_id, is_deleting)
values ('01a00000-0000-7000-8000-000000000e01', :sten, true);
insert into octroi_private.tombstone (subject_hash, erased_at) values (sha256('x'), now());
insert into octroi_private.usage_month_dropped (month, dropped_at) values ('2020-01-01', now());

insert into tap.breach
select b.constraint_name, format('update octroi_private.%I set %s', b.relation, b.assignment)
from (values
  ('retention_rule_country_check', 'retention_rule', 'country = ''de'''),
  ('retention_rule_years_check', 'retention_rule', 'years = 0'),
  ('retention_rule_years_check', 'retention_rule', 'years = 31'),
  ('retention_rule_legal_reason_check', 'retention_rule', 'legal_reason = '''''),
  ('retention_rule_legal_reason_check', 'retention_rule', 'legal_reason = ' || tap.longer(300)),
  ('retention_rule_one_in_force', 'retention_rule', 'is_in_force = true'),
  ('erasure_receipt_asked_by_check', 'erasure_receipt', 'asked_by = ''x'''),
  ('erasure_receipt_erased_check', 'erasure_receipt', 'erased = ''[]'''),
  ('erasure_receipt_kept_check', 'erasure_receipt', 'kept = ''{}'''),
  ('erasure_receipt_pseudonym_key', 'erasure_receipt', 'pseudonym = ''01a00000-0000-7000-8000-00000000dead'''),
  ('erasure_step_kind_check', 'erasure_step', 'kind = ''auth'', waived_at = null'),
  ('erasure_step_of_an_erasure', 'erasure_step', 'receipt_id = null'),
  ('erasure_step_at_stripe_has_customer', 'erasure_step', 'customer_id = null'),
  ('erasure_step_at_stripe_has_customer', 'erasure_step', 'waived_at = null'),
  ('erasure_step_at_stripe_has_customer', 'erasure_step', 'kind = ''handover'''),
  ('erasure_step_once', 'erasure_step', 'customer_id = ''cus_x'''),
  ('tombstone_subject_hash_check', 'tombstone', 'subject_hash = ''\x00'''),
  ('tombstone_key_only_row_check', 'tombstone_key', 'only_row = false'),
  ('tombstone_key_key_check', 'tombstone_key', 'key = ''\x00'''),
  ('retention_setting_table_name_check', 'retention_setting', 'table_name = ''X'''),
  ('retention_setting_keep_check', 'retention_setting', 'keep = ''0'', at_least = ''0'''),
  ('retention_setting_not_too_short', 'retention_setting', 'keep = ''1 minute'''),
  ('retention_setting_reason_check', 'retention_setting', 'reason = '''''),
  ('retention_setting_reason_check', 'retention_setting', 'reason = ' || tap.longer(300)),
  ('usage_month_dropped_month_check', 'usage_month_dropped', 'month = ''2020-01-02''')
) as b (constraint_name, relation, assignment);
