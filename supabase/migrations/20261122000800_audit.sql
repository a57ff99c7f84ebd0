-- Who did what. Rows are added and never changed, by any role.
set role octroi_owner;

create table octroi_private.audit_log (
  id bigint generated always as identity primary key,
  occurred_at timestamptz not null,
  -- null when the system acted by itself
  actor_user_id uuid,
  actor_role text not null,
  action text not null check (action ~ '^[a-z_]+\.[a-z_]+$'),
  account_id uuid,
  subject text,
  detail jsonb not null default '{}'
);
comment on table octroi_private.audit_log is 'Append-only record of critical actions: keys, plans, grants, budgets.';
create index audit_log_account on octroi_private.audit_log (account_id, id);

create trigger audit_log_append_only
before update or delete or truncate on octroi_private.audit_log
for each statement execute function octroi_private.refuse_change();

-- Records a change of the row a trigger fires for, under the action its argument names.
create function octroi_private.audit()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_row jsonb := to_jsonb(coalesce(new, old)) - array['key_hash', 'name', 'owner_user_id'];
begin
  insert into octroi_private.audit_log (occurred_at, actor_user_id, actor_role, action, account_id, subject, detail)
  values (
    octroi_private.now(), (select auth.uid()), session_user, tg_argv[0] || '.' || lower(tg_op),
    (v_row ->> 'account_id')::uuid, coalesce(v_row ->> 'id', v_row ->> 'subject', v_row ->> 'user_id'), v_row
  );
  return null;
end
$$;
create trigger api_key_audited
after insert or update or delete on octroi_private.api_key
for each row execute function octroi_private.audit('api_key');
create trigger subscription_audited
after insert or update or delete on octroi_private.subscription
for each row execute function octroi_private.audit('subscription');
create trigger budget_audited
after insert or update or delete on octroi_private.budget
for each row execute function octroi_private.audit('budget');
create trigger quota_grant_audited
after insert or delete or update of amount, expires_at, ended_at, revoked on octroi_private.quota_grant
for each row execute function octroi_private.audit('quota_grant');
create trigger overage_setting_audited
after insert or update or delete on octroi_private.overage_setting
for each row execute function octroi_private.audit('overage_setting');
create trigger member_audited
after insert or update or delete on octroi_private.member
for each row execute function octroi_private.audit('member');

reset role;
