// Two users, every relation, every verb, through the Data API and through psql: of what is the other's, nothing is read or
// changed, and nothing tells it from what is not there at all. The lists come from the catalogue, so that a view or an RPC
// that is added is tried as well. Ada owns a team, of which Mia is a member; Eve owns another, and is no member of Ada's.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { before, test } from "node:test";

import { rpcs } from "./catalogue.mjs";
import { actingFor, apiKey, found, openai, signUp } from "./customer.mjs";
import { column, psql } from "./psql.mjs";
import { subscribe } from "./subscriber.mjs";
import { invitationTo, PAGES } from "./visitor.mjs";

const QUESTION = { model: "gpt-5.4-mini", max_tokens: 20, messages: [{ role: "user", content: "Hi" }] };
// A person's own, whatever account is named: one deletes, the other has another link each time.
const OF_A_PERSON = new Set(["delete_my_account", "export_my_data"]);
// What anybody may know: what is on sale.
const PUBLIC = new Set(["plans", "top_up_packs"]);

let ada, eve, mia, ids, evesTeam;

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
  await found(ada.supabase.rpc("set_budget", { meter: "tokens", period: "month", amount: 900_000 }));
  const team = await found(ada.supabase.rpc("create_team", { name: "Ada's" }));
  const invitation = await fillTeam(team);
  const [teamKey] = await found(actingFor(ada.supabase, team).rpc("create_api_key", { name: "team" }));
  evesTeam = await found(eve.supabase.rpc("create_team", { name: "Eve's" }));
  ids = {
    account, user: ada.userId, completion, key: key.id, request: request.id, billing: billing.id, team, invitation,
    teamKey: teamKey.id, member: mia.userId,
  };
});

/** Makes Mia a member of a team of Ada's, and invites somebody else: that invitation's id. */
async function fillTeam(team) {
  mia = await signUp();
  const adas = actingFor(ada.supabase, team);
  const { data } = await mia.supabase.auth.getUser();
  const invite = (email) => found(adas.rpc("invite_member", { email, accept_url: "http://localhost:3000/join" }));
  await invite(data.user.email);
  await found(mia.supabase.rpc("accept_invitation", { token: await invitationTo(data.user.email) }));
  await found(adas.rpc("set_member_budget", { member_id: mia.userId, meter: "requests", period: "day", amount: 100 }));
  return invite(`${randomUUID()}@example.test`);
}

/** What an answer says to whoever asked, with the ids they asked with taken out. */
function toldBy({ status, data, error }, ...asked) {
  return asked.reduce((told, id) => told.replaceAll(id, "ID"), JSON.stringify([status, data, error]));
}

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

test("naming Ada's team tells Eve no more than naming an account that nobody has", async () => {
  const nobodys = randomUUID();
  for (const { name, args } of await rpcs()) {
    if (OF_A_PERSON.has(name)) continue;
    const given = Object.fromEntries(Object.entries(args).map(([arg, type]) => [arg, type === "uuid" ? ids.member : null]));
    const foreign = await actingFor(eve.supabase, ids.team).rpc(name, given);
    const missing = await actingFor(eve.supabase, nobodys).rpc(name, given);
    assert.equal(toldBy(foreign, ids.team), toldBy(missing, nobodys), name);
    assert.deepEqual(mentions(foreign.data).filter((id) => id !== ids.member), [], name);
  }
  for (const view of await relations("octroi")) {
    const foreign = await actingFor(eve.supabase, ids.team).from(view).select();
    assert.deepEqual(mentions(foreign.data), [], view);
  }
});

test("as the owner of a team of hers, Eve reaches nobody and nothing of Ada's", async () => {
  const eves = actingFor(eve.supabase, evesTeam);
  for (const { name, args } of await rpcs()) {
    for (const arg of Object.keys(args).filter((arg) => args[arg] === "uuid")) {
      for (const id of Object.values(ids)) {
        const nobodys = randomUUID();
        const rest = { role: "member", meter: "tokens", period: "day", amount: 1 };
        const given = Object.fromEntries(Object.entries(rest).filter(([other]) => other in args));
        const foreign = await eves.rpc(name, { ...given, [arg]: id });
        const missing = await eves.rpc(name, { ...given, [arg]: nobodys });
        assert.equal(toldBy(foreign, id), toldBy(missing, nobodys), `${name}(${arg})`);
      }
    }
  }
  const accounts = await found(mia.supabase.rpc("my_accounts"));
  assert.deepEqual(accounts.map(({ role, kind }) => [role, kind]), [["owner", "personal"], ["member", "team"]]);
});

test("what the team is limited to and who is in it is as it was", async () => {
  const adas = actingFor(ada.supabase, ids.team);

  const members = await found(adas.rpc("team_members"));
  const budgets = await found(ada.supabase.from("budgets").select("subject, amount").eq("account_id", ids.team));
  const invitations = await found(adas.rpc("team_invitations"));

  assert.deepEqual(members.map(({ member_id, role }) => [member_id, role]), [[ada.userId, "owner"], [mia.userId, "member"]]);
  assert.deepEqual(budgets, [{ subject: mia.userId, amount: 100 }]);
  assert.deepEqual(invitations.map(({ state }) => state), ["waiting", "accepted"]);
});

test("a member does in the team what is theirs, and nothing of its owner's", async () => {
  const mias = actingFor(mia.supabase, ids.team);
  for (const [name, args] of [
    ["remove_member", { member_id: ada.userId }],
    ["set_member_role", { member_id: mia.userId, role: "admin" }],
    ["set_member_budget", { member_id: mia.userId, meter: "requests", period: "day", amount: null }],
    ["transfer_team", { member_id: mia.userId }],
    ["invite_member", { email: "x@example.test", accept_url: "http://localhost:3000/join" }],
    ["team_invitations", {}],
    ["resend_invitation", { id: ids.invitation }],
    ["revoke_invitation", { id: ids.invitation }],
    ["set_budget", { meter: "tokens", period: "day", amount: 1 }],
    ["open_portal", { return_url: "http://localhost:3000/" }],
  ]) {
    const { error } = await mias.rpc(name, args);
    assert.ok(error, name);
  }
  for (const [name, args] of [
    ["revoke_api_key", { id: ids.teamKey }],
    ["restrict_api_key", { id: ids.teamKey, allowed_models: ["gpt-5.4-mini"] }],
    ["set_key_budget", { id: ids.teamKey, meter: "tokens", period: "day", amount: 1 }],
  ]) {
    assert.equal(await found(mias.rpc(name, args)), false, name);
  }
  const { data } = await mias.from("api_keys").select("id");
  assert.deepEqual(data, [], "she sees no key but her own");
});

test("no RPC takes a user or an account to act as", async () => {
  // the last row of the page before, of a list that is the caller's own anyhow
  const places = ["after_user"];
  for (const { name, args } of await rpcs()) {
    const names = Object.keys(args).filter((arg) => !places.includes(arg) && /(^|_)(user|account|owner|customer|actor)(_id)?$/.test(arg));
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
