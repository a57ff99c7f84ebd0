// At the limit, and other refusals, as the official client tells them.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import OpenAI from "openai";

import { apiKey, found, openai, signUp, standing } from "./customer.mjs";
import { served } from "./provider.mjs";

const SHORT = { model: "gpt-5.4-mini", messages: [{ role: "user", content: "Hello. [[output_tokens=16]]" }] };
// The client's first pause before a retry is half a second at least.
const AT_ONCE_MS = 500;

/** Calls until the limit refuses; resolves to the refusal, with how long it took and how often the client tried. */
async function refusalOf(secret) {
  for (let calls = 0; calls < 100; calls++) {
    const attempts = [];
    const requestsBefore = await served();
    const startedAt = performance.now();
    try {
      await openai(secret, attempts).chat.completions.create(SHORT);
    } catch (error) {
      const elapsedMs = performance.now() - startedAt;
      return { error, elapsedMs, attempts: attempts.length, sentUpstream: (await served()) - requestsBefore };
    }
  }
  throw new Error("a hundred calls never met the limit");
}

test("the limit is a RateLimitError, at once, without a retry, and without a call upstream", async () => {
  const { supabase } = await signUp();

  const { error, elapsedMs, attempts, sentUpstream } = await refusalOf(
    await apiKey(supabase, [{ meter: "tokens", period: "month", amount: 100 }]),
  );

  assert.ok(error instanceof OpenAI.RateLimitError);
  assert.equal(error.status, 429);
  assert.equal(error.type, "insufficient_quota");
  assert.equal(error.code, "key_budget_reached");
  assert.equal(attempts, 1);
  assert.equal(sentUpstream, 0);
  assert.ok(elapsedMs < AT_ONCE_MS, `${elapsedMs} ms`);
});

test("the refusal tells what is used, when it resets and where to get more", async () => {
  const { supabase } = await signUp();

  const { error } = await refusalOf(await apiKey(supabase, [{ meter: "tokens", period: "month", amount: 100 }]));

  const limit = await standing(supabase, "api_key");
  const { quota, message } = error.error;
  assert.equal(quota.limit, 100);
  assert.equal(quota.used, limit.used);
  assert.equal(quota.remaining, limit.remaining);
  assert.equal(quota.unit, "tokens");
  assert.equal(Date.parse(quota.period_end), Math.floor(Date.parse(limit.resets_at) / 1000) * 1000);
  assert.equal(quota.upgrade_url, null, "no larger plan raises a key's own limit");
  assert.match(message, /An admin of the account can raise it, and whoever made the key can make one with a higher limit\./);
  assert.ok(quota.needed > quota.remaining);
  assert.equal(error.headers.get("x-should-retry"), "false");
  assert.equal(error.headers.get("retry-after"), null, "no client is to sleep until then");
  assert.equal(error.headers.get("x-quota-reset"), quota.period_end);
});

test("a revoked key is an AuthenticationError from the next call on", async () => {
  const { supabase } = await signUp();
  const [key] = await found(supabase.rpc("create_api_key", { name: "short-lived" }));
  const client = openai(key.secret);
  await client.chat.completions.create(SHORT);

  assert.equal(await found(supabase.rpc("revoke_api_key", { id: key.id })), true);

  await assert.rejects(client.chat.completions.create(SHORT), OpenAI.AuthenticationError);
});

test("each refusal is the client's own class", async () => {
  const { supabase } = await signUp();
  const client = openai(await apiKey(supabase));

  await assert.rejects(openai("sk-oct-nobody").chat.completions.create(SHORT), OpenAI.AuthenticationError);
  await assert.rejects(client.chat.completions.create({ ...SHORT, mystery: 1 }), (error) => {
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.equal(error.param, "mystery");
    return true;
  });
  await assert.rejects(client.chat.completions.create({ ...SHORT, model: "gpt-99" }), OpenAI.NotFoundError);
  await assert.rejects(client.models.retrieve("gpt-99"), OpenAI.NotFoundError);
});

test("an Idempotency-Key replays the first answer, and conflicts with another body", async () => {
  const { supabase } = await signUp();
  const attempts = [];
  const client = openai(await apiKey(supabase), attempts);
  const promise = { headers: { "Idempotency-Key": randomUUID() } };
  const first = await client.chat.completions.create(SHORT, promise);
  const [before, used] = [await served(), (await standing(supabase)).used];

  const again = await client.chat.completions.create(SHORT, promise).withResponse();

  assert.deepEqual(again.data.choices, first.choices);
  assert.equal(again.response.headers.get("idempotent-replayed"), "true");
  assert.equal(await served(), before);
  assert.equal((await standing(supabase)).used, used);
  attempts.length = 0;
  await assert.rejects(
    client.chat.completions.create({ ...SHORT, model: "gpt-5.4" }, promise),
    OpenAI.ConflictError,
  );
  assert.equal(attempts.length, 1);
});
