// Runs clients against a running stack and compares the books, and prices with the cost map that LiteLLM brings where that is
// among them: main.mjs all | quick | CLIENT... SUITE_CASES=tools,stream runs some cases only.
import { requestsSoFar, unexplained, violations } from "./books.mjs";
import { choose } from "./clients.mjs";
import { install } from "./environment.mjs";
import { priceDifferences } from "./price_map.mjs";
import { runClient } from "./run_client.mjs";
import { show } from "./table.mjs";

/** Clients at a time. */
const CONCURRENCY = 2;

const clients = choose(process.argv.slice(2));
const directories = new Map();
for (const { environment } of clients) {
  if (!directories.has(environment)) directories.set(environment, await install(environment));
}

const before = await requestsSoFar();
const results = [];
const waiting = clients.map((client, at) => ({ client, at }));
async function work() {
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const { client, at } = next;
    const started = Date.now();
    results[at] = await runClient(client, directories.get(client.environment));
    console.error(`${client.name}: ${Math.round((Date.now() - started) / 1000)} s`);
  }
}
await Promise.all(Array.from({ length: CONCURRENCY }, work));

let passed = show(results);
for (const id of await unexplained(before)) {
  console.log(`\nthe provider charges request ${id}, which is none of ours`);
  passed = false;
}
for (const violation of await violations()) {
  console.log(`\nintegrity: ${violation}`);
  passed = false;
}
const litellm = clients.find(({ name }) => name === "litellm");
for (const difference of litellm ? await priceDifferences(directories.get(litellm.environment)) : []) {
  console.log(`\nprices.toml and LiteLLM's cost map: ${difference}`);
  passed = false;
}
process.exitCode = passed ? 0 : 1;
