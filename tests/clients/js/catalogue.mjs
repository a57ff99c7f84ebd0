// What the database has, as its catalogue says.
import { column } from "./psql.mjs";

/** Functions of schema octroi that a signed-in user may call: `{ name, args: { name: type } }`. */
export async function rpcs() {
  const rows = await column(`
    select jsonb_build_object('name', p.proname, 'args', coalesce((
      select jsonb_object_agg(a.name, format_type(a.type, null))
      from unnest(p.proargnames[:p.pronargs], p.proargtypes::oid[]) as a (name, type)
    ), '{}'))
    from pg_catalog.pg_proc as p
    where p.pronamespace = 'octroi'::regnamespace and has_function_privilege('authenticated', p.oid, 'execute')
    order by p.proname
  `);
  return rows.map((row) => JSON.parse(row));
}
