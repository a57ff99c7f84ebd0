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

-- Front ends and SQL users, once signed in. anon may do nothing.
grant usage on schema octroi to anon, authenticated, service_role;
grant usage on schema octroi_private to authenticated;
grant select on octroi.usage, octroi.usage_daily, octroi.quota, octroi.api_keys to authenticated;
grant select on octroi_private.usage_event, octroi_private.usage_daily to authenticated;
grant select (
  id, account_id, user_id, name, key_prefix, allowed_models, created_at, expires_at, revoked_at
) on octroi_private.api_key to authenticated;
-- policies run these as the reader
grant execute on function octroi_private.my_accounts() to authenticated;
grant execute on function octroi_private.my_administered_accounts() to authenticated;
grant execute on function octroi.my_quota() to authenticated;
grant execute on function octroi.my_usage(date, date) to authenticated;
grant execute on function octroi.my_requests(integer, timestamptz) to authenticated;
grant execute on function octroi.check_quota(text, bigint) to authenticated;
grant execute on function octroi.count_tokens(text, text) to authenticated;
grant execute on function octroi.create_api_key(text, jsonb) to authenticated;
grant execute on function octroi.revoke_api_key(uuid) to authenticated;
grant execute on function octroi.request_completion(jsonb) to authenticated;
grant execute on function octroi.completion(uuid) to authenticated;

-- The worker: its verbs, and no table.
grant usage on schema octroi_private to octroi_worker;
grant execute on function octroi_private.authenticate_key(bytea) to octroi_worker;
grant execute on function octroi_private.authenticate_user(uuid, uuid) to octroi_worker;
grant execute on function octroi_private.reserve_many(
  uuid [], uuid [], uuid [], uuid [], text [], text [], bigint [], bigint [], integer [], text [], bytea [], integer
) to octroi_worker;
grant execute on function octroi_private.settle_many(
  uuid [], bigint [], bigint [], bigint [], bigint [], bigint [], bigint [], bigint [], text [], text [], text [],
  jsonb [], integer [], integer [], text [], smallint [], text [], bytea []
) to octroi_worker;
grant execute on function octroi_private.release_many(uuid [], text []) to octroi_worker;
grant execute on function octroi_private.stored_response(uuid) to octroi_worker;
grant execute on function octroi_private.model_list(uuid) to octroi_worker;
grant execute on function octroi_private.model_limits(text) to octroi_worker;
grant execute on function octroi_private.sweep(integer) to octroi_worker;
grant execute on function octroi_private.claim_jobs(text, text [], integer, integer) to octroi_worker;
grant execute on function octroi_private.extend_jobs(bigint [], integer [], integer) to octroi_worker;
grant execute on function octroi_private.finish_job(bigint, integer, text, text, integer) to octroi_worker;
grant execute on function octroi_private.release_jobs(bigint [], integer []) to octroi_worker;
grant execute on function octroi_private.load_completion(uuid) to octroi_worker;
grant execute on function octroi_private.fail_completion(uuid, smallint, jsonb) to octroi_worker;
grant execute on function octroi_private.worker_ready() to octroi_worker;

-- A backend that meters calls of its own in SQL: the single verbs. Grant this role to its login.
grant usage on schema octroi_private to octroi_meter;
grant execute on function octroi_private.authenticate_key(bytea) to octroi_meter;
grant execute on function octroi_private.authenticate_user(uuid, uuid) to octroi_meter;
grant execute on function octroi_private.uuid_v7() to octroi_meter;
grant execute on function octroi_private.reserve(
  uuid, uuid, uuid, uuid, text, bigint, bigint, integer, text, bytea, text, integer
) to octroi_meter;
grant execute on function octroi_private.settle(
  uuid, bigint, bigint, bigint, bigint, bigint, bigint, bigint, text, text
) to octroi_meter;
grant execute on function octroi_private.release(uuid, text) to octroi_meter;
grant execute on function octroi_private.record_usage(
  uuid, uuid, text, bigint, bigint, bigint, uuid, uuid, text
) to octroi_meter;

-- Exports.
grant usage on schema octroi, octroi_private to octroi_admin;
grant select on octroi.usage, octroi.usage_daily to octroi_admin;
grant select on octroi_private.usage_event, octroi_private.usage_daily to octroi_admin;

reset role;
