// The one call this function makes: octroi.receive_stripe_event through the Data API, with the project's secret key.
//
// The key's role, service_role, may execute that one function of schema octroi and read nothing there. A Postgres
// connection would need a role that can log in, in every isolate, and more rights than one insert.
import type { ReceivedEvent } from "./event.ts";

/** The database found the event malformed. */
export class EventRefused extends Error {}

/** Stores an event durably; returns once it is committed. Throws EventRefused. */
export type Receive = (event: ReceivedEvent) => Promise<void>;

export interface DataApi {
  /** The project's URL, without a path. */
  url: string;
  /** `sb_secret_…`, or the service_role token of a project that still has one. */
  secretKey: string;
}

// Stripe gives up after a while, and tries again later.
const TIMEOUT_MS = 5_000;
/** SQLSTATE of a bad argument: trying again would not help. */
const BAD_ARGUMENT = "22023";

export function inboxOf(api: DataApi): Receive {
  // A secret key is no token, and the gateway would refuse it as one.
  const authorization = api.secretKey.startsWith("sb_secret_")
    ? {}
    : { authorization: `Bearer ${api.secretKey}` };
  return async (event) => {
    const response = await fetch(`${api.url}/rest/v1/rpc/receive_stripe_event`, {
      method: "POST",
      headers: {
        "apikey": api.secretKey,
        ...authorization,
        "content-profile": "octroi",
        "content-type": "application/json",
      },
      body: JSON.stringify({ event }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (response.ok) {
      await response.body?.cancel();
      return;
    }
    const { code, message } = await response.json().catch(() => ({}));
    if (code === BAD_ARGUMENT) throw new EventRefused(message);
    throw new Error(`receive_stripe_event answered ${response.status} ${code}: ${message}`);
  };
}
