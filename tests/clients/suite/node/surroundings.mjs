// What a client of the suite has from Node. browser/surroundings.mjs is the same of a browser.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

export { assert };
export const { env } = process;

/** The version of an installed package. */
export function versionOf(name) {
  return JSON.parse(readFileSync(`${env.SUITE_PACKAGES}/${name}/package.json`, "utf8")).version;
}

export function tell(said) {
  // The client's own output may stand on the line before.
  process.stdout.write(`\n${JSON.stringify(said)}\n`);
}
