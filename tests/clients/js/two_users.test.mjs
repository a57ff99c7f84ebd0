// Two users, every relation, every verb, through the Data API and through psql: of what is the other's, nothing is read or
// changed, and nothing tells it from what is not there at all. The lists come from the catalogue, so that a view or an RPC
// that is added is tried as well.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { before, test } from "node:test";

import { rpcs } from "./catalogue.mjs";
import { apiKey, found, openai, signUp } from "./customer.mjs";
import { column, psql } from "./psql.mjs";
import { subscribe } from "./subscriber.mjs";

const PAGES = { success_url: "http://localhost:3000/paid", cancel_url: "http://localhost:3000/" };
const QUESTION = { model: "gpt-4o-mini", max_tokens: 20, messages: [{ role: "user", content: "Hi" }] };
// What anybody may know: what is on sale.
const PUBLIC = new Set(["plans", "top_up_packs"]);

let ada, eve, ids;

before(async () => {
  ada = await signUp();
  eve = await signUp();
  await psql(subscribe(ada.userId));
  await openai(await apiKey(ada.supabase, [{ meter: "tokens", period: "month", amount: 5000 }])).chat.completions.create(QUESTION);
  await found(ada.supabase.rpc("buy_top_up", { pack: "tokens_100k", ...PAGES }));
  const completion = await found(ada.supabase.rpc("request_completion", { request: QUESTION }));
  const [account] = await column(`select id from octroi_private.account where owner_user_id = '${ada.userId}'`);
  const [key] = await found(ada.supabase.from("api_keys").select());
  const [request] = await found(ada.supabase.rpc("my_requests", { max_rows: 1 }));
  const [billing] = await found(ada.supabase.from("billing_requests").select());
  ids = { account, user: ada.userId, completion, key: key.id, request: request.id, billing: billing.id };
});

const relations = (schema) =>
  column(`
    select c.relname from pg_catalog.pg_class as c
    where c.relnamespace = '${schema}'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f') order by 1
  `);

const mentions = (value) => Object.values(ids).filter((id) => JSON.stringify(value ?? null).includes(id));

test("what is Ada's is there, or the rest would prove nothing", async () => {
  for (const view of await relations("octroi")) {
    if (["alerts", "top_ups"].includes(view) || PUBLIC.has(view)) continue;
    const { data, error } = await ada.supabase.from(view).select();
    if (error) continue;
    assert.ok(data.length > 0, `${view} has nothing of Ada's`);
  }
});

test("no view shows Eve a row of Ada's, whole or counted", async () => {
  for (const view of await relations("octroi")) {
    const { data, count, error } = await eve.supabase.from(view).select("*", { count: "exact" });
    if (error) continue;
    assert.deepEqual(mentions(data), [], view);
    if (!PUBLIC.has(view)) assert.equal(count, data.length, view);
  }
});

test("no view takes a row, a change or a deletion, of anybody's", async () => {
  for (const view of await relations("octroi")) {
    for (const who of [ada, eve]) {
      const rows = who.supabase.from(view);
      for (const [verb, query] of [
        ["insert", rows.insert({ account_id: ids.account })],
        ["update", rows.update({ account_id: ids.account }).eq("account_id", ids.account)],
        ["upsert", rows.upsert({ account_id: ids.account })],
        ["delete", rows.delete().eq("account_id", ids.account)],
      ]) {
        const { error } = await query;
        assert.ok(error, `${verb} into ${view}`);
      }
    }
  }
});

test("no table is reached through the Data API", async () => {
  for (const table of await relations("octroi_private")) {
    const rows = ada.supabase.schema("octroi_private").from(table);
    for (const query of [rows.select(), rows.insert({}), rows.delete().neq("id", randomUUID())]) {
      const { data, error } = await query;
      assert.ok(error && data === null, table);
    }
  }
});

test("an id of Ada's tells Eve no more than one that nobody has", async () => {
  for (const { name, args } of await rpcs()) {
    const wanted = Object.entries(args).filter(([, type]) => type === "uuid").map(([arg]) => arg);
    for (const arg of wanted) {
      for (const id of Object.values(ids)) {
        const foreign = await eve.supabase.rpc(name, { [arg]: id });
        const missing = await eve.supabase.rpc(name, { [arg]: randomUUID() });
        assert.deepEqual(
          [foreign.status, foreign.data, foreign.error?.code],
          [missing.status, missing.data, missing.error?.code],
          `${name}(${arg})`,
        );
        const told = JSON.stringify([foreign.data, foreign.error]).replaceAll(id, "ID");
        assert.equal(told, told.replace(new RegExp(Object.values(ids).join("|")), "ID"), `${name}(${arg})`);
      }
    }
  }
});

test("no RPC takes a user or an account to act as", async () => {
  for (const { name, args } of await rpcs()) {
    const names = Object.keys(args).filter((arg) => /(^|_)(user|account|owner|customer|actor)(_id)?$/.test(arg));
    assert.deepEqual(names, [], name);
  }
});

test("in psql, too, Eve reads nothing of Ada's and writes nothing at all", async () => {
  const as = (statement) =>
    psql(
      `begin; set local role authenticated;
       select set_config('request.jwt.claims', '{"sub": "${eve.userId}", "role": "authenticated", "aal": "aal1"}', true) \\gset
       ${statement};`,
      "--tuples-only",
      "--no-align",
    );
  for (const schema of ["octroi", "octroi_private"]) {
    for (const name of await relations(schema)) {
      const table = `${schema}."${name}"`;
      const read = await as(`select to_jsonb(r) from ${table} as r`).catch((error) => {
        assert.match(error.message, /permission denied/, table);
        return "";
      });
      assert.deepEqual(mentions(read), [], table);
      for (const write of [`insert into ${table} default values`, `delete from ${table}`, `truncate ${table}`]) {
        await assert.rejects(as(write), /permission denied|cannot truncate|is not a table|cannot (insert|delete)/, `${write}`);
      }
    }
  }
});
