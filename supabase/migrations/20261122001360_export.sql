-- Access and portability (Art. 15 and 20 GDPR): every row about the caller, page by page. octroi_private.export_rows is
-- the only place that reads them; the worker's door, psql users and operators all come through it.
--
--   export_my_data() ─► privacy_request, ticket ─► GET /privacy/export/{token} ─► begin_export, export_page …, finish
set role octroi_owner;

create table octroi_private.export_ticket (
  request_id uuid primary key references octroi_private.privacy_request (id) on delete cascade,
  user_id uuid not null,
  token_hash bytea not null unique check (octet_length(token_hash) = 32),
  issued_at timestamptz not null,
  expires_at timestamptz not null check (expires_at > issued_at),
  used_at timestamptz
);
comment on table octroi_private.export_ticket is 'Opens the door to one bundle, once. Only the hash of the token is stored.';
create index export_ticket_user on octroi_private.export_ticket (user_id, issued_at);
create index export_ticket_expiry on octroi_private.export_ticket (expires_at);

-- The tables of a bundle, in order, each with what it is and what its columns are.
create function octroi_private.export_manifest()
returns jsonb
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object(
    'format', 'octroi-export-1',
    'about', 'Every row about you, by table. data.json is exact; the CSV files are for spreadsheets: a text that a '
      'spreadsheet would run as a formula has an apostrophe before it.',
    'processors', (
      select jsonb_agg(jsonb_build_object('name', p.name, 'who', p.who, 'handles', p.handles) order by p.name)
      from octroi_private.processor as p
    ),
    'tables', (
      select jsonb_agg(t.entry order by t.table_name)
      from (
        select d.table_name, jsonb_build_object(
          'table', d.table_name, 'about', d.about, 'purpose', d.purpose, 'legal_basis', d.legal_basis,
          'retention', d.retention, 'processors', d.processors, 'key', d.key_columns, 'withheld', d.withheld,
          'columns', jsonb_agg(jsonb_build_object(
            'name', d.column_name, 'type', d.type, 'what', d.what,
            'export', case when d.withheld is null then d.export else 'withheld' end, 'on_erasure', d.erasure
          ) order by d.position)
        ) as entry
        from octroi_private.personal_data as d
        group by
          d.table_name, d.about, d.purpose, d.legal_basis, d.retention, d.processors, d.key_columns, d.withheld
      ) as t
    )
  )
$$;

-- One statement that reads a table's rows in the order of its key, as JSON, after a given key. $1 the person, $2 the
-- account, $3 the key, $4 how many. The fragments are the register's, which only the owner writes.
create function octroi_private.page_statement(p_table text, p_reach text)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select format(
    'select array[%s], row_to_json(x) from (select * from octroi_private.%I as t where (%s) and ($3 is null or (%s) > (%s)) '
    'order by %s limit $4) as t cross join lateral (select %s) as x order by %s',
    string_agg(format('t.%I::text', k.name), ', ' order by k.ord), p_table, p_reach,
    string_agg(format('t.%I', k.name), ', ' order by k.ord),
    string_agg(format('$3[%s]::%s', k.ord, format_type(a.atttypid, null)), ', ' order by k.ord),
    string_agg(format('t.%I', k.name), ', ' order by k.ord),
    (
      select string_agg(case
        when d.export = 'opened' and d.type = 'bytea' then format(
          'octroi_private.open_for(t.user_id, %L, t.%I) as %I', d.table_name || '.' || d.column_name, d.column_name,
          d.column_name
        )
        else format('t.%I', d.column_name)
      end, ', ' order by d.position)
      from octroi_private.personal_data as d
      where d.table_name = p_table and d.export <> 'withheld'
    ),
    string_agg(format('t.%I', k.name), ', ' order by k.ord)
  )
  from octroi_private.personal_table as p
  cross join lateral unnest(p.key_columns) with ordinality as k (name, ord)
  join pg_catalog.pg_class as r
    on r.relnamespace = 'octroi_private'::regnamespace and r.relname = p.table_name and r.relkind in ('r', 'p')
  join pg_catalog.pg_attribute as a on a.attrelid = r.oid and a.attname = k.name
  where p.table_name = p_table
  having count(*) = max(cardinality(p.key_columns))
$$;

-- Rows of one table about one person, with the key to go on after. Each account's rows are gone through in turn, so
-- that an index serves every page.
create function octroi_private.export_rows(p_user_id uuid, p_table text, p_after text [], p_max_rows integer)
returns table (next_after text [], data json)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set datestyle = 'ISO, YMD'
set timezone = 'UTC'
as $$
declare
  v_table octroi_private.personal_table;
  v_statement text;
  v_account_id uuid;
  v_left integer;
  v_rows integer;
begin
  select t.* into v_table from octroi_private.personal_table as t where t.table_name = p_table and t.reach is not null;
  v_statement := octroi_private.page_statement(p_table, v_table.reach);
  if v_table.table_name is null or v_statement is null then
    raise exception 'there is no table % with rows about people', left(p_table, 63) using errcode = '22023';
  end if;
  v_left := octroi_private.page_rows(p_max_rows, v_table.page_rows);
  for v_account_id in
    select s.id
    from (
      select null::uuid as id where v_table.slices = 'none'
      union all
      select octroi_private.accounts_of_person(p_user_id) where v_table.slices = 'member'
      union all
      select a.id from octroi_private.account as a where v_table.slices = 'owner' and a.owner_user_id = p_user_id
    ) as s
    where p_after is null or s.id is null or s.id >= p_after[1]::uuid
    order by s.id
  loop
    exit when v_left <= 0;
    return query execute 'select array[$2::text] || p.after, p.data from (' || v_statement || ') as p (after, data)'
    using
      p_user_id, v_account_id,
      case when p_after is not null and v_account_id is not distinct from p_after[1]::uuid then p_after[2:] end, v_left;
    get diagnostics v_rows = row_count;
    v_left := v_left - v_rows;
  end loop;
end
$$;
comment on function octroi_private.export_rows(uuid, text, text [], integer) is
'Rows of a registered table about a person, in the order of its key, and for each the key to go on after. The single source of every export. Raises 22023 for a table that has none.';

create function octroi.export_my_data()
returns table (request_id uuid, path text, expires_at timestamptz)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_user_id uuid := (select auth.uid());
  v_now timestamptz := octroi_private.now();
  v_set octroi_private.privacy_setting;
  -- 256 bits: three version 4 UUIDs have 366 random ones, and the hash keeps 256 of them
  v_token text := encode(sha256(convert_to(
    gen_random_uuid()::text || gen_random_uuid()::text || gen_random_uuid()::text, 'utf8'
  )), 'hex');
  v_id uuid;
begin
  perform octroi_private.require_user();
  perform octroi_private.require_step_up();
  select s.* into strict v_set from octroi_private.privacy_setting as s;
  perform pg_advisory_xact_lock(hashtextextended('octroi_private.export ' || v_user_id, 0));
  if (
    select count(*) from octroi_private.privacy_request as r
    where r.user_id = v_user_id and r.kind = 'access' and r.received_at > v_now - interval '1 day'
  ) >= v_set.exports_a_day then
    raise exception 'there were % exports within a day already', v_set.exports_a_day using errcode = 'OC042',
      hint = 'Try again tomorrow, or read table by table with my_data.';
  end if;
  -- a link that was asked for before leads nowhere any more
  update octroi_private.export_ticket set expires_at = greatest(v_now, issued_at + interval '1 microsecond')
  where user_id = v_user_id and expires_at > v_now;
  v_id := octroi_private.open_privacy_request(v_user_id, 'access');
  insert into octroi_private.export_ticket (request_id, user_id, token_hash, issued_at, expires_at)
  values (
    v_id, v_user_id, sha256(convert_to(v_token, 'utf8')), v_now,
    v_now + make_interval(secs => v_set.export_ticket_seconds)
  );
  perform octroi_private.record_audit(
    p_action => 'export.requested', p_account_id => null, p_subject => v_id::text, p_detail => '{}', p_reason => null
  );
  return query
  select v_id, '/privacy/export/' || v_token, v_now + make_interval(secs => v_set.export_ticket_seconds);
end
$$;
comment on function octroi.export_my_data() is
'Offers a bundle of every row about the caller: where the gateway hands it out, once, within 15 minutes. Raises OC020, OC040, OC042.';

create function octroi.my_data_tables()
returns table (
  table_name text, about text, purpose text, legal_basis text, retention text, processors text [], columns jsonb
)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    d.table_name, d.about, d.purpose, d.legal_basis, d.retention, d.processors,
    jsonb_agg(jsonb_build_object('name', d.column_name, 'type', d.type, 'what', d.what) order by d.position)
  from octroi_private.personal_data as d
  where d.reach is not null and d.export <> 'withheld'
  group by d.table_name, d.about, d.purpose, d.legal_basis, d.retention, d.processors
  order by d.table_name
$$;
comment on function octroi.my_data_tables() is 'The tables with rows about people, and what their columns are.';

create function octroi.my_data(table_name text, after text [] default null, max_rows integer default 1000)
returns table (next_after text [], data json)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform octroi_private.require_user();
  perform octroi_private.require_step_up();
  return query
  select r.next_after, r.data
  from octroi_private.export_rows((select auth.uid()), my_data.table_name, my_data.after, my_data.max_rows) as r;
end
$$;
comment on function octroi.my_data(text, text [], integer) is
'Every row about the caller in one table, page by page; page on with the last next_after. Raises OC020, OC040, OC050, OC051, 22023.';

-- The worker's door. It names a request, never a person, and only a ticket that was just used opens one.
create function octroi_private.begin_export(p_token_hash bytea)
returns uuid
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  update octroi_private.export_ticket as t set used_at = octroi_private.now()
  where t.token_hash = p_token_hash and t.used_at is null and t.expires_at > octroi_private.now()
    and not octroi_private.is_banned(t.user_id)
  returning t.request_id
$$;
comment on function octroi_private.begin_export(bytea) is
'Uses up the ticket whose token has this hash; null when there is none, it was used, its time is over, or its user is banned.';

create function octroi_private.export_page(p_request_id uuid, p_table text, p_after text [], p_max_rows integer)
returns table (next_after text [], data text)
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  select r.next_after, r.data::text
  from octroi_private.export_ticket as t
  cross join lateral octroi_private.export_rows(t.user_id, p_table, p_after, p_max_rows) as r
  where t.request_id = p_request_id and t.used_at > octroi_private.now() - interval '15 minutes'
$$;
comment on function octroi_private.export_page(uuid, text, text [], integer) is
'Rows of a bundle that is being handed out; none once its fifteen minutes are over. Raises 22023.';

create function octroi_private.finish_export(p_request_id uuid, p_rows bigint, p_bytes bigint, p_sha256 text)
returns boolean
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  select octroi_private.close_privacy_request(
    p_request_id, 'done', jsonb_build_object('rows', p_rows, 'bytes', p_bytes, 'sha256', p_sha256)
  )
$$;
comment on function octroi_private.finish_export(uuid, bigint, bigint, text) is
'Writes down that a bundle was handed out whole, and its fingerprint. False when it had ended.';

reset role;
