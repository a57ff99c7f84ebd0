// The one call this function makes: octroi.request_completion through the Data API, as the user.

/** The database said no; its message is meant for the caller. */
export class RequestRefused extends Error {
  constructor(readonly status: number, readonly code: string, message: string) {
    super(message);
  }
}

/** Inserts a completion request for the owner of `token` and returns its id. Throws RequestRefused. */
export type RequestCompletion = (request: Record<string, unknown>, token: string) => Promise<string>;

export interface DataApi {
  /** The project's URL, without a path. */
  url: string;
  publishableKey: string;
}

const TIMEOUT_MS = 10_000;

// SQLSTATEs of Octroi's own (docs/errors.md) carry a message written for callers; any other may say too much.
const OWN_SQLSTATE = /^OC\d{3}$/;

export function completionRequester(api: DataApi): RequestCompletion {
  return async (request, token) => {
    const response = await fetch(`${api.url}/rest/v1/rpc/request_completion`, {
      method: "POST",
      headers: {
        "apikey": api.publishableKey,
        "authorization": `Bearer ${token}`,
        "content-profile": "octroi",
        "content-type": "application/json",
      },
      body: JSON.stringify({ request }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const answer = await response.json();
    if (response.ok) return answer;
    if (OWN_SQLSTATE.test(answer.code)) throw new RequestRefused(400, answer.code, answer.message);
    if (response.status === 401 || response.status === 403) {
      throw new RequestRefused(403, "permission_denied", "This user may not request completions");
    }
    throw new Error(`the Data API answered ${response.status} ${answer.code}: ${answer.message}`);
  };
}
