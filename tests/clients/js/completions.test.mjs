// A completion that nobody waits for: by RPC and by edge function; read once, by its owner.
import assert from "node:assert/strict";
import { test } from "node:test";

import { found, lastRequest, signUp, standing } from "./customer.mjs";

const REQUEST = { model: "gpt-5.6-luna", input: "Say it later. [[output_tokens=19]]" };
const MAX_WAIT_MS = 20_000;

/** Asks for the completion until it is no longer pending. */
async function outcome(supabase, id) {
  const deadline = Date.now() + MAX_WAIT_MS;
  while (Date.now() < deadline) {
    const [completion] = await found(supabase.rpc("completion", { id }));
    if (completion.state !== "pending") return completion;
  }
  throw new Error(`completion ${id} is still pending`);
}

test("a requested completion is made, metered and read once", async () => {
  const { supabase } = await signUp();

  const id = await found(supabase.rpc("request_completion", { request: REQUEST }));
  const { state, status, response } = await outcome(supabase, id);

  assert.deepEqual([state, status], ["done", 200]);
  assert.equal(response.usage.output_tokens, 19);
  assert.equal((await lastRequest(supabase)).id, id);
  assert.equal((await standing(supabase)).used, response.usage.total_tokens);
  assert.equal((await found(supabase.rpc("completion", { id })))[0].state, "read");
});

test("chat and embeddings can be asked for as well", async () => {
  const { supabase } = await signUp();

  // Bounded: without a bound it would hold all that is left while it runs, and the other would be refused.
  const chat = await found(
    supabase.rpc("request_completion", {
      request: { model: "gpt-5.4-mini", max_tokens: 50, messages: [{ role: "user", content: "Hello" }] },
    }),
  );
  const embedding = await found(
    supabase.rpc("request_completion", {
      request: { endpoint: "embeddings", model: "text-embedding-3-small", input: "toll" },
    }),
  );

  const outcomes = [await outcome(supabase, chat), await outcome(supabase, embedding)];
  assert.deepEqual(outcomes.map(({ error }) => error), [null, null]);
  assert.deepEqual(outcomes.map(({ response }) => response.object), ["chat.completion", "list"]);
});

test("the edge function is the same door", async () => {
  const { supabase } = await signUp();

  const accepted = await found(supabase.functions.invoke("completions", { body: REQUEST }));

  const { state, response } = await outcome(supabase, accepted.id);
  assert.equal(state, "done");
  assert.equal(response.object, "response");
});

test("a completion past the limit fails with the same error as a call", async () => {
  const { supabase } = await signUp();

  const id = await found(
    supabase.rpc("request_completion", { request: { model: "gpt-5.6-luna", input: "toll ".repeat(10_050) } }),
  );
  const { state, status, error } = await outcome(supabase, id);

  assert.deepEqual([state, status], ["failed", 429]);
  assert.equal((error.error ?? error).code, "quota_exceeded");
  assert.equal((await standing(supabase)).used, 0);
});

test("a request that OpenAI would not take fails and costs nothing", async () => {
  const { supabase } = await signUp();

  const id = await found(supabase.rpc("request_completion", { request: { ...REQUEST, mystery: 1 } }));

  assert.deepEqual(((completion) => [completion.state, completion.status])(await outcome(supabase, id)), ["failed", 400]);
  assert.equal((await standing(supabase)).used, 0);
});

test("what is no request is refused where it is made", async () => {
  const { supabase } = await signUp();

  for (const request of [[], {}, { model: "gpt-5.6-luna", input: "x", stream: true }, { ...REQUEST, endpoint: "images" }]) {
    const { error } = await supabase.rpc("request_completion", { request });
    assert.equal(error.code, "22023", JSON.stringify(request));
  }
  const { error } = await supabase.functions.invoke("completions", { body: [] });
  assert.equal(error.context.status, 400);
});
