// The provider's own books, kept by the stand-in.
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
