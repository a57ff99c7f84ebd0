-- The login of Supabase Lite. Not a superuser: it can become an API role and keep Auth's tables, and nothing else.
do $$
begin
    if not exists (select from pg_catalog.pg_roles as r where r.rolname = 'supabase_lite') then
        create role supabase_lite login inherit;
    end if;
end
$$;

grant anon, authenticated, service_role to supabase_lite;
grant usage on schema auth to supabase_lite;
grant select, insert, update, delete on all tables in schema auth to supabase_lite;
