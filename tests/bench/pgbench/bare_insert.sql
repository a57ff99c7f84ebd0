insert into bench.bare_insert (account_id, tokens) values (('00000000-0000-7000-8000-' || lpad(to_hex(cast(:client_id as bigint) + 1), 12, '0'))::uuid, 600);
