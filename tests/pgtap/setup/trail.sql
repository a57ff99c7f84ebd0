-- What the audit trail gives to others, where its migrations are not there yet.
do $$
begin
  if not exists (select from pg_proc where proname = 'record_audit' and pronamespace = 'octroi_private'::regnamespace) then
    set local role octroi_owner;
    create function octroi_private.record_audit(
      p_action text, p_account_id uuid, p_subject text, p_detail jsonb, p_reason text
    ) returns void
    language sql
    security definer
    set search_path = pg_catalog, pg_temp
    as $body$
      insert into octroi_private.audit_log (occurred_at, actor_user_id, actor_role, action, account_id, subject, detail)
      values (octroi_private.now(), (select auth.uid()), session_user, p_action, p_account_id, p_subject, p_detail)
    $body$;
    create function octroi_private.require_step_up() returns void
    language sql
    set search_path = pg_catalog, pg_temp
    as '';
    reset role;
  end if;
end
$$;
