// Vercel's AI SDK with its OpenAI provider, of the major version given: with_ai_sdk.mjs MAJOR.
// `openai(…)` is the Responses API, which nothing is stored at here; `openai.chat(…)` is chat.
import assert from "node:assert/strict";
import { z } from "zod";

import * as suite from "./suite.mjs";

const [major] = process.argv.slice(2);
const { embedMany, generateObject, generateText, stepCountIs, isStepCount, streamText, tool } = await import(
  `ai-${major}`
);
const { createOpenAI } = await import(`@ai-sdk/openai-${major}`);

const openai = createOpenAI({ baseURL: suite.BASE_URL, apiKey: suite.KEY });
const STATELESS = { providerOptions: { openai: { store: false } } };
const kinds = (provider = openai) => [
  { model: provider.chat(suite.MODEL) },
  { model: provider(suite.MODEL), ...STATELESS },
];
const City = z.object({ name: z.string(), people: z.number() });
const steps = (isStepCount ?? stepCountIs)(4);

function weatherTool(weather) {
  return {
    get_weather: tool({
      description: "Tells the weather in a city.",
      inputSchema: z.object({ city: z.string() }),
      execute: async (call) => weather.ask(call),
    }),
  };
}

suite.story("tools", async () => {
  for (const kind of kinds()) {
    const weather = new suite.Weather();
    const first = await generateText({
      ...kind,
      prompt: suite.QUESTION,
      tools: weatherTool(weather),
      stopWhen: steps,
    });
    weather.assertUsed(first.text);
    const messages = [
      { role: "user", content: suite.QUESTION },
      ...first.response.messages,
      { role: "user", content: "Thank you." },
    ];
    suite.assertText((await generateText({ ...kind, messages })).text);
  }
});

suite.story("stream", async () => {
  for (const kind of kinds()) {
    const stream = streamText({ ...kind, prompt: "Hello." });
    assert.ok((await suite.collect(stream.textStream)).length > 3);
    assert.ok((await stream.usage).totalTokens > 0);
  }
});

suite.story("structured", async () => {
  for (const kind of kinds()) {
    City.parse((await generateObject({ ...kind, schema: City, prompt: "Name a city." })).object);
  }
});

suite.story("image", async () => {
  const see = [{ type: "text", text: "What is this?" }, { type: "image", image: suite.IMAGE }];
  for (const kind of kinds()) {
    suite.assertText((await generateText({ ...kind, messages: [{ role: "user", content: see }] })).text);
  }
});

suite.story("embeddings", async () => {
  const model = openai.textEmbeddingModel?.(suite.EMBEDDING_MODEL) ?? openai.embeddingModel(suite.EMBEDDING_MODEL);
  suite.assertVector((await embedMany({ model, values: ["toll", "gate"] })).embeddings[1]);
});

suite.story("state", async () => {
  const weather = new suite.Weather();
  const stored = { model: openai(suite.MODEL), prompt: suite.QUESTION, stopWhen: steps };
  await suite.assertRemedy(
    async () => {
      const first = await generateText({ ...stored, tools: weatherTool(weather) });
      const messages = [
        { role: "user", content: suite.QUESTION },
        ...first.response.messages,
        { role: "user", content: "Thank you." },
      ];
      await generateText({ model: stored.model, messages });
    },
    "item_reference",
    "store",
  );
});

suite.story("refusal", async () => {
  const small = createOpenAI({ baseURL: suite.BASE_URL, apiKey: suite.SMALL_KEY });
  for (const kind of kinds(small)) await suite.assertRefused(() => generateText({ ...kind, prompt: "Hello." }));
});

await suite.run(`ai-${major}`);
