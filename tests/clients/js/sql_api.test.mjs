// Every example of docs/sql-api.md runs, and every function and view there is has one.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { before, test } from "node:test";

import { apiKey, openai, signUp } from "./customer.mjs";
import { examples } from "./document.mjs";
import { column, psql } from "./psql.mjs";
import { subscribe } from "./subscriber.mjs";
import { invitationOf, teamOf } from "./team.mjs";

// The account, user and key that the examples for backends name, and a table of the backend's own.
const BACKEND_CAST = `
  create table if not exists public.document (title text, summary text);
  grant insert on public.document to octroi_meter;
  insert into auth.users (id, email)
  values ('01a00000-0000-7000-8000-0000000000e1', 'backend@example.test') on conflict do nothing;
  insert into octroi_private.account (id, kind, owner_user_id, name)
  values ('01a00000-0000-7000-8000-0000000000a1', 'team', '01a00000-0000-7000-8000-0000000000e1', 'Backend')
  on conflict do nothing;
  insert into octroi_private.member (account_id, user_id, role)
  values ('01a00000-0000-7000-8000-0000000000a1', '01a00000-0000-7000-8000-0000000000e1', 'owner')
  on conflict do nothing;
  insert into octroi_private.api_key (account_id, user_id, name, key_prefix, key_hash)
  values (
    '01a00000-0000-7000-8000-0000000000a1', '01a00000-0000-7000-8000-0000000000e1', 'example', 'sk-oct-e',
    sha256('sk-oct-example')
  ) on conflict do nothing;
  select octroi_private.assign_plan('01a00000-0000-7000-8000-0000000000a1', 'premium');
`;

/** What an example's first line says its user is, besides somebody who has just signed up: SQL, and names for its results. */
function castOf(code, userId) {
  const as = code.match(/^(?:--|\/\/) as (.*)$/m)?.[1];
  if (as === "a subscriber") return { sql: subscribe(userId) };
  if (as === "a team's owner") return teamOf(userId);
  if (as === "who is invited") return invitationOf(userId);
  return { sql: "" };
}

/** A session of a user who has just signed up and used something, or of a backend. */
function sessionFor(code) {
  const [, role] = /^-- as (octroi_meter|octroi_operator)$/m.exec(code) ?? [];
  if (role) return `set role ${role};\n`;
  const userId = randomUUID();
  const { sql, ...names } = castOf(code, userId);
  return `
    insert into auth.users (id, email) values ('${userId}', '${userId}@example.test');
    select u.outcome from octroi_private.account as a
    cross join octroi_private.record_usage(a.id, '${userId}', 'gpt-5.6-luna', 100, 20) as u
    where a.owner_user_id = '${userId}';
    ${sql}
    ${Object.entries(names).map(([name, value]) => `\\set ${name} '${value}'\n`).join("")}
    set role authenticated;
    select set_config('request.jwt.claims', '{"sub": "${userId}", "role": "authenticated"}', false);
  `;
}

const AsyncFunction = (async () => {}).constructor;

before(() => psql(BACKEND_CAST));

for (const { heading, code } of examples("sql")) {
  test(`SQL: ${heading}`, async () => {
    const printed = await psql(sessionFor(code) + code);
    assert.ok(!printed.includes("(0 rows)"), `a statement found nothing:\n${printed}`);
  });
}

for (const { heading, code } of examples("js")) {
  test(`supabase-js: ${heading}`, async () => {
    const failures = [];
    const { supabase, userId } = await signUp({
      fetch: async (url, init) => {
        const response = await fetch(url, init);
        if (!response.ok) failures.push(`${response.status} ${url}: ${await response.clone().text()}`);
        return response;
      },
    });
    await openai(await apiKey(supabase)).embeddings.create({ model: "text-embedding-3-small", input: "toll" });
    const { sql, team, member, token } = castOf(code, userId);
    await psql(sql);

    const location = { assign: () => {}, hash: `#invitation=${token}` };
    await new AsyncFunction("supabase", "location", ...(team ? ["team", "member"] : []), code)(supabase, location, team, member);

    assert.deepEqual(failures, []);
  });
}

test("every function and view has an example", async () => {
  const sql = examples("sql").map(({ code }) => code).join("\n");
  const js = examples("js").map(({ code }) => code).join("\n");
  const functions = await column(`
    select p.proname from pg_proc as p
    where p.pronamespace = 'octroi'::regnamespace and has_function_privilege('authenticated', p.oid, 'execute')`);
  const views = await column("select relname from pg_class where relnamespace = 'octroi'::regnamespace and relkind = 'v'");
  const verbs = await column(`
    select p.proname from pg_proc as p
    where p.pronamespace = 'octroi_private'::regnamespace and (
      has_function_privilege('octroi_meter', p.oid, 'execute') or has_function_privilege('octroi_operator', p.oid, 'execute')
    )`);

  for (const name of functions) {
    assert.ok(sql.includes(`octroi.${name}(`), `${name} in SQL`);
    assert.ok(js.includes(`rpc("${name}"`), `${name} in supabase-js`);
  }
  for (const name of views) {
    assert.match(sql, new RegExp(`from octroi\\.${name}\\b`));
    assert.ok(js.includes(`from("${name}")`), `${name} in supabase-js`);
  }
  for (const name of verbs) assert.ok(sql.includes(`octroi_private.${name}(`), `${name} in SQL`);
});
