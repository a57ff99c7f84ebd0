-- What is audited, and what of it each person is shown. Exports, erasures and breaches enter themselves with
-- record_audit, where they happen.
set role octroi_owner;

-- Keys, roles, who owns an account.
create trigger api_key_audited
after insert or update or delete on octroi_private.api_key
for each row execute function octroi_private.audit('api_key');
create trigger member_audited
after insert or update or delete on octroi_private.member
for each row execute function octroi_private.audit('member');
create trigger account_audited
after delete or update of status, owner_user_id, kind on octroi_private.account
for each row execute function octroi_private.audit('account');
create trigger second_factor_audited
after insert or delete on octroi_private.second_factor
for each row execute function octroi_private.audit('second_factor');
create trigger ban_audited
after insert or update or delete on octroi_private.ban
for each row execute function octroi_private.audit('ban');

-- What is sold and for how much.
create trigger plan_audited
after insert or update or delete on octroi_private.plan
for each row execute function octroi_private.audit('plan');
create trigger plan_version_audited
after insert or update or delete on octroi_private.plan_version
for each row execute function octroi_private.audit('plan_version');
create trigger top_up_pack_audited
after insert or update or delete on octroi_private.top_up_pack
for each row execute function octroi_private.audit('top_up_pack');
create trigger model_price_audited
after insert or update or delete on octroi_private.model_price
for each row execute function octroi_private.audit('model_price');
create trigger model_alias_audited
after insert or update or delete on octroi_private.model_alias
for each row execute function octroi_private.audit('model_alias');

-- What an account may use.
create trigger subscription_audited
after insert or update or delete on octroi_private.subscription
for each row execute function octroi_private.audit('subscription');
create trigger budget_audited
after insert or update or delete on octroi_private.budget
for each row execute function octroi_private.audit('budget');
create trigger quota_grant_audited
after insert or delete or update of amount, expires_at, ended_at, revoked on octroi_private.quota_grant
for each row execute function octroi_private.audit('quota_grant');

-- Settings: the operator's, an account's, a person's. A person's begin with their sign-up, which decides nothing.
create trigger billing_setting_audited
after insert or update or delete on octroi_private.billing_setting
for each row execute function octroi_private.audit('billing_setting');
create trigger overage_setting_audited
after insert or update or delete on octroi_private.overage_setting
for each row execute function octroi_private.audit('overage_setting');
create trigger auto_top_up_audited
after insert or delete or update of pack_code, below, monthly_cap_minor, user_id on octroi_private.auto_top_up
for each row execute function octroi_private.audit('auto_top_up');
create trigger notification_setting_audited
after update or delete on octroi_private.notification_setting
for each row execute function octroi_private.audit('notification_setting');

-- What every read of personal data by an operator goes through. admin_read.TABLE is a read of everybody, with the table
-- as its subject; a read of one person or one account has them as its subject and another word. Undone with its
-- transaction, the read is still in the server's log.
create function octroi_private.note_admin_read(
  p_action text, p_table text, p_subject text, p_detail jsonb, p_account_id uuid default null
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform octroi_private.require_admin_step_up();
  perform octroi_private.record_audit(p_action, p_account_id, p_subject, p_detail, null);
  raise log 'octroi: % (%) reads personal data in %, because: %',
    session_user, coalesce(octroi_private.pseudonym_of((select auth.uid()))::text, current_setting('role')), p_table,
    -- on one line: a reason cannot look like an entry of the server's; and it names nobody there either
    coalesce(nullif(octroi_private.pseudonymised(
      regexp_replace(current_setting('octroi_audit.reason', true), '[[:cntrl:]]', ' ', 'g')
    ), ''), 'none given');
end
$$;
comment on function octroi_private.note_admin_read(text, text, text, jsonb, uuid) is
'Enters a read of personal data by an operator, here and in the server''s log; one of an account is for those who administer it to see. Raises OC040 for one from the Data API without aal2, 25006 in a read-only transaction: what cannot be logged is not read.';

-- Stands as a sub-select in the policies and views by which operators read a table: it runs once for each statement,
-- and nothing of the table is touched before.
create function octroi_private.log_admin_read(p_relation text)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if to_regclass(format('octroi_private.%I', p_relation)) is null then
    raise exception 'no table %', left(p_relation, 60) using errcode = '22023';
  end if;
  perform octroi_private.note_admin_read('admin_read.' || p_relation, p_relation, p_relation, '{}');
  return true;
end
$$;
comment on function octroi_private.log_admin_read(text) is
'Enters that a table was read, of whomever. Raises what note_admin_read does, and 22023 for what is no table.';

create function octroi.my_audit(max_rows integer default 100, before bigint default null)
returns table (
  id bigint, occurred_at timestamptz, actor text, action text, subject text, detail jsonb, reason text,
  has_more boolean
)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  with me as materialized (
    select
      p.pseudonym, p.created_at, coalesce(my_audit.before, 9223372036854775807) as before,
      octroi_private.page_rows(my_audit.max_rows, 1000) as max_rows
    from octroi_private.person as p
    where p.user_id = (select octroi_private.my_user_id())
  ),
  mine as (
    (
      select l.id from octroi_private.audit_log as l
      where l.actor = (select m.pseudonym from me as m) and l.id < (select m.before from me as m)
      order by l.id desc
      limit (select m.max_rows + 1 from me as m)
    )
    union
    (
      select l.id from octroi_private.audit_log as l
      where l.person = (select m.pseudonym from me as m) and l.id < (select m.before from me as m)
      order by l.id desc
      limit (select m.max_rows + 1 from me as m)
    )
    union
    (
      select l.id from octroi_private.audit_log as l
      where l.account_id = any(array(select octroi_private.my_administered_accounts()))
        and l.id < (select m.before from me as m)
      order by l.id desc
      limit (select m.max_rows + 1 from me as m)
    )
    union
    -- what was read of everybody may have been read of the caller as well
    (
      select l.id from octroi_private.audit_log as l
      where l.action ~ '^admin_read\.' and l.id < (select m.before from me as m)
        and l.occurred_at >= (select m.created_at from me as m)
      order by l.id desc
      limit (select m.max_rows + 1 from me as m)
    )
  )
  select
    l.id, l.occurred_at,
    case
      when l.actor = m.pseudonym then 'you'
      when l.actor_role in ('octroi_worker', 'service_role', 'supabase_auth_admin') then 'service'
      when l.actor is null or l.actor_role in ('octroi_admin', 'octroi_support', 'octroi_operator') then 'operator'
      else 'another user'
    end,
    l.action, l.subject, case when read.was_of_everybody then '{}' else l.detail || case
      when l.account_id is null then '{}' else jsonb_build_object('account_id', l.account_id)
    end end, case when not read.was_of_everybody then l.reason end, lead(l.id) over (order by l.id desc) is not null
  from mine
  join octroi_private.audit_log as l on l.id = mine.id
  cross join me as m
  -- of such a read only that it was, of which table and when: why, and how much, is about others too
  cross join lateral (
    select l.action ~ '^admin_read\.' and l.actor is distinct from m.pseudonym and l.person is distinct from m.pseudonym
  ) as read (was_of_everybody)
  order by l.id desc
  limit (select m.max_rows from me as m)
$$;
comment on function octroi.my_audit(integer, bigint) is
'What the caller did, and what was done to them, their account and the accounts they administer, newest first. has_more says that entries follow this one: page on with the last id as before. Raises 22023. Of a read of everybody: when, and of which table.';

reset role;
