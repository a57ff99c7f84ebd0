-- What the benchmark needs beside a migrated database: lines to compare with, a plan whose limit nothing reaches, and
-- logins with the rights that a backend and a signed-in user have.

create schema bench;

-- The line: the least that a durable record of a call can cost.
create table bench.bare_insert (
  id bigint generated always as identity primary key,
  account_id uuid not null,
  tokens bigint not null,
  created_at timestamptz not null default now()
);

insert into octroi_private.plan (code, name) values ('bench', 'Benchmark');
with version as (
  insert into octroi_private.plan_version (plan_code, version) values ('bench', 1) returning id
)
insert into octroi_private.plan_limit (plan_version_id, scope, meter, period, amount)
select id, 'account', 'tokens', 'month', 900000000000000 from version;

create role bench_backend login in role octroi_meter;
create role bench_user login in role authenticated;
grant usage on schema bench to bench_backend;
grant select, insert, update on all tables in schema bench to bench_backend;
