// Our books against the provider's own, call by call.
import { column } from "../../js/psql.mjs";
import { entries } from "./provider.mjs";

const POOLS = [
  "input_tokens",
  "cached_input_tokens",
  "cache_write_tokens",
  "audio_input_tokens",
  "output_tokens",
  "reasoning_tokens",
  "audio_output_tokens",
];
/** A stream is settled after its last byte; nothing takes longer to be. */
const MAX_SETTLE_MS = 10_000;

/** Compares an account's books: `{ calls, tokens, differences }`. */
export async function books(accountId) {
  const calls = await settledCalls(accountId);
  const charged = chargedByRequest(await entries());
  const differences = calls.flatMap(({ id, state, event }) => {
    const [ours, theirs] = [event ?? nothing(), charged.get(id) ?? nothing()];
    const pools = POOLS.filter((pool) => ours[pool] !== theirs[pool]);
    const told = pools.map((pool) => `call ${id}, ${pool}: ${ours[pool]} is booked, ${theirs[pool]} is charged`);
    return state === "open" ? [`call ${id} is still open`, ...told] : told;
  });
  const events = calls.map(({ event }) => event).filter(Boolean);
  const tokens = events.reduce((sum, event) => sum + event.input_tokens + event.output_tokens, 0);
  return { calls: events.length, tokens, differences };
}

/** How many requests the provider has had so far. */
export async function requestsSoFar() {
  return (await entries()).at(-1)?.number ?? 0;
}

/** Charges of the provider, beyond its first `before` requests, that belong to no call of ours. */
export async function unexplained(before) {
  const known = new Set(await column("select id from octroi_private.request"));
  const charged = [...chargedByRequest((await entries()).filter(({ number }) => number > before))];
  return charged.filter(([id, pools]) => pools.input_tokens > 0 && !known.has(id)).map(([id]) => id);
}

/** What contradicts itself in the database. */
export function violations() {
  return column("select violated || ': ' || subject || ' ' || detail from octroi_private.integrity");
}

/** The account's calls, once none is under way. */
async function settledCalls(accountId) {
  const deadline = Date.now() + MAX_SETTLE_MS;
  for (;;) {
    const rows = await column(`
      select jsonb_build_object('id', r.id, 'state', r.state, 'event', to_jsonb(e))
      from octroi_private.request as r left join octroi_private.usage_event as e using (id)
      where r.account_id = '${accountId}'
    `);
    const calls = rows.map((row) => JSON.parse(row));
    if (calls.every(({ state }) => state !== "open") || Date.now() > deadline) return calls;
  }
}

/** Each request's charges; a request that was tried twice has two entries. */
function chargedByRequest(ledger) {
  const charged = new Map();
  for (const entry of ledger) {
    const sum = charged.get(entry.client_request_id) ?? nothing();
    for (const pool of POOLS) sum[pool] += entry[pool];
    charged.set(entry.client_request_id, sum);
  }
  return charged;
}

function nothing() {
  return Object.fromEntries(POOLS.map((pool) => [pool, 0]));
}
