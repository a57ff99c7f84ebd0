// LangChain: a chat model, its agent loop, and embeddings.
import assert from "node:assert/strict";
import { HumanMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { createAgent } from "langchain";
import { z } from "zod";

import * as suite from "./suite.mjs";

const configuration = { baseURL: suite.BASE_URL };
const model = (options = {}) => new ChatOpenAI({ model: suite.MODEL, apiKey: suite.KEY, configuration, ...options });
const City = z.object({ name: z.string(), people: z.number() });

suite.story("tools", async () => {
  for (const chat of [model(), model({ useResponsesApi: true, zdrEnabled: true })]) {
    const weather = new suite.Weather();
    const getWeather = tool(async (call) => weather.ask(call), {
      name: "get_weather",
      description: "Tells the weather in a city.",
      schema: z.object({ city: z.string() }),
    });
    const { messages } = await createAgent({ model: chat, tools: [getWeather] })
      .invoke({ messages: [new HumanMessage(suite.QUESTION)] });
    weather.assertUsed(messages.at(-1).text);
  }
});

suite.story("stream", async () => {
  const chunks = await suite.collect(await model().stream("Hello."));
  assert.ok(chunks.filter((chunk) => chunk.text).length > 3);
});

suite.story("structured", async () => {
  for (const method of ["jsonSchema", "functionCalling"]) {
    City.parse(await model().withStructuredOutput(City, { name: "city", method }).invoke("Name a city."));
  }
});

suite.story("image", async () => {
  const see = [{ type: "text", text: "What is this?" }, { type: "image_url", image_url: { url: suite.IMAGE } }];
  suite.assertText((await model().invoke([new HumanMessage({ content: see })])).text);
});

suite.story("embeddings", async () => {
  const cutter = new OpenAIEmbeddings({ model: suite.EMBEDDING_MODEL, apiKey: suite.KEY, configuration });
  suite.assertVector((await cutter.embedDocuments(["toll", "gate"]))[1]);
});

suite.story("refusal", async () => {
  await suite.assertRefused(() => model({ apiKey: suite.SMALL_KEY }).invoke("Hello."));
});

await suite.run("@langchain/openai");
