// Errors of the Data API. Supabase Lite knows some SQLSTATEs and answers the rest, all that an application raises itself
// among them, with 500 and without their code; PostgREST hands on code, details, hint and message of each.
import { AsyncLocalStorage } from "node:async_hooks";
import { decodeJwt } from "jose";
import { httpStatus } from "./sqlstates.mjs";

const SQLSTATE = /^[0-9A-Z]{5}$/;
/** A function's own answer in full, which Lite knows how to give. */
const WHOLE_ANSWER = "PGRST";

/** What failed in the request that is being answered: `{ error }`. */
const answering = new AsyncLocalStorage();

/** Notes each error of Postgres that Lite is about to put into words. */
export function noteDatabaseErrors(connection) {
  const normalize = connection.normalizeDbError.bind(connection);
  connection.normalizeDbError = (thrown) => {
    const error = normalize(thrown);
    const noted = answering.getStore();
    if (noted && SQLSTATE.test(error?.code ?? "") && error.code !== WHOLE_ANSWER) noted.error = error;
    return error;
  };
}

/** Lite's answer to a request to the Data API; an error of Postgres is told as PostgREST tells it. */
export async function inPostgrestsWords(request, answer) {
  const noted = {};
  const response = await answering.run(noted, answer);
  if (response.ok || !noted.error) return response;
  const { code, detail, hint, message } = noted.error;
  const status = httpStatus(noted.error, isSignedIn(request));
  const headers = new Headers(response.headers);
  headers.delete("content-length");
  headers.set("content-type", "application/json; charset=utf-8");
  if (status === 401) headers.set("www-authenticate", "Bearer");
  const body = request.method === "HEAD"
    ? null
    : JSON.stringify({ code, details: detail ?? null, hint: hint ?? null, message });
  return new Response(body, { status, headers });
}

/** Whether the token, which Lite has verified by now, is somebody's; a publishable key in its place is nobody's. */
function isSignedIn(request) {
  const token = /^Bearer (.+)$/i.exec(request.headers.get("authorization") ?? "")?.[1] ?? "";
  try {
    return (decodeJwt(token).role ?? "anon") !== "anon";
  } catch {
    return false;
  }
}
