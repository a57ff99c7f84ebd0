\set account random(1, :accounts)
select r.request_id as request from (select ('00000000-0000-7000-8000-' || lpad(to_hex(cast(:account as bigint)), 12, '0'))::uuid as id) as a, octroi_private.reserve(octroi_private.uuid_v7(), a.id, null, a.id, 'gpt-5.4-mini', 100, 500) as r where r.verdict = 'granted' \gset
select outcome from octroi_private.settle(:request, 90, 100);
