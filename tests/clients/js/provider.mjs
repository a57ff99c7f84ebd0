// The provider's own books, kept by the stand-in, and what it is told to do.
const { OCTROI_SIM_URL } = process.env;

async function ledger() {
  const response = await fetch(`${OCTROI_SIM_URL}/sim/ledger`);
  return response.json();
}

/** How many requests the provider has had. */
export async function served() {
  return (await ledger()).totals.requests;
}

/** What the provider counted for its latest request. */
export async function lastServed() {
  return (await ledger()).entries.at(-1);
}

async function control(path, init) {
  const response = await fetch(`${OCTROI_SIM_URL}/sim/${path}`, init);
  if (!response.ok) throw new Error(`the stand-in answers ${response.status} to ${path}: ${await response.text()}`);
  return response;
}

/** The next request that has `text` in it gets no answer until `release`. */
export async function stall(text) {
  const fault = { match: { body_contains: text }, kind: { stall_before_headers: {} } };
  await control("faults", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(fault) });
}

/** Resolves once so many answers are stalled. */
export async function heldUp(answers) {
  await control(`state?held=${answers}&timeout_ms=10000`);
}

/** Lets all stalled answers go. */
export async function release() {
  await control("release", { method: "POST" });
}
