// A call that only another call holds back: the official client waits by itself, and its user gets an answer.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { apiKey, found, openai, signUp, standing } from "./customer.mjs";
import { withFreePlan } from "./operator.mjs";
import { heldUp, release, served, stall } from "./provider.mjs";

const ask = (text, max_tokens) => ({ model: "gpt-5.4-mini", max_tokens, messages: [{ role: "user", content: text }] });

test("a call that finds no room is tried again by the client, and answered once there is room", async () => {
  const { supabase } = await withFreePlan("hold_wait_seconds = 0", signUp);
  const secret = await apiKey(supabase);
  const marked = randomUUID();
  const before = await served();
  await stall(marked);
  const first = openai(secret).chat.completions.create(ask(`${marked} [[output_tokens=20]]`, 9_800));
  await heldUp(1);
  const { reserved } = await standing(supabase);
  assert.ok(reserved > 9_800, "one call holds nearly all of the plan");

  const answers = [];
  const impatient = openai(secret, [], async (response) => {
    answers.push({ status: response.status, code: (await response.clone().json()).error?.code });
    if (answers.length === 1) await release();
  });
  const second = await impatient.chat.completions.create(ask("Hello. [[output_tokens=30]]", 1_000));

  const refusals = answers.slice(0, -1);
  assert.ok(refusals.length > 0 && refusals.every(({ status, code }) => status === 429 && code === "quota_held"), refusals);
  assert.equal(second.usage.completion_tokens, 30);
  assert.equal((await first).usage.completion_tokens, 20);
  assert.equal(await served(), before + 2, "what was refused never reached the provider");
  const calls = await found(supabase.rpc("my_requests"));
  assert.deepEqual(calls.map(({ state, output_tokens }) => [state, output_tokens]), [["settled", 30], ["settled", 20]]);
});
