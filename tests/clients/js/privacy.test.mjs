// What people do about their own data, as a front end lets them: agree and take it back, see and correct what is known,
// replace a key, and leave. Each of it with a second user beside, whom none of it touches.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { strFromU8, unzipSync } from "fflate";

import { apiKey, found, openai, signUp, standing } from "./customer.mjs";

const { OCTROI_URL } = process.env;
const REFUSED_WITHIN_MS = 1_000;

/** The purpose as the user stands to it. */
async function consent(supabase, purpose) {
  const consents = await found(supabase.rpc("my_consents"));
  return consents.find((row) => row.purpose === purpose);
}

/** One metered call with this secret, an API key or an access token. */
const call = (secret) => openai(secret).embeddings.create({ model: "text-embedding-3-small", input: "toll" });

/** Calls with this secret until that is refused; a call that begins a second later has to be. */
async function isRefused(secret) {
  const deadline = Date.now() + REFUSED_WITHIN_MS;
  for (;;) {
    const isLate = Date.now() >= deadline;
    const status = await call(secret).then(() => 200, (error) => error.status);
    if ([401, 403].includes(status)) return;
    assert.equal(status, 200, "let through or refused");
    assert.ok(!isLate, `a call was let through after ${REFUSED_WITHIN_MS} ms`);
    // each call counts against the 200 of the day
    await setTimeout(50);
  }
}

/** The SQLSTATE with which a question to the Data API fails. */
async function sqlState(query) {
  const { error } = await query;
  return error?.code;
}

/** Fails unless the Data API takes the caller for nobody who is signed in. */
const isNobody = async (query) => assert.equal(await sqlState(query), "OC020");

let user, other;
before(async () => {
  [user, other] = [await signUp(), await signUp()];
  await call(await apiKey(other.supabase));
});

test("consent is given to the words in force, and taken back", async () => {
  const { supabase } = user;
  const before = await consent(supabase, "news");
  assert.equal(before.is_given, false, "nothing without consent");
  assert.ok(before.current_text.length > 0);

  const stale = supabase.rpc("give_consent", { purpose: "news", policy_version: "no such words" });
  assert.equal(await sqlState(stale), "22023");
  await found(supabase.rpc("give_consent", { purpose: "news", policy_version: before.current_version }));

  const given = await consent(supabase, "news");
  assert.deepEqual([given.is_given, given.method, given.policy_version], [true, "rpc", before.current_version]);
  assert.equal((await consent(other.supabase, "news")).is_given, false, "one speaks for oneself");

  assert.equal(await found(supabase.rpc("withdraw_consent", { purpose: "news" })), true);
  assert.equal((await consent(supabase, "news")).is_given, false);
});

test("a bundle has everything about its user, nothing of others, and opens once", async () => {
  const { supabase, userId } = user;
  const answer = await call(await apiKey(supabase));
  const [offer] = await found(supabase.rpc("export_my_data"));
  assert.ok(new Date(offer.expires_at) > new Date());

  const download = await fetch(new URL(offer.path, OCTROI_URL));

  assert.equal(download.status, 200);
  assert.equal(download.headers.get("content-type"), "application/zip");
  assert.equal(download.headers.get("cache-control"), "no-store");
  const files = unzipSync(new Uint8Array(await download.arrayBuffer()));
  const text = strFromU8(files["data.json"]);
  const { request_id, tables } = JSON.parse(text);
  assert.equal(request_id, offer.request_id);
  assert.deepEqual(tables.usage_event.map((row) => [row.user_id, row.total_tokens]), [
    [userId, answer.usage.total_tokens],
  ]);
  const { data } = await supabase.auth.getUser();
  assert.deepEqual(tables.contact.map((row) => row.email), [data.user.email], "what is sealed is opened for its user");
  assert.ok(!text.includes(other.userId), "nothing of anybody else");
  assert.equal(strFromU8(files["csv/usage_event.csv"]).trimEnd().split("\r\n").length, 2, "a head and a row");
  const described = JSON.parse(strFromU8(files["schema.json"])).tables.map(({ table }) => table);
  for (const table of Object.keys(tables)) assert.ok(described.includes(table), `${table} is described`);

  assert.equal((await fetch(new URL(offer.path, OCTROI_URL))).status, 404, "a link is good once");
});

test("the same rows can be had without the gateway", async () => {
  const { supabase, userId } = user;
  const tables = await found(supabase.rpc("my_data_tables"));
  assert.ok(tables.every((table) => table.purpose && table.legal_basis && table.retention));

  const rows = await found(supabase.rpc("my_data", { table_name: "usage_event", max_rows: 10 }));

  assert.deepEqual(rows.map(({ data }) => data.user_id), [userId]);
});

test("a user sees what they did, and nothing of what others did", async () => {
  const entries = await found(user.supabase.rpc("my_audit", { max_rows: 1000 }));

  const mine = entries.filter(({ actor }) => actor === "you").map(({ action }) => action);
  for (const action of ["api_key.insert", "consent.insert", "export.requested"]) {
    assert.ok(mine.includes(action), `${action} in ${mine}`);
  }
  assert.ok(!entries.some(({ actor }) => actor === "another user"));
  assert.ok(!JSON.stringify(entries).includes(user.userId), "people are pseudonyms");
  const theirs = await found(other.supabase.rpc("my_audit", { max_rows: 1000 }));
  assert.ok(!theirs.some(({ action }) => action === "export.requested"));
  const [newest, next] = entries;
  const page = await found(user.supabase.rpc("my_audit", { max_rows: 1, before: newest.id }));
  assert.deepEqual(page, [next], "the page after the newest");
});

test("a rotated key works by both secrets until its grace ends", async () => {
  const { supabase } = user;
  const [key] = await found(supabase.rpc("create_api_key", { name: "rotating" }));
  await call(key.secret);

  const [rotated] = await found(supabase.rpc("rotate_api_key", { id: key.id, grace_seconds: 3600 }));

  assert.notEqual(rotated.secret, key.secret);
  assert.ok(new Date(rotated.previous_works_until) > new Date());
  await call(rotated.secret);
  await call(key.secret);
  assert.deepEqual(
    await found(other.supabase.rpc("rotate_api_key", { id: key.id, grace_seconds: 0 })),
    [],
    "a key of somebody else's is as good as none",
  );

  const [last] = await found(supabase.rpc("rotate_api_key", { id: key.id, grace_seconds: 0 }));

  await isRefused(key.secret);
  await isRefused(rotated.secret);
  await call(last.secret);
});

test("what is known about a user is corrected by them", async () => {
  const { supabase } = user;
  const zone = "Europe/Paris";

  await found(
    supabase.rpc("update_my_contact", { account_name: "Ada L.", phone: "+33123456789", locale: "fr", time_zone: zone }),
  );

  const settings = await found(supabase.rpc("set_notifications", {}));
  assert.deepEqual([settings.locale, settings.time_zone], ["fr", zone]);
  const rows = async (table_name) => (await found(supabase.rpc("my_data", { table_name }))).map(({ data }) => data);
  assert.deepEqual((await rows("account")).map(({ name }) => name), ["Ada L."]);
  assert.deepEqual((await rows("contact")).map(({ phone }) => phone), ["+33123456789"]);
  const wrong = [{ phone: "0123" }, { locale: "xx" }, { time_zone: "Mars/Olympus" }, { billing_email: "a@b, c@d" }];
  for (const details of wrong) {
    assert.equal(await sqlState(supabase.rpc("update_my_contact", details)), "22023", JSON.stringify(details));
  }
  assert.deepEqual(await found(supabase.rpc("set_notifications", {})), settings, "what was refused changed nothing");
});

test("whoever deletes their account is gone at once, by every door", async () => {
  const { supabase, token } = user;
  const secret = await apiKey(supabase);
  await call(secret);
  await call(token);
  const used = await standing(other.supabase);

  const { data: { session } } = await supabase.auth.getSession();
  const [receipt] = await found(supabase.rpc("delete_my_account"));

  await isNobody(supabase.rpc("my_quota"));
  await Promise.all([isRefused(token), isRefused(secret)]);
  await isNobody(supabase.rpc("export_my_data"));
  await isNobody(supabase.rpc("create_api_key", { name: "back" }));
  assert.deepEqual(await found(supabase.from("usage").select("id")), []);

  const { erased, kept } = receipt;
  assert.deepEqual([erased.person, erased.contact, erased.account, erased.data_key], [1, 1, 1, 1]);
  assert.ok(erased.api_key >= 3, `keys of every test: ${erased.api_key}`);
  assert.ok(kept.length > 0 && kept.every(({ what, why }) => what && why), "what stays has its reason");
  assert.ok((await supabase.auth.getUser()).error, "Auth has forgotten them");
  const { error } = await supabase.auth.refreshSession({ refresh_token: session.refresh_token });
  assert.ok(error, "and their session gets no other token");
  assert.deepEqual(await standing(other.supabase), used, "nobody else has lost anything");
});
