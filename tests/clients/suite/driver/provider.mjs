// The provider's side: what reached the stand-in, and what it charges.
const { OCTROI_SIM_URL } = process.env;

async function read(path) {
  const response = await fetch(`${OCTROI_SIM_URL}/sim/${path}`);
  if (!response.ok) throw new Error(`the stand-in answers ${response.status} to ${path}`);
  return response.json();
}

/** Whether a request that holds `text` reached the provider; it remembers the last 1,000. */
export async function received(text) {
  return (await read("requests")).some(({ body }) => body.includes(text));
}

/** The provider's books: one entry for each request it had, numbered. */
export async function entries() {
  return (await read("ledger")).entries;
}
