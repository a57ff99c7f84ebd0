// The Codex CLI, told of the gateway by a `model_providers` entry, with everything it sends by default but web search:
// no limit bounds what a tool costs that the provider runs.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";

import * as suite from "./suite.mjs";

const CODEX = `${process.env.SUITE_PACKAGES}/@openai/codex/bin/codex.js`;
const MAX_RUN_MS = 90_000;
/** It has ways of its own for older models: each tool for itself, and beside the conversation. */
const OLDER_MODEL = "gpt-5.4-mini";
const settings = (model) => `
model = "${model}"
model_provider = "octroi"
web_search = "disabled"

[model_providers.octroi]
name = "Octroi"
base_url = "${suite.BASE_URL}"
env_key = "OCTROI_KEY"
wire_api = "responses"
`;

async function codex(prompt, { key = suite.KEY, model = suite.MODEL, options = [] } = {}) {
  const home = `${suite.SCRATCH}/codex`;
  await mkdir(home, { recursive: true });
  await writeFile(`${home}/config.toml`, settings(model));
  const ran = spawn(
    process.execPath,
    [CODEX, "exec", "--json", "--skip-git-repo-check", "--sandbox", "read-only", ...options, prompt],
    { cwd: home, env: { ...process.env, CODEX_HOME: home, OCTROI_KEY: key }, stdio: ["ignore", "pipe", "pipe"] },
  );
  const timer = setTimeout(() => ran.kill("SIGKILL"), MAX_RUN_MS);
  const [lines, complaints] = await Promise.all([suite.collect(ran.stdout), suite.collect(ran.stderr)]);
  clearTimeout(timer);
  const events = Buffer.concat(lines).toString().split("\n").filter((line) => line.startsWith("{")).map(JSON.parse);
  const failed = events.filter(({ type }) => type === "turn.failed" || type === "error");
  if (!events.some(({ type }) => type === "turn.completed")) {
    const told = failed.map((event) => event.message ?? event.error?.message).join("; ");
    throw new Error(told || Buffer.concat(complaints).toString());
  }
  return events.filter(({ type }) => type === "item.completed").map(({ item }) => item);
}

const message = (items) => items.findLast(({ type }) => type === "agent_message")?.text;

suite.story("tools", async () => {
  const command = JSON.stringify({ cmd: `echo '${suite.WEATHER}'` });
  const script = `const { output } = await tools.exec_command(${command}); text(output);`;
  const calls = { [suite.MODEL]: `exec ${JSON.stringify(script)}`, [OLDER_MODEL]: `exec_command ${command}` };
  for (const [model, call] of Object.entries(calls)) {
    const items = await codex(`Run it. [[call=${call}]]`, { model });
    assert.ok(items.some(({ type }) => type === "command_execution"), `no command ran: ${JSON.stringify(items)}`);
    suite.assertText(message(items));
  }
});

suite.story("stream", async () => {
  suite.assertText(message(await codex("Say hello.")));
});

suite.story("structured", async () => {
  const schema = `${suite.SCRATCH}/city.json`;
  const properties = { name: { type: "string" }, people: { type: "integer" } };
  await writeFile(
    schema,
    JSON.stringify({ type: "object", properties, required: ["name", "people"], additionalProperties: false }),
  );
  const items = await codex("Name a city.", { options: ["--output-schema", schema] });
  assert.deepEqual(Object.keys(JSON.parse(message(items))), ["name", "people"]);
});

suite.story("image", async () => {
  const file = `${suite.SCRATCH}/image.png`;
  await writeFile(file, Buffer.from(suite.IMAGE.split(",")[1], "base64"));
  suite.assertText(message(await codex("What is this?", { options: ["--image", file, "--"] })));
});

suite.story("refusal", async () => {
  await suite.assertRefused(() => codex("Say hello.", { key: suite.SMALL_KEY }));
});

await suite.run("@openai/codex");
