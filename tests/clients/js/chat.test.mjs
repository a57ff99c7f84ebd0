// The official client, unchanged, on every endpoint: plain and streamed, metered to the token.
import assert from "node:assert/strict";
import { test } from "node:test";

import { apiKey, found, lastRequest, openai, signUp } from "./customer.mjs";
import { lastServed } from "./provider.mjs";

const QUESTION = { model: "gpt-5.4-mini", messages: [{ role: "user", content: "What is it? [[output_tokens=33]]" }] };
const SAY = { model: "gpt-5.6-luna", input: "Say it short. [[output_tokens=22]]" };

async function start() {
  const user = await signUp();
  return { ...user, client: openai(await apiKey(user.supabase)) };
}

async function collect(stream) {
  const items = [];
  for await (const item of stream) items.push(item);
  return items;
}

async function assertBooked(supabase, endpoint, outputTokens) {
  const [booked, counted] = [await lastRequest(supabase), await lastServed()];
  assert.equal(booked.endpoint, endpoint);
  assert.equal(booked.source, "provider");
  assert.equal(booked.input_tokens, counted.input_tokens);
  assert.equal(booked.output_tokens, counted.output_tokens);
  assert.equal(booked.output_tokens, outputTokens);
}

test("chat", async () => {
  const { supabase, client } = await start();

  const answer = await client.chat.completions.create(QUESTION);

  assert.ok(answer.choices[0].message.content);
  assert.equal(answer.usage.completion_tokens, 33);
  await assertBooked(supabase, "chat.completions", 33);
});

test("chat, streamed: no usage unless asked", async () => {
  const { supabase, client } = await start();

  const chunks = await collect(await client.chat.completions.create({ ...QUESTION, stream: true }));

  assert.ok(chunks.length > 3);
  assert.ok(chunks.every((chunk) => chunk.choices.length === 1 && !chunk.usage));
  assert.equal(chunks.at(-1).choices[0].finish_reason, "stop");
  await assertBooked(supabase, "chat.completions", 33);
});

test("chat, streamed: with usage when asked", async () => {
  const { supabase, client } = await start();

  const chunks = await collect(
    await client.chat.completions.create({ ...QUESTION, stream: true, stream_options: { include_usage: true } }),
  );

  assert.deepEqual(chunks.at(-1).choices, []);
  assert.equal(chunks.at(-1).usage.completion_tokens, 33);
  await assertBooked(supabase, "chat.completions", 33);
});

test("chat, through the client's own streaming helper", async () => {
  const { client } = await start();

  const runner = client.chat.completions.stream(QUESTION);
  const pieces = [];
  runner.on("content", (piece) => pieces.push(piece));

  assert.equal(await runner.finalContent(), pieces.join(""));
});

test("responses", async () => {
  const { supabase, client } = await start();

  const response = await client.responses.create(SAY);

  assert.equal(response.status, "completed");
  assert.ok(response.output_text);
  assert.equal(response.usage.output_tokens, 22);
  await assertBooked(supabase, "responses", 22);
});

test("responses, streamed", async () => {
  const { supabase, client } = await start();

  const events = await collect(await client.responses.create({ ...SAY, stream: true }));

  assert.equal(events[0].type, "response.created");
  assert.ok(events.some((event) => event.type === "response.output_text.delta"));
  assert.equal(events.at(-1).type, "response.completed");
  assert.equal(events.at(-1).response.usage.output_tokens, 22);
  await assertBooked(supabase, "responses", 22);
});

test("embeddings", async () => {
  const { supabase, client } = await start();

  const answer = await client.embeddings.create({ model: "text-embedding-3-small", input: ["toll", "gate"] });

  assert.deepEqual(answer.data.map(({ index, embedding }) => [index, embedding.length]), [[0, 1536], [1, 1536]]);
  await assertBooked(supabase, "embeddings", 0);
});

test("models", async () => {
  const { client } = await start();

  const ids = (await collect(await client.models.list())).map(({ id }) => id);

  assert.ok(ids.includes("gpt-5.4-mini") && ids.includes("text-embedding-3-small"));
  assert.equal((await client.models.retrieve("gpt-5.4-mini")).id, "gpt-5.4-mini");
});

test("an access token in place of the key", async () => {
  const { supabase, token } = await signUp();

  const answer = await openai(token).chat.completions.create(QUESTION);

  assert.equal(answer.usage.completion_tokens, 33);
  await assertBooked(supabase, "chat.completions", 33);
  const [event] = await found(supabase.from("usage").select("api_key_id"));
  assert.equal(event.api_key_id, null);
});
