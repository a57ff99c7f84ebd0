// What a client of the suite has from a browser, in place of node/surroundings.mjs. SUITE and suiteTell are with_browser.mjs's.
export const env = globalThis.SUITE;

/** The version of an installed package. */
export const versionOf = (name) => env.versions[name];

export const tell = (said) => globalThis.suiteTell(said);

function fail(message) {
  throw new Error(message);
}

/** Those of node:assert that the stories need. */
export const assert = {
  fail,
  ok: (value, message = `${value} is not true`) => value || fail(message),
  equal: (value, expected, message = `${value} is not ${expected}`) => value === expected || fail(message),
  match: (text, pattern, message = `${text} is not like ${pattern}`) => pattern.test(text) || fail(message),
};
