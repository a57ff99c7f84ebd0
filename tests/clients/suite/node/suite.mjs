// What every client of the suite is told, and how it tells what came of it: one line of JSON for each case.
import { assert, env, tell, versionOf } from "./surroundings.mjs";

export { assert };
export const BASE_URL = env.SUITE_BASE_URL;
export const KEY = env.SUITE_KEY;
/** A key whose limit no call fits into. */
export const SMALL_KEY = env.SUITE_SMALL_KEY;
export const MODEL = env.SUITE_MODEL;
export const EMBEDDING_MODEL = env.SUITE_EMBEDDING_MODEL;
/** A PNG as a data URL. */
export const IMAGE = env.SUITE_IMAGE;
/** The driver looks for it in what reached the provider, so that a result the client drops is no success. */
export const WEATHER = env.SUITE_TOOL_RESULT;
/** A directory that is gone afterwards; home as well. */
export const SCRATCH = env.SUITE_SCRATCH;

/** The stand-in calls a tool whose name or description it is asked for, and then answers in words. */
export const QUESTION = "What is the weather in Paris?";
/** A refusal at a limit is final: a client that waited to try again would take two minutes, a busy machine takes less. */
const MAX_REFUSAL_SECONDS = 60;

const cases = new Map();

/** Names a case. What it throws is why it failed. */
export function story(name, run) {
  cases.set(name, run);
}

/** The tool of the story. Counts how often it was asked. */
export class Weather {
  cities = [];

  ask({ city }) {
    this.cities.push(city);
    return WEATHER;
  }

  /** The tool was called once, and what came of it was answered in words. */
  assertUsed(answer) {
    assert.equal(this.cities.length, 1, `the tool was called with ${JSON.stringify(this.cities)}`);
    assertText(answer);
  }
}

export function assertText(answer) {
  assert.ok(typeof answer === "string" && answer.trim() !== "", `no text came: ${JSON.stringify(answer)}`);
}

export function assertVector(vector) {
  assert.equal(vector?.length, 1536, "no vector of 1,536 numbers came");
}

/** The items of a stream. */
export async function collect(stream) {
  const items = [];
  for await (const item of stream) items.push(item);
  return items;
}

/** The call fails soon, and what the user sees of it names the limit. */
export async function assertRefused(call) {
  const started = Date.now();
  const error = await call().then(
    () => assert.fail("a call over the limit was answered"),
    (error) => error,
  );
  const seconds = (Date.now() - started) / 1000;
  assert.match(error.message, /limit.*token/s, `the limit is not named in ${error.name}: ${error.message}`);
  assert.ok(seconds < MAX_REFUSAL_SECONDS, `the refusal came after ${seconds} s`);
}

/** The call fails, and what the user sees of it names what was refused and the way out. */
export async function assertRemedy(call, refused, remedy) {
  const error = await call().then(
    () => assert.fail(`${refused} was accepted`),
    (error) => error,
  );
  for (const word of [refused, remedy]) {
    assert.ok(error.message.includes(word), `${word} is not named in ${error.message}`);
  }
}

/** Runs the cases one after the other, whatever becomes of the others. SUITE_CASES names some of them. */
export async function run(name) {
  tell({ client: name, version: versionOf(name) });
  const only = (env.SUITE_CASES ?? "").split(",").filter(Boolean);
  for (const [name, story] of cases) {
    if (only.length > 0 && !only.includes(name)) continue;
    try {
      await story();
      tell({ case: name, ok: true });
    } catch (error) {
      tell({ case: name, ok: false, error: `${error.name}: ${error.message}` });
    }
  }
}
