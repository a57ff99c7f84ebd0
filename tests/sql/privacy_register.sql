select format(
  '| `%s` | %s | %s | %s | %s | %s |', t.table_name, t.purpose, replace(t.legal_basis, '_', ' '), t.retention,
  (select string_agg(p.name, ', ' order by p.name) from unnest(t.processors) as p (name)),
  concat_ws(': ', t.erasure, t.erasure_reason)
)
from octroi_private.personal_table as t
order by t.table_name
