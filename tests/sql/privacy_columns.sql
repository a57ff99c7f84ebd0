select format(
  '| `%s` | %s |', t.table_name, string_agg(
    format('`%s` %s', c.column_name, c.what)
    || case when c.class in ('fact', 'reference') then '' else format(' (%s)', c.class) end
    || case when c.erasure is null then '' else format(' [%s]', c.erasure) end, '; ' order by c.position
  )
)
from octroi_private.personal_table as t
join octroi_private.personal_column as c on c.table_name = t.table_name
group by t.table_name
order by t.table_name
