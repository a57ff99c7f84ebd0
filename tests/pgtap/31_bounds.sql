-- Every CHECK, unique key and exclusion, by name: a row that breaks it is refused by it. A constraint that is added
-- without a row here fails.
begin;
\ir setup/cast.sql
select plan(4);

-- One row at least in every table.
select tap.play(:olga) \g /dev/null
select octroi.request_completion('{"model": "gpt-5.6-luna", "input": "hello"}') \g /dev/null
select tap.clear() \g /dev/null
insert into octroi_private.budget (account_id, scope, subject, meter, period, amount)
values (:team, 'model', 'gpt-5.5', 'tokens', 'day', 5), (:team, 'account', '', 'cost', 'day', 5);
insert into octroi_private.account_limit (account_id, meter, period, amount, reason)
values (:team, 'tokens', 'day', 5, 'for a test');
insert into octroi_private.promotion (code, meter, amount, expires_at, reason)
values ('spring', 'tokens', 5, 'infinity', 'for a test');
select octroi_private.add_grant(:team, 'tokens', 100, 'promo', 'for a test') as grant_id \gset
select r.id as request_id, r.balance_ids[1] as balance_id, r.account_id
from octroi_private.request as r
where r.account_id = :team
limit 1 \gset
insert into octroi_private.quota_draw (grant_id, request_id, balance_id, amount, drawn_at)
values (:'grant_id', :'request_id', :'balance_id', 5, now());
insert into octroi_private.stored_response (request_id, account_id, user_id, status, content_type, body, expires_at)
values (:'request_id', :team, :olga, 200, 'text/plain', 'x', now());
select k.id as key_id from octroi_private.api_key as k where k.name = 'olga team' \gset
insert into octroi_private.api_key_previous (key_hash, api_key_id, expires_at)
values (sha256('old'), :'key_id', now()), (sha256('older'), :'key_id', now());
select octroi_private.authenticate_key(k.key_hash) from octroi_private.api_key as k \g /dev/null
insert into octroi_private.waiting_call (account_id, request_id, balance_ids, waits_until)
values (:team, octroi_private.uuid_v7(), '{1}', now()), (:team, octroi_private.uuid_v7(), '{1}', now());
insert into octroi_private.test_clock (shift) values ('0');
select octroi_private.make_usage_partition('2091-05-01') \g /dev/null

create table tap.breach (constraint_name text, statement text, outcome text);
insert into tap.breach
select b.constraint_name, format('update octroi_private.%I set %s', b.relation, b.assignment)
from (values
  ('quantity_check', 'plan_limit', 'amount = -1'),
  ('quantity_check', 'plan_limit', 'amount = 1000000000000001'),
  ('meter_name_check', 'budget', 'meter = ''bytes'''),
  ('period_name_check', 'budget', 'period = ''week'''),
  ('scope_name_check', 'budget', 'scope = ''team'''),

  ('account_kind_check', 'account', 'kind = ''shared'''),
  ('account_name_check', 'account', 'name = '''''),
  ('account_name_check', 'account', 'name = repeat(''x'', 201)'),
  ('account_status_check', 'account', 'status = ''paused'''),
  ('account_closed_or_owned', 'account', 'closed_at = now()'),
  ('account_open_has_owner', 'account', 'owner_user_id = null'),
  ('member_role_check', 'member', 'role = ''guest'''),
  ('api_key_name_check', 'api_key', 'name = '''''),
  ('api_key_name_check', 'api_key', 'name = repeat(''x'', 101)'),
  ('api_key_key_prefix_check', 'api_key', 'key_prefix = ''sk-oct-'''),
  ('api_key_key_prefix_check', 'api_key', 'key_prefix = repeat(''x'', 17)'),
  ('api_key_key_hash_check', 'api_key', 'key_hash = ''\x00'''),
  ('api_key_allowed_models_check', 'api_key', 'allowed_models = ''{}'''),
  ('api_key_allowed_endpoints_check', 'api_key', 'allowed_endpoints = ''{}'''),
  ('api_key_allowed_endpoints_check', 'api_key', 'allowed_endpoints = ''{images}'''),
  ('api_key_check', 'api_key', 'expires_at = created_at'),
  ('api_key_previous_key_hash_check', 'api_key_previous', 'key_hash = ''\x00'''),
  ('data_key_wrapped_check', 'data_key', 'wrapped = ''\x01'''),
  ('data_key_operator_key_id_check', 'data_key', 'operator_key_id = '''''),

  ('plan_code_check', 'plan', 'code = ''Free'''),
  ('plan_code_check', 'plan', 'code = repeat(''x'', 41)'),
  ('plan_version_version_check', 'plan_version', 'version = 0'),
  ('plan_version_allowed_models_check', 'plan_version', 'allowed_models = ''{}'''),
  ('plan_version_default_output_tokens_check', 'plan_version', 'default_output_tokens = 0'),
  ('plan_version_least_output_tokens_check', 'plan_version', 'least_output_tokens = 1000001'),
  ('plan_version_hold_wait_seconds_check', 'plan_version', 'hold_wait_seconds = 61'),
  ('account_default_output_tokens_check', 'account', 'default_output_tokens = 0'),
  ('plan_version_on_disconnect_check', 'plan_version', 'on_disconnect = ''stop'''),
  ('plan_limit_model_only_for_models', 'plan_limit', 'model = ''gpt-5.5'''),
  ('plan_limit_overage_on_account', 'plan_limit', 'overage = 1, period = ''day'''),
  ('subscription_check', 'subscription', 'ended_at = started_at - interval ''1 second'''),
  ('budget_subject_unless_account', 'budget', 'subject = '''''),
  ('account_limit_model_check', 'account_limit', 'model = repeat(''x'', 201)'),
  ('account_limit_reason_check', 'account_limit', 'reason = '''''),
  ('promotion_code_check', 'promotion', 'code = ''Spring'''),
  ('promotion_amount_check', 'promotion', 'amount = 0'),
  ('promotion_reason_check', 'promotion', 'reason = '''''),
  ('quota_grant_kind_check', 'quota_grant', 'kind = ''gift'''),
  ('quota_grant_amount_check', 'quota_grant', 'amount = 0'),
  ('quota_grant_check', 'quota_grant', 'expires_at = starts_at'),
  ('quota_grant_never_overdrawn', 'quota_grant', 'drawn = amount + 1'),
  ('quota_grant_reason_check', 'quota_grant', 'reason = '''''),
  ('quota_grant_reason_check', 'quota_grant', 'reason = repeat(''x'', 201)'),
  ('quota_draw_amount_check', 'quota_draw', 'amount = 0'),

  ('model_price_model_check', 'model_price', 'model = E''gpt-5.5\n'''),
  ('model_price_model_check', 'model_price', 'model = ''GPT-5'''),
  ('model_price_valid_check', 'model_price', 'valid = ''empty'''),
  ('model_price_encoding_check', 'model_price', 'encoding = ''p50k_base'''),
  ('model_price_max_input_tokens_check', 'model_price', 'max_input_tokens = 0'),
  ('model_price_max_input_tokens_check', 'model_price', 'max_input_tokens = 10000001'),
  ('model_price_max_output_tokens_check', 'model_price', 'max_output_tokens = -1'),
  ('model_price_max_output_tokens_check', 'model_price', 'max_output_tokens = 1000001'),
  ('model_price_input_price_check', 'model_price', 'input_price = 1000000001'),
  ('model_price_check', 'model_price', 'cached_input_price = input_price + 1'),
  ('model_price_check', 'model_price', 'cached_input_price = -1'),
  ('model_price_cache_write_price_check', 'model_price', 'cache_write_price = -1'),
  ('model_price_audio_input_price_check', 'model_price', 'audio_input_price = -1'),
  ('model_price_output_price_check', 'model_price', 'output_price = -1'),
  ('model_price_audio_output_price_check', 'model_price', 'audio_output_price = 1000000001'),
  ('model_price_default_output_tokens_check', 'model_price', 'default_output_tokens = 0'),
  ('model_price_least_output_tokens_check', 'model_price', 'least_output_tokens = 0'),
  ('model_price_one_at_a_time', 'model_price', 'model = ''the-same'''),

  ('quantity_check', 'balance', 'used = -1'),
  ('quantity_check', 'balance', 'reserved = -1'),
  ('balance_grants_what_is_allowed', 'balance', 'included = allowed + 1'),
  ('balance_ceiling_by_check', 'balance', 'ceiling = 1, ceiling_by = ''plan'''),
  ('balance_ceiling_is_somebodys', 'balance', 'ceiling = 1, ceiling_by = null'),
  ('balance_grants_what_is_allowed', 'balance', 'allowed = granted + 1'),
  ('balance_never_overshot', 'balance', 'used = granted + overage + 1 - reserved'),
  ('request_state_check', 'request', 'state = ''lost'''),
  ('output_bound_check', 'request', 'output_bound = ''luck'''),
  ('request_is_sound', 'request', 'expires_at = started_at'),
  ('choice_count_check', 'request', 'choices = 0'),
  ('choice_count_check', 'request', 'choices = 129'),
  ('request_is_sound', 'request', 'state = ''open'''),
  ('request_is_sound', 'request', 'release_reason = ''unsent'''),
  ('short_text_check', 'request', 'state = ''released'', release_reason = repeat(''x'', 256)'),
  ('request_is_sound', 'request', 'state = ''expired'', is_late = true'),
  ('none_or_one_check', 'request', 'hold_requests = 2'),
  ('request_is_sound', 'request', 'hold_tokens = hold_tokens + 1'),
  ('request_is_sound', 'request', 'hold_amounts = ''{}'''),
  ('short_text_check', 'request', 'idempotency_key = '''''),
  ('short_text_check', 'request', 'idempotency_key = repeat(''x'', 256)'),
  ('quantity_check', 'usage_daily', 'requests = -1'),
  ('stored_response_status_check', 'stored_response', 'status = 99'),
  ('stored_response_status_check', 'stored_response', 'status = 600'),
  ('stored_response_body_check', 'stored_response', 'body = decode(repeat(''00'', 8388609), ''hex'')'),

  ('job_kind_check', 'job', 'kind = ''Send mail'''),
  ('job_args_check', 'job', 'args = ''[]'''),
  ('job_state_check', 'job', 'state = ''waiting'', finished_at = null'),
  ('job_attempt_check', 'job', 'attempt = -1'),
  ('job_max_attempts_check', 'job', 'max_attempts = 0'),
  ('job_max_attempts_check', 'job', 'max_attempts = 1000001'),
  ('job_running_is_leased', 'job', 'state = ''running'', finished_at = null'),
  ('job_finished_or_not', 'job', 'state = ''done'''),
  ('job_last_error_check', 'job', 'last_error = repeat(''x'', 2001)'),
  (
    'job_worker_check', 'job',
    'state = ''running'', finished_at = null, lease_expires_at = now(), worker = repeat(''x'', 201)'
  ),
  ('completion_endpoint_check', 'completion', 'endpoint = ''images'''),
  ('completion_prompt_only_while_pending', 'completion', 'request = null'),
  ('completion_error_only_when_finished', 'completion', 'error = ''{}'', error_status = 500'),
  (
    'completion_error_has_status', 'completion', 'request = null, finished_at = now(), error = ''{}'''
  ),
  (
    'completion_error_status_check', 'completion',
    'request = null, finished_at = now(), error = ''{}'', error_status = 399'
  ),
  ('test_clock_only_row_check', 'test_clock', 'only_row = false'),

  ('account_one_personal', 'account', 'kind = ''personal'', owner_user_id = ''01a00000-0000-7000-8000-00000000000a'''),
  ('api_key_key_hash_key', 'api_key', 'key_hash = sha256(''the same'')'),
  ('plan_one_default', 'plan', 'is_default = true'),
  ('plan_version_plan_code_version_key', 'plan_version', 'plan_code = ''free'', version = 1'),
  (
    'subscription_one_running', 'subscription',
    'account_id = ''01a00000-0000-7000-8000-0000000000ff'', ended_at = null'
  ),
  (
    'balance_account_id_resets_at_scope_subject_meter_period_key', 'balance',
    'account_id = ''01a00000-0000-7000-8000-0000000000ff'', resets_at = ''infinity'', meter = ''tokens'', '
    || 'period = ''month'', scope = ''account'', subject = '''''
  ),
  (
    'waiting_call_once', 'waiting_call',
    'account_id = ''01a00000-0000-7000-8000-0000000000ff'', request_id = ''01a00000-0000-7000-8000-0000000000ff'''
  ),
  (
    'request_idempotency', 'request',
    'account_id = ''01a00000-0000-7000-8000-0000000000ff'', idempotency_key = ''the same'''
  )
) as b (constraint_name, relation, assignment);

-- usage_event and audit_log take no update: a copy of a row is added, with these columns different.
insert into tap.breach
select
  b.constraint_name,
  format(
    'insert into octroi_private.usage_event
    select (jsonb_populate_record(e, %L)).* from octroi_private.usage_event as e',
    b.columns
  )
from (values
  ('usage_event_is_sound', '{"total_tokens": 1}'),
  ('usage_event_is_sound', '{"cached_input_tokens": 100, "audio_input_tokens": 999}'),
  ('usage_event_is_sound', '{"reasoning_tokens": 999}'),
  ('usage_event_is_sound', '{"audio_output_tokens": 999}'),
  ('usage_event_is_sound', '{"overrun_tokens": 9999}'),
  ('usage_event_is_sound', '{"overrun_cost_nano_usd": 999999999999}'),
  ('none_or_one_check', '{"overrun_requests": 2}'),
  ('usage_source_check', '{"source": "guessed"}'),
  ('duration_ms_check', '{"latency_ms": -1}'),
  ('duration_ms_check', '{"first_token_ms": -1}'),
  ('short_text_check', json_build_object('upstream_request_id', repeat('x', 256))::text)
) as b (constraint_name, columns)
union all
values (
  'audit_log_action_check',
  'insert into octroi_private.audit_log (occurred_at, actor_role, action) values (now(), ''x'', ''Did something'')'
);

\ir setup/billing_rows.sql
\ir setup/price_rows.sql
\ir setup/consent_rows.sql
\ir setup/erasure_rows.sql
\ir setup/security_rows.sql
\ir setup/privacy_rows.sql
\ir setup/team_rows.sql

update tap.breach set outcome = tap.outcome_of(statement);

select is_empty(
  $$select b.statement, b.outcome from tap.breach as b
    where split_part(b.outcome, ' ', 1) not in ('23514', '23505', '23P01')
      or split_part(b.outcome, ' ', 2) <> b.constraint_name$$,
  'each wrong row is refused by the constraint that is there for it'
);
select bag_eq(
  $$select distinct b.constraint_name from tap.breach as b where b.outcome like '23514 %'$$,
  $$select c.conname::text from pg_constraint as c
    where c.contype = 'c' and c.connamespace = 'octroi_private'::regnamespace and c.coninhcount = 0$$,
  'every CHECK of the schema has been tried'
);
select bag_eq(
  $$select distinct b.constraint_name from tap.breach as b where b.outcome not like '23514 %'$$,
  $$select split_part(i.indexrelid::text, '.', 2)
    from (
      select x.indexrelid::regclass from pg_index as x
      join pg_class as c on c.oid = x.indexrelid
      where c.relnamespace = 'octroi_private'::regnamespace and not x.indisprimary
        and (x.indisunique or x.indisexclusion)
    ) as i$$,
  'so has every unique key beside the primary ones, and every exclusion'
);
select is_empty(
  $$select c.conrelid::regclass, c.conname
    from pg_constraint as c
    where c.connamespace = 'octroi_private'::regnamespace and not c.convalidated$$,
  'no constraint was added without looking at the rows'
);

select * from finish();
rollback;
