-- The account of a number, in a form that pgbench can spell too.
create function bench.numbered_id(p_number bigint)
returns uuid
language sql
immutable
as $$ select ('00000000-0000-7000-8000-' || lpad(to_hex(p_number), 12, '0'))::uuid $$;
