-- One row at least in every table about breaches, and for each of their constraints a row that breaks it.
insert into octroi_private.breach (
  title, nature, detected_at, report_due_at, opened_at, assessed_at, risk, data_categories, affected, affected_count,
  consequences, measures, contact
)
values ('x', 'x', now(), now(), now(), now(), 'risk', '{x}', '{}', 1, 'x', 'x', 'x');
insert into octroi_private.breach_notice (breach_id, user_id, outcome, queued_at)
select b.id, p.user_id, 'queued', now() from octroi_private.breach as b, tap.person as p;
insert into octroi_private.ban select p.user_id, now() from tap.person as p limit 1;
insert into octroi_private.refused_access values (now(), 'missed_id', :team, :team, 1, 0);
insert into octroi_private.refused_call values (:team, '2026-11-01', 'quota_exceeded', 429, 1, now());
insert into octroi_private.key_use values (:team, :missing, '2026-11-01', 'x', 1);
insert into octroi_private.key_use_cursor values (:team, now());
insert into octroi_private.security_signal (kind, window_start, detail, raised_at)
values ('velocity', now(), '{}', now()), ('refusals', now(), '{}', now());

insert into tap.breach
select b.constraint_name, format('update octroi_private.%I set %s', b.relation, b.assignment)
from (values
  ('breach_title_check', 'breach', 'title = '''''),
  ('breach_title_check', 'breach', 'title = ' || tap.longer(200)),
  ('breach_nature_check', 'breach', 'nature = ' || tap.longer(4000)),
  ('breach_risk_check', 'breach', 'risk = ''some'''),
  ('breach_data_categories_check', 'breach', 'data_categories = ''{}'''),
  ('breach_affected_check', 'breach', 'affected = ''[]'''),
  ('breach_consequences_check', 'breach', 'consequences = '''''),
  ('breach_measures_check', 'breach', 'measures = '''''),
  ('breach_contact_check', 'breach', 'contact = ' || tap.longer(500)),
  ('breach_assessed_in_full', 'breach', 'assessed_at = null'),
  ('breach_assessed_in_full', 'breach', 'risk = null'),
  ('breach_authority_check', 'breach', 'authority = '''''),
  ('breach_authority_reference_check', 'breach', 'authority_reference = ' || tap.longer(200)),
  ('breach_late_for_a_reason', 'breach', 'authority_notified_at = now() + interval ''1 second'''),
  ('breach_delay_reason_check', 'breach', 'delay_reason = '''''),
  ('breach_notice_check', 'breach', 'notice = ''[]'''),
  ('breach_no_notice_reason_check', 'breach', 'no_notice_reason = '''''),
  ('breach_closed_with_a_note', 'breach', 'closed_at = now()'),
  ('breach_closing_note_check', 'breach', 'closing_note = '''', closed_at = now()'),
  ('breach_notice_outcome_check', 'breach_notice', 'outcome = ''lost'', ended_at = now()'),
  ('breach_notice_ended_or_queued', 'breach_notice', 'ended_at = now()'),
  ('breach_notice_once', 'breach_notice', 'user_id = ''01a00000-0000-7000-8000-0000000000ff'''),
  ('detection_state_only_row_check', 'detection_state', 'only_row = false'),
  ('refused_call_code_check', 'refused_call', 'code = ''two words'''),
  ('refused_call_status_check', 'refused_call', 'status = 200'),
  ('refused_call_endpoint_check', 'refused_call', 'endpoint = ''images'''),
  ('refused_call_model_check', 'refused_call', 'model = ''my name is Mia'''),
  ('refused_call_limit_whole_or_none', 'refused_call', 'used = 1'),
  ('refused_access_reason_check', 'refused_access', 'reason = ''mood'''),
  ('security_setting_only_row_check', 'security_setting', 'only_row = false'),
  ('security_setting_breach_report_hours_check', 'security_setting', 'breach_report_hours = 0'),
  ('security_setting_breach_report_hours_check', 'security_setting', 'breach_report_hours = 721'),
  ('security_setting_refusals_of_one_check', 'security_setting', 'refusals_of_one = 0'),
  ('security_setting_refusals_of_unknown_check', 'security_setting', 'refusals_of_unknown = 0'),
  ('security_setting_foreign_ids_check', 'security_setting', 'foreign_ids = 0'),
  ('security_setting_velocity_times_check', 'security_setting', 'velocity_times = 1'),
  ('security_setting_velocity_requests_check', 'security_setting', 'velocity_requests = 0'),
  ('security_setting_habit_days_check', 'security_setting', 'habit_days = 91'),
  ('security_signal_kind_check', 'security_signal', 'kind = ''mood'''),
  ('security_signal_detail_check', 'security_signal', 'detail = ''[]'''),
  ('security_signal_dismissed_for_a_reason', 'security_signal', 'dismissed_at = now()'),
  ('security_signal_dismissed_reason_check', 'security_signal', 'dismissed_reason = '''', dismissed_at = now()'),
  ('security_signal_once', 'security_signal', 'kind = ''velocity''')
) as b (constraint_name, relation, assignment);
