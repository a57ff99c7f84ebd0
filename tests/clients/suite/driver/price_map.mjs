// Our prices against the cost map that LiteLLM brings along: what the provider asks, as others know it.
import { readdir } from "node:fs/promises";

import { octroi } from "../../js/operator.mjs";

const PRICES = new URL("../../../../prices.toml", import.meta.url).pathname;

/** What `octroi prices check` says of LiteLLM's map in an environment, but for its count: nothing where all is the same. */
export async function priceDifferences(directory) {
  const [python] = await readdir(`${directory}/lib`);
  const map = `${directory}/lib/${python}/site-packages/litellm/model_prices_and_context_window_backup.json`;
  const { status, said } = await octroi("prices", "check", "--map", map, "--file", PRICES);
  const lines = said.trim().split("\n");
  if (!/^models compared: [1-9]\d+, differences: \d+$/.test(lines.at(-1))) return [said];
  return status === 0 ? [] : lines.slice(0, -1);
}
