\set account random(1, :accounts)
select bench.reserve(('00000000-0000-7000-8000-' || lpad(to_hex(cast(:account as bigint)), 12, '0'))::uuid, 'gpt-5.4-mini', 600) as reservation \gset
select bench.settle(:reservation, 90, 100);
