// What a front end is told by the Data API: errors as PostgREST tells them, times as every browser reads them, and what is
// on sale before anybody has signed in.
import assert from "node:assert/strict";
import { test } from "node:test";

import { httpStatus } from "../../../stack/lite/sqlstates.mjs";
import { isoTimestamp } from "../../../stack/lite/timestamps.mjs";
import { found, frontEnd, openai, signUp } from "./customer.mjs";
import { psql } from "./psql.mjs";

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00$/;

test("what Octroi refuses comes with its code, its message and what to do", async () => {
  const { supabase, userId } = await signUp();
  const pages = { success_url: "https://elsewhere.example/", cancel_url: "http://localhost:3000/" };

  const elsewhere = await supabase.rpc("start_checkout", { plan: "basic", billing_interval: "month", ...pages });
  const noSuchPack = await supabase.rpc("buy_top_up", { pack: "none", ...pages, success_url: "http://localhost:3000/" });
  const badArgument = await supabase.rpc("give_consent", { purpose: "news", policy_version: "no such words" });
  await psql(`update auth.users set banned_until = 'infinity' where id = '${userId}'`);
  const banned = await supabase.rpc("my_quota");

  const told = ({ status, error }) => [status, error?.code];
  assert.deepEqual([elsewhere, noSuchPack, badArgument, banned].map(told), [
    [400, "OC031"],
    [400, "OC033"],
    [400, "22023"],
    [400, "OC022"],
  ]);
  assert.match(elsewhere.error.message, /^success_url is not on a site/);
  assert.match(elsewhere.error.hint, /return_origins/);
  assert.equal(noSuchPack.error.hint, "The view octroi.top_up_packs lists what is.");
});

test("who may not is told 401 before they have signed in, and 403 after", async () => {
  const { supabase } = await signUp();
  const nobody = await frontEnd().rpc("my_quota");
  const somebody = await supabase.from("usage").insert({ model: "x" });
  assert.deepEqual([nobody.status, nobody.error.code], [401, "42501"]);
  assert.deepEqual([somebody.status, somebody.error.code], [403, "42501"]);
});

test("every SQLSTATE has the status that PostgREST gives it", () => {
  const statuses = {
    "OC001": 400, "OC040": 400, "22P02": 400, "23514": 400, "P0001": 400, "42703": 400,
    "0LP01": 403, "28000": 403, "42883": 404, "42P01": 404, "25006": 405, "23503": 409, "23505": 409,
    "09000": 500, "25P02": 500, "38001": 500, "40001": 500, "40P01": 500, "42P17": 500, "53400": 500, "54000": 500,
    "55000": 500, "57014": 500, "58000": 500, "F0000": 500, "HV000": 500, "P0002": 500, "XX000": 500, "PT999": 500,
    "08006": 503, "53300": 503, "57P01": 503, "PT402": 402, "PT418": 418,
  };
  for (const [code, status] of Object.entries(statuses)) assert.equal(httpStatus({ code, message: "" }, true), status, code);
  assert.equal(httpStatus({ code: "21000", message: "DELETE requires a WHERE clause" }, true), 400);
  assert.equal(httpStatus({ code: "21000", message: "more than one row returned by a subquery" }, true), 500);
  assert.equal(httpStatus({ code: "22023", message: 'role "ghost" does not exist' }, false), 401);
});

test("a point in time is one that every browser reads", async () => {
  const { supabase, token } = await signUp();
  await openai(token).chat.completions.create({ model: "gpt-5.4-mini", messages: [{ role: "user", content: "Hi" }] });

  const [quota] = await found(supabase.rpc("my_quota"));
  const [request] = await found(supabase.rpc("my_requests", { max_rows: 1 }));
  const [event] = await found(supabase.from("usage").select());
  const ranged = await found(supabase.from("usage").select().lte("occurred_at", event.occurred_at));

  for (const time of [quota.resets_at, request.created_at ?? request.occurred_at, event.occurred_at]) assert.match(time, ISO);
  assert.equal(ranged.length, 1, "and it can be asked with");
});

test("points in time that are none of this century stay what they are", () => {
  assert.equal(isoTimestamp("2026-12-01 12:30:00.5+05:30"), "2026-12-01T12:30:00.5+05:30");
  assert.equal(isoTimestamp("2026-12-01 12:30:00"), "2026-12-01T12:30:00");
  assert.equal(isoTimestamp("0044-03-15 09:00:00+00 BC"), "0044-03-15T09:00:00+00:00 BC");
  assert.equal(isoTimestamp("infinity"), "infinity");
});

test("what is on sale is public, and nothing else is", async () => {
  const visitor = frontEnd();

  const plans = await found(visitor.from("plans").select("plan, name, month_price_minor, currency").order("rank"));
  const packs = await found(visitor.from("top_up_packs").select("pack, price_minor"));

  assert.deepEqual(plans.map(({ plan }) => plan), ["free", "basic", "premium"]);
  assert.equal(plans[1].month_price_minor, 900);
  assert.ok(packs.length > 0);
  const views = ["alerts", "api_keys", "billing_requests", "invoices", "quota", "top_ups", "usage", "usage_daily"];
  for (const view of views) {
    assert.equal((await visitor.from(view).select()).error?.code, "42501", view);
  }
});
