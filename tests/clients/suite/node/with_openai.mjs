// openai-node, on both of OpenAI's endpoints. It runs in Node, and in a browser by with_browser.mjs.
import OpenAI from "openai";
import { zodFunction, zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";

import * as suite from "./suite.mjs";

// The SDK's warning is about keys; in a browser it is the user's own token.
const openai = (apiKey) => new OpenAI({ baseURL: suite.BASE_URL, apiKey, dangerouslyAllowBrowser: true });
const client = openai(suite.KEY);
const { assert, MODEL: model } = suite;
const City = z.object({ name: z.string(), people: z.number().int() });
const user = (content) => [{ role: "user", content }];

suite.story("tools", async () => {
  const weather = new suite.Weather();
  const runner = client.chat.completions.runTools({
    model,
    messages: user(suite.QUESTION),
    tools: [zodFunction({
      name: "get_weather",
      description: "Tells the weather in a city.",
      parameters: z.object({ city: z.string() }),
      function: (call) => weather.ask(call),
    })],
  });
  weather.assertUsed(await runner.finalContent());
});

suite.story("responses", async () => {
  const weather = new suite.Weather();
  const context = user(suite.QUESTION);
  const parameters = {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
    additionalProperties: false,
  };
  const ask = () =>
    client.responses.create({
      model,
      input: context,
      tools: [{ type: "function", name: "get_weather", parameters, strict: true }],
      store: false,
      include: ["reasoning.encrypted_content"],
    });
  const asked = await ask();
  const call = asked.output.find((item) => item.type === "function_call");
  assert.ok(asked.output[0].encrypted_content, "the reasoning cannot be carried on");
  const output = weather.ask(JSON.parse(call.arguments));
  context.push(...asked.output, { type: "function_call_output", call_id: call.call_id, output });
  weather.assertUsed((await ask()).output_text);
});

suite.story("stream", async () => {
  const runner = client.chat.completions.stream({
    model,
    messages: user("Hello."),
    stream_options: { include_usage: true },
  });
  const pieces = [];
  runner.on("content", (piece) => pieces.push(piece));
  assert.equal(await runner.finalContent(), pieces.join(""));
  assert.ok(pieces.length > 3 && (await runner.totalUsage()).total_tokens > 0);
  const events = await suite.collect(await client.responses.create({ model, input: "Hello.", stream: true }));
  assert.equal(events.at(-1).type, "response.completed");
});

suite.story("structured", async () => {
  const chat = { model, messages: user("Name a city."), response_format: zodResponseFormat(City, "city") };
  City.parse((await client.chat.completions.parse(chat)).choices[0].message.parsed);
  const ask = { model, input: "Name a city.", text: { format: zodTextFormat(City, "city") } };
  City.parse((await client.responses.parse(ask)).output_parsed);
});

suite.story("image", async () => {
  const see = [{ type: "text", text: "What is this?" }, { type: "image_url", image_url: { url: suite.IMAGE } }];
  const answer = await client.chat.completions.create({ model, messages: user(see) });
  suite.assertText(answer.choices[0].message.content);
});

suite.story("embeddings", async () => {
  const answer = await client.embeddings.create({ model: suite.EMBEDDING_MODEL, input: ["toll", "gate"] });
  suite.assertVector(answer.data[1].embedding);
});

suite.story("refusal", async () => {
  await suite.assertRefused(() => openai(suite.SMALL_KEY).chat.completions.create({ model, messages: user("Hello.") }));
});

await suite.run("openai");
