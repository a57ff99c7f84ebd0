// From nothing to a metered call, as a front end does it with supabase-js, and what the user then sees.
import assert from "node:assert/strict";
import { test } from "node:test";

import { apiKey, found, frontEnd, openai, signUp, standing } from "./customer.mjs";

const QUESTION = { model: "gpt-5.4-mini", messages: [{ role: "user", content: "Hi [[output_tokens=25]]" }] };

test("signing up gives a personal account on the free plan", async () => {
  const { supabase } = await signUp();

  const quota = await found(supabase.rpc("my_quota"));

  assert.deepEqual(
    quota.map(({ scope, meter, period, granted, used, reserved, remaining, plan }) =>
      [scope, meter, period, granted, used, reserved, remaining, plan].join(" ")
    ),
    ["account requests day 200 0 0 200 free", "account tokens month 10000 0 0 10000 free"],
  );
  assert.ok(quota.every(({ resets_at }) => new Date(resets_at) > new Date()));
  assert.deepEqual(await found(supabase.rpc("my_requests")), []);
  assert.deepEqual(await found(supabase.rpc("my_usage")), []);
});

test("a key is shown once, works at once, and its hash is nowhere to be seen", async () => {
  const { supabase, userId } = await signUp();

  const [key] = await found(supabase.rpc("create_api_key", { name: "server" }));
  await openai(key.secret).chat.completions.create(QUESTION);

  const [listed] = await found(supabase.from("api_keys").select());
  assert.equal(listed.id, key.id);
  assert.equal(listed.user_id, userId);
  assert.ok(key.secret.startsWith(listed.key_prefix));
  assert.ok(!JSON.stringify(listed).includes(key.secret));
  assert.ok(!("key_hash" in listed));
  const { error } = await supabase.schema("octroi_private").from("api_key").select("key_hash");
  assert.ok(error, "tables are not exposed");
});

test("what was used is visible in every form, and agrees", async () => {
  const { supabase, userId } = await signUp();
  const answer = await openai(await apiKey(supabase)).chat.completions.create(QUESTION);
  const { prompt_tokens, completion_tokens, total_tokens } = answer.usage;

  const [request] = await found(supabase.rpc("my_requests"));
  const [event] = await found(supabase.from("usage").select());
  const [day] = await found(supabase.rpc("my_usage"));
  const [rollup] = await found(supabase.from("usage_daily").select());
  const limits = await found(supabase.from("quota").select().eq("meter", "tokens"));

  assert.equal(completion_tokens, 25);
  for (const row of [request, event, day, rollup]) {
    assert.equal(row.model, "gpt-5.4-mini");
    assert.equal(row.input_tokens, prompt_tokens);
    assert.equal(row.output_tokens, 25);
    assert.equal(row.total_tokens, total_tokens);
    // $0.15 and $0.60 a million tokens
    assert.equal(row.cost_nano_usd, prompt_tokens * 750 + 25 * 4500);
  }
  assert.equal(request.id, event.id);
  assert.equal(event.user_id, userId);
  assert.ok(request.latency_ms >= 0);
  assert.equal(day.requests, 1);
  assert.equal(limits[0].used, total_tokens);
  assert.equal((await standing(supabase)).remaining, 10000 - total_tokens);
});

test("another user sees none of it", async () => {
  const { supabase } = await signUp();
  const [key] = await found(supabase.rpc("create_api_key", { name: "server" }));
  await openai(key.secret).chat.completions.create(QUESTION);
  const completionId = await found(supabase.rpc("request_completion", { request: QUESTION }));

  const stranger = (await signUp()).supabase;

  for (const view of ["usage", "usage_daily", "api_keys"]) {
    assert.deepEqual(await found(stranger.from(view).select()), [], view);
  }
  assert.deepEqual(await found(stranger.rpc("my_requests")), []);
  assert.equal((await standing(stranger)).used, 0);
  assert.equal(await found(stranger.rpc("revoke_api_key", { id: key.id })), false);
  assert.deepEqual(await found(stranger.rpc("completion", { id: completionId })), []);
  await openai(key.secret).models.list();
});

test("who has not signed in gets nothing", async () => {
  const nobody = frontEnd();

  for (const call of [nobody.rpc("my_quota"), nobody.from("usage").select(), nobody.rpc("create_api_key", { name: "x" })]) {
    const { data, error } = await call;
    assert.equal(data, null);
    assert.equal(error.code, "42501");
  }
});

test("nobody writes past the RPCs", async () => {
  const { supabase } = await signUp();

  const writes = [
    supabase.from("usage").insert({ model: "x" }),
    supabase.from("usage").delete().neq("model", ""),
    supabase.from("api_keys").update({ name: "x" }).neq("name", ""),
    supabase.from("quota").update({ granted: 1 }).neq("scope", ""),
  ];

  for (const write of writes) assert.ok((await write).error);
});

test("check_quota forecasts what a call will be told", async () => {
  const { supabase } = await signUp();

  const [fits] = await found(supabase.rpc("check_quota", { model: "gpt-5.4-mini", tokens: 10000 }));
  const [exceeds] = await found(supabase.rpc("check_quota", { model: "gpt-5.4-mini", tokens: 10001 }));

  assert.deepEqual([fits.allowed, fits.remaining], [true, 10000]);
  assert.deepEqual([exceeds.allowed, exceeds.reason, exceeds.scope], [false, "quota_exceeded", "account"]);
  assert.ok(exceeds.retry_after_seconds > 0);
  assert.equal(await found(supabase.rpc("count_tokens", { model: "gpt-5.4-mini", text: "Hello, world!" })), 4);
});
