-- For 31_bounds: rows of the tables about people's rights, and what each of their constraints refuses.
select octroi_private.open_privacy_request(:olga, 'rectification') as rectification_id \gset
select octroi_private.open_privacy_request(:olga, 'rectification') as second_rectification_id \gset
select octroi_private.open_privacy_request(:ada, 'access') as access_id \gset
select octroi_private.open_privacy_request(:ada, 'access') as second_access_id \gset
insert into octroi_private.export_ticket (request_id, user_id, token_hash, issued_at, expires_at)
values
(:'access_id', :ada, sha256('1'), now(), now() + interval '1 minute'),
(:'second_access_id', :ada, sha256('2'), now(), now() + interval '1 minute');
insert into octroi_private.contact_change (id, account_id, user_id, details, created_at)
values (
  :'rectification_id', :team, :olga, octroi_private.seal_for(:olga, 'contact_change.details', '{}'), now()
);

insert into tap.breach
select b.constraint_name, format('update octroi_private.%I set %s', b.relation, b.assignment)
from (values
  ('processor_name_check', 'processor', 'name = ''A B'''),
  ('processor_who_check', 'processor', 'who = '''''),
  ('processor_who_check', 'processor', 'who = repeat(''x'', 201)'),
  ('processor_handles_check', 'processor', 'handles = '''''),
  ('processor_handles_check', 'processor', 'handles = repeat(''x'', 501)'),
  ('personal_table_table_name_check', 'personal_table', 'table_name = ''A b'''),
  ('personal_table_about_check', 'personal_table', 'about = ''pet'''),
  ('personal_table_legal_basis_check', 'personal_table', 'legal_basis = ''curiosity'''),
  ('personal_table_erasure_check', 'personal_table', 'erasure = ''hide'', erasure_reason = ''x'''),
  ('personal_table_slices_check', 'personal_table', 'slices = ''team'''),
  ('personal_table_key_columns_check', 'personal_table', 'key_columns = array_fill(''x''::text, array[6])'),
  ('personal_table_page_rows_check', 'personal_table', 'page_rows = 0'),
  ('personal_table_page_rows_check', 'personal_table', 'page_rows = 10001'),
  ('personal_table_kept_for_a_reason', 'personal_table', 'erasure = ''keep'', erasure_reason = null'),
  ('personal_table_withheld_for_a_reason', 'personal_table', 'reach = null, withheld = null'),
  ('personal_table_withheld_for_a_reason', 'personal_table', 'reach = ''true'', withheld = ''x'''),
  ('personal_column_class_check', 'personal_column', 'class = ''gossip'''),
  ('personal_column_what_check', 'personal_column', 'what = '''''),
  ('personal_column_what_check', 'personal_column', 'what = repeat(''x'', 201)'),
  ('personal_column_erasure_check', 'personal_column', 'erasure = ''hide'''),
  ('privacy_setting_only_row_check', 'privacy_setting', 'only_row = false'),
  ('privacy_setting_gdpr_answer_months_check', 'privacy_setting', 'gdpr_answer_months = 4'),
  ('privacy_setting_gdpr_extension_months_check', 'privacy_setting', 'gdpr_extension_months = 3'),
  ('privacy_setting_alert_day_check', 'privacy_setting', 'alert_day = 29'),
  ('privacy_setting_ccpa_confirm_business_days_check', 'privacy_setting', 'ccpa_confirm_business_days = 11'),
  ('privacy_setting_ccpa_answer_days_check', 'privacy_setting', 'ccpa_answer_days = 46'),
  ('privacy_setting_ccpa_extension_days_check', 'privacy_setting', 'ccpa_extension_days = 46'),
  ('privacy_setting_ccpa_opt_out_business_days_check', 'privacy_setting', 'ccpa_opt_out_business_days = 16'),
  ('privacy_setting_request_log_months_check', 'privacy_setting', 'request_log_months = 0'),
  ('privacy_setting_export_ticket_seconds_check', 'privacy_setting', 'export_ticket_seconds = 3601'),
  ('privacy_setting_exports_a_day_check', 'privacy_setting', 'exports_a_day = 0'),
  ('privacy_request_kind_check', 'privacy_request', 'kind = ''whim'''),
  ('privacy_request_regime_check', 'privacy_request', 'regime = ''hearsay'''),
  ('privacy_request_channel_check', 'privacy_request', 'channel = ''pigeon'''),
  ('privacy_request_check', 'privacy_request', 'due_at = received_at'),
  ('privacy_request_extension_reason_check', 'privacy_request', 'extended_at = now(), extension_reason = '''''),
  ('privacy_request_extended_for_a_reason', 'privacy_request', 'extended_at = now()'),
  ('privacy_request_state_check', 'privacy_request', 'state = ''lost'', closed_at = now()'),
  ('privacy_request_closed_or_open', 'privacy_request', 'closed_at = now()'),
  ('privacy_request_evidence_check', 'privacy_request', 'evidence = ''[]'''),
  ('privacy_request_refused_for_a_reason', 'privacy_request', 'state = ''refused'', closed_at = now()'),
  ('export_ticket_token_hash_check', 'export_ticket', 'token_hash = ''\x00'''),
  ('export_ticket_check', 'export_ticket', 'expires_at = issued_at'),
  ('export_ticket_token_hash_key', 'export_ticket', 'token_hash = sha256(''3'')'),
  ('contact_change_version_check', 'contact_change', 'version = 0'),
  ('contact_change_details_check', 'contact_change', 'details = ''\x00'''),
  ('contact_change_state_check', 'contact_change', 'state = ''lost'', details = null, finished_at = now()'),
  ('contact_change_error_check', 'contact_change', 'error = repeat(''x'', 501)'),
  ('contact_change_forgets_when_finished', 'contact_change', 'state = ''done'', finished_at = now()')
) as b (constraint_name, relation, assignment)
union all
values (
  'contact_change_one_waits', format(
    'insert into octroi_private.contact_change (id, account_id, user_id, details, created_at)'
    ' values (%L, %L, %L, %L, now())', :'second_rectification_id', :team, :olga,
    octroi_private.seal_for(:olga, 'contact_change.details', '{}')
  )
);
