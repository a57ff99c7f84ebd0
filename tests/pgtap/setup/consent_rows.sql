-- For each constraint of people, audit and consent a row that breaks it.
insert into octroi_private.news_letter (key, begun_at) values ('spring', now());

insert into tap.breach
select b.constraint_name, b.statement
from (values
  (
    'audit_log_subject_check',
    'insert into octroi_private.audit_log (occurred_at, actor_role, action, subject)
    values (now(), ''x'', ''x.y'', repeat(''x'', 201))'
  ),
  (
    'audit_log_reason_check',
    'insert into octroi_private.audit_log (occurred_at, actor_role, action, reason)
    values (now(), ''x'', ''x.y'', repeat(''x'', 501))'
  ),
  (
    'audit_log_detail_check',
    'insert into octroi_private.audit_log (occurred_at, actor_role, action, detail)
    values (now(), ''x'', ''x.y'', ''[]'')'
  ),
  ('audit_link_position_check', 'insert into octroi_private.audit_link values (-1, 1, sha256(''x''))'),
  ('audit_link_hash_check', 'insert into octroi_private.audit_link values (999999, 1, ''\x00'')'),
  ('audit_link_first_is_bare', 'insert into octroi_private.audit_link values (999999, null, sha256(''x''))'),
  (
    'audit_link_audit_id_key',
    'insert into octroi_private.audit_link values (999998, 999999, sha256(''x'')), (999999, 999999, sha256(''x''))'
  ),
  (
    'person_pseudonym_key',
    'update octroi_private.person set pseudonym = ''01a00000-0000-7000-8000-00000000dead'''
  ),
  (
    'notification_setting_news_token_key',
    'update octroi_private.notification_setting set news_token = ''01a00000-0000-7000-8000-00000000dead'''
  ),
  ('consent_policy_purpose_check', 'select octroi_private.publish_policy(''profiling'', ''2'', ''x'')'),
  ('consent_policy_version_check', 'select octroi_private.publish_policy(''news'', ''2 or 3'', ''x'')'),
  ('consent_policy_policy_text_check', 'select octroi_private.publish_policy(''news'', ''2'', '''')'),
  (
    'consent_policy_hash_is_of_text',
    'insert into octroi_private.consent_policy (purpose, version, policy_text, text_hash)
    values (''news'', ''2'', ''x'', sha256(''y''))'
  ),
  (
    'consent_text_hash_check',
    'insert into octroi_private.consent (user_id, purpose, is_given, policy_version, text_hash, method, decided_at)
    values (''01a00000-0000-7000-8000-00000000000a'', ''news'', true, ''1'', ''\x00'', ''rpc'', now())'
  ),
  (
    'consent_method_check',
    'insert into octroi_private.consent (user_id, purpose, is_given, policy_version, text_hash, method, decided_at)
    values (''01a00000-0000-7000-8000-00000000000a'', ''news'', true, ''1'', sha256(''x''), ''hint'', now())'
  )
) as b (constraint_name, statement);
