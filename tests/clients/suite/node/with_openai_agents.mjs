// openai-agents: an agent with a tool, on both of OpenAI's endpoints.
import assert from "node:assert/strict";
import { Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, run, setTracingDisabled, tool } from "@openai/agents";
import OpenAI from "openai";
import { z } from "zod";

import * as suite from "./suite.mjs";

// Traces go to OpenAI itself, with OpenAI's key.
setTracingDisabled(true);
const City = z.object({ name: z.string(), people: z.number() });
const STATELESS = { store: false, providerData: { include: ["reasoning.encrypted_content"] } };

function agents(options = {}, apiKey = suite.KEY) {
  const client = new OpenAI({ baseURL: suite.BASE_URL, apiKey });
  const agent = (model, modelSettings) =>
    new Agent({ name: "Teller", instructions: "Be brief.", model, modelSettings, ...options });
  return [
    agent(new OpenAIResponsesModel(client, suite.MODEL), STATELESS),
    agent(new OpenAIChatCompletionsModel(client, suite.MODEL), {}),
  ];
}

suite.story("tools", async () => {
  let weather;
  const getWeather = tool({
    name: "get_weather",
    description: "Tells the weather in a city.",
    parameters: z.object({ city: z.string() }),
    execute: async (call) => weather.ask(call),
  });
  for (const agent of agents({ tools: [getWeather] })) {
    weather = new suite.Weather();
    weather.assertUsed((await run(agent, suite.QUESTION)).finalOutput);
  }
});

suite.story("stream", async () => {
  for (const agent of agents()) {
    const told = await run(agent, "Hello.", { stream: true });
    assert.ok((await suite.collect(told.toTextStream())).length > 3);
    suite.assertText(told.finalOutput);
  }
});

suite.story("structured", async () => {
  for (const agent of agents({ outputType: City })) City.parse((await run(agent, "Name a city.")).finalOutput);
});

suite.story("image", async () => {
  const see = [{ type: "input_text", text: "What is this?" }, { type: "input_image", image: suite.IMAGE }];
  for (const agent of agents()) suite.assertText((await run(agent, [{ role: "user", content: see }])).finalOutput);
});

suite.story("refusal", async () => {
  for (const agent of agents({}, suite.SMALL_KEY)) await suite.assertRefused(() => run(agent, "Hello."));
});

await suite.run("@openai/agents");
