-- What operators export: a view for each table, to be copied with psql, and the pages that `octroi export` reads.
-- Whoever reads personal data is written down, by the same statement that hands it out.
set role octroi_owner;

-- Reads a table by its primary key: $1 the key to go on after, $2 how many.
create function octroi_private.admin_statement(p_table text)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select format(
    'select array[%1$s], row_to_json(x)::text from (select * from octroi_private.%2$I as t where $1 is null or (%3$s) > (%4$s) '
    'order by %3$s limit $2) as t cross join lateral (select %5$s) as x order by %3$s',
    k.as_text, p_table, k.names, k.given, (
      select string_agg(format('t.%I', d.column_name), ', ' order by d.position)
      from octroi_private.personal_data as d
      -- no secret, and nothing that says how to reach somebody or what they wrote
      where d.table_name = p_table and d.class in ('fact', 'reference')
    )
  )
  from (
    select
      string_agg(format('t.%I::text', a.attname), ', ' order by n.ord) as as_text,
      string_agg(format('t.%I', a.attname), ', ' order by n.ord) as names,
      string_agg(format('$1[%s]::%s', n.ord, format_type(a.atttypid, null)), ', ' order by n.ord) as given
    from pg_catalog.pg_constraint as c
    cross join lateral unnest(c.conkey) with ordinality as n (attnum, ord)
    join pg_catalog.pg_attribute as a on a.attrelid = c.conrelid and a.attnum = n.attnum
    where c.contype = 'p' and c.conrelid = to_regclass('octroi_private.' || quote_ident(p_table))
  ) as k
$$;

-- The log stands in a sub-select: whatever a reader adds to the query, it runs before anything of the table is touched.
-- And a view of two relations cannot be written to, whoever is granted what.
create function octroi_private.make_admin_view(p_table text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  execute (
    select format(
      'create view octroi_private.%I as select %s '
      'from octroi_private.%I as t cross join (values (true)) as beside (it) where (select octroi_private.log_admin_read(%L))',
      'admin_' || p_table, string_agg(format('t.%I', d.column_name), ', ' order by d.position), p_table, p_table
    )
    from octroi_private.personal_data as d
    -- no secret, and nothing that says how to reach somebody or what they wrote
    where d.table_name = p_table and d.class in ('fact', 'reference')
  );
  execute format(
    'comment on view octroi_private.%I is %L', 'admin_' || p_table,
    format('%s for operators, without contact data and content. Each reading is in the audit log.', p_table)
  );
end
$$;

-- Which tables operators export.
create function octroi_private.admin_tables()
returns table (table_name text, estimated_rows bigint, columns text [])
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    d.table_name, (
      -- of a partitioned table only the partitions are counted
      select greatest(sum(greatest(c.reltuples, 0)), 0)::bigint
      from pg_partition_tree(to_regclass('octroi_private.' || d.table_name)) as p
      join pg_catalog.pg_class as c on c.oid = p.relid
    ), array_agg(d.column_name order by d.position)
  from octroi_private.personal_data as d
  where d.reach is not null and d.class in ('fact', 'reference')
    and d.table_name not in (
      'contact', 'completion', 'stored_response', 'person', 'data_key', 'export_ticket', 'contact_change'
    )
  group by d.table_name
  order by d.table_name
$$;
comment on function octroi_private.admin_tables() is 'The tables that operators may export, their columns, and about how many rows they have.';

-- A page of one of them in the order of its key. Raises 22023 for a table that is none.
create function octroi_private.admin_page(p_table text, p_after text [], p_max_rows integer)
returns table (next_after text [], data text)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set datestyle = 'ISO, YMD'
set timezone = 'UTC'
as $$
declare
  v_rows bigint;
begin
  if not exists (select from octroi_private.admin_tables() as t where t.table_name = p_table) then
    raise exception 'there is no table % for operators', left(p_table, 63) using errcode = '22023';
  end if;
  return query execute octroi_private.admin_statement(p_table)
  using p_after, least(greatest(p_max_rows, 0), 10000);
  get diagnostics v_rows = row_count;
  -- nobody has a row yet: what raises here takes them back. Keys are ids of people, and not kept
  perform octroi_private.note_admin_read(
    p_action => 'admin_read.' || p_table, p_table => p_table, p_subject => p_table,
    p_detail => jsonb_build_object('by', 'page', 'rows', v_rows)
  );
end
$$;
comment on function octroi_private.admin_page(text, text [], integer) is
'Rows of a table for operators in the order of its primary key, and the key to go on after; written down in the audit log. Raises OC040 for an operator from the Data API without aal2, 22023, 25006.';

do $$
begin
  perform octroi_private.make_admin_view(t.table_name)
  from octroi_private.admin_tables() as t;
end
$$;

create view octroi_private.support_contact as
select c.user_id, m.email, m.phone
from octroi_private.contact as c
left join lateral octroi_private.mask_contact(c.user_id, c.email, c.phone) as m on true
where (select octroi_private.log_admin_read('contact'));
comment on view octroi_private.support_contact is
'Everybody''s contact, masked, for octroi_support. Nothing in it can be unmasked. Each reading is in the audit log.';

reset role;
