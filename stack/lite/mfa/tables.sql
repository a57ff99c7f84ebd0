-- What Auth keeps of second factors and Supabase Lite has no tables for. As in Auth, whoever does not bypass row level
-- security sees nothing in them but Auth itself.
create table if not exists auth.mfa_challenges (
    id uuid primary key,
    factor_id uuid not null references auth.mfa_factors (id) on delete cascade,
    created_at timestamptz not null,
    verified_at timestamptz,
    ip_address inet not null,
    otp_code text,
    web_authn_session_data jsonb
);
create index if not exists mfa_challenge_created_at_idx on auth.mfa_challenges (created_at desc);
create index if not exists mfa_challenges_factor_id_idx on auth.mfa_challenges (factor_id);

create table if not exists auth.mfa_amr_claims (
    id uuid primary key,
    session_id uuid not null references auth.sessions (id) on delete cascade,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    authentication_method text not null,
    unique (session_id, authentication_method)
);

do $$
declare
    v_table text;
begin
    foreach v_table in array array['mfa_factors', 'mfa_challenges', 'mfa_amr_claims'] loop
        execute format('alter table auth.%I enable row level security', v_table);
        if not exists (
            select from pg_catalog.pg_policies as p
            where p.schemaname = 'auth' and p.tablename = v_table and p.policyname = 'supabase_lite'
        ) then
            execute format('create policy supabase_lite on auth.%I to supabase_lite using (true) with check (true)', v_table);
        end if;
    end loop;
end
$$;
grant select, insert, update, delete on auth.mfa_factors, auth.mfa_challenges, auth.mfa_amr_claims to supabase_lite;
