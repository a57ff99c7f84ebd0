// The calls this function makes: two RPCs of schema octroi through the Data API, as the user.

/** The database said no; its message is meant for the caller. */
export class RequestRefused extends Error {
  constructor(readonly status: number, readonly code: string, message: string) {
    super(message);
  }
}

export interface DataApi {
  /** The project's URL, without a path. */
  url: string;
  publishableKey: string;
}

/** What a completion has come to: `state`, and with it `status`, `response` or `error` (docs/sql-api.md). */
export type Completion = Record<string, unknown>;

/** The completion requests of the owner of `token`. Both throw RequestRefused. */
export interface Completions {
  /** Inserts a request for the account that the caller names, if any, and returns its id. */
  request(request: Record<string, unknown>, token: string, account: string | null): Promise<string>;
  /** Reads a completion; undefined when the user has none of that id. A finished answer is handed out once. */
  read(id: string, token: string): Promise<Completion | undefined>;
}

const TIMEOUT_MS = 10_000;

// SQLSTATEs of Octroi's own (docs/errors.md), and the one its RPCs raise for a bad argument, carry a message written
// for callers. Any other may say too much.
const FOR_CALLERS = /^(OC\d{3}|22023)$/;

export function completionsOf(api: DataApi): Completions {
  return {
    request: async (request, token, account) =>
      await call(api, "request_completion", { request }, token, account) as string,
    read: async (id, token) => (await call(api, "completion", { id }, token, null) as Completion[])[0],
  };
}

async function call(
  api: DataApi,
  name: string,
  parameters: unknown,
  token: string,
  account: string | null,
): Promise<unknown> {
  const response = await fetch(`${api.url}/rest/v1/rpc/${name}`, {
    method: "POST",
    headers: {
      "apikey": api.publishableKey,
      "authorization": `Bearer ${token}`,
      "content-profile": "octroi",
      "content-type": "application/json",
      // whose membership the database checks
      ...account === null ? {} : { "x-octroi-account": account },
    },
    body: JSON.stringify(parameters),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const answer = await response.json();
  if (response.ok) return answer;
  if (FOR_CALLERS.test(answer.code)) throw new RequestRefused(400, answer.code, answer.message);
  if (response.status === 401 || response.status === 403) {
    throw new RequestRefused(403, "permission_denied", "This user has no completions here");
  }
  // Goes to a log, and Postgres' messages quote what they are about.
  throw new Error(`${name} answered ${response.status} ${answer.code}`);
}
