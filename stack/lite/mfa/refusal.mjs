// Refusals in Auth's words: `{ code, error_code, msg }`, which supabase-js makes an AuthApiError of.
import { HTTPException } from "hono/http-exception";

/** Thrown by a route, answered by Hono. */
export function refusal(status, errorCode, msg) {
  const headers = { "x-sb-error-code": errorCode };
  return new HTTPException(status, {
    res: Response.json({ code: status, error_code: errorCode, msg }, { status, headers }),
  });
}
