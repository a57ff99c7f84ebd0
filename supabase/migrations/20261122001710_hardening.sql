-- What the database takes from everybody, and how long it lets anybody ask. Run as whoever runs migrations: a
-- superuser, or Supabase's `postgres`, which owns the database.

-- Temporary objects are how a caller would put something of their own before the real thing. Nothing here needs them.
-- A database that is made from a dump or a template has the default again: octroi doctor looks.
do $$
begin
  execute format('revoke temporary on database %I from public', current_database());
end
$$;

-- Time limits of the logins that are ours. The role of an export or of a backend is granted to a login; a session takes
-- its limits from the login, so the operator gives them to it (docs/operations.md).
alter role octroi_worker set lock_timeout = '10s';
alter role octroi_admin set statement_timeout = '10min';
alter role octroi_admin set idle_in_transaction_session_timeout = '1min';
alter role octroi_support set statement_timeout = '30s';
alter role octroi_support set idle_in_transaction_session_timeout = '30s';
alter role octroi_operator set statement_timeout = '1min';
alter role octroi_operator set idle_in_transaction_session_timeout = '30s';
alter role octroi_meter set statement_timeout = '30s';
alter role octroi_meter set idle_in_transaction_session_timeout = '30s';

-- The API's roles: Supabase sets limits of its own, which stay as they are. PostgREST applies those of the role that it
-- acts as to each request. No compiling of plans: a question to partitions under a policy looks dearer to the planner
-- than it is, and was compiled for ten times as long as it ran.
do $$
declare
  v_limit record;
begin
  for v_limit in
    select l.role_name, l.setting, l.value
    from (values
      ('anon', 'statement_timeout', '3s'), ('authenticated', 'statement_timeout', '8s'),
      ('authenticated', 'jit', 'off'),
      ('authenticator', 'statement_timeout', '8s'), ('authenticator', 'lock_timeout', '8s'),
      ('authenticator', 'idle_in_transaction_session_timeout', '30s')
    ) as l (role_name, setting, value)
    join pg_catalog.pg_roles as r on r.rolname = l.role_name
    where not exists (
      select from unnest(coalesce(r.rolconfig, '{}')) as c (entry) where c.entry like l.setting || '=%'
    )
  loop
    begin
      execute format('alter role %I set %I = %L', v_limit.role_name, v_limit.setting, v_limit.value);
    exception
      -- a platform may keep these roles to itself
      when insufficient_privilege then
        raise warning 'role % has no % and may not be given one', v_limit.role_name, v_limit.setting;
    end;
  end loop;
end
$$;
