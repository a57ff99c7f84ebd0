// What Auth's answers say and Supabase Lite's leave out. Of a session: who issued its token (`iss`; Octroi believes no
// token from an unnamed issuer), and how its user has proved who they are (`aal`, `amr`). Of a user: their factors.
import { decodeJwt, SignJWT } from "jose";
import { factorsOf, methodsOf, noteMethod } from "./rows.mjs";

/** With which method a session begins that is opened here; a refresh begins none. */
function methodOf(url) {
  if (url.pathname === "/auth/v1/signup") return "password";
  if (url.pathname === "/auth/v1/verify") return "otp";
  if (url.pathname !== "/auth/v1/token") return null;
  return { password: "password", pkce: "oauth" }[url.searchParams.get("grant_type")] ?? null;
}

/** Returns a function that completes an answer of Auth to `request`. */
export function sessionCompleter({ issuer, jwtSecret, sql }) {
  const secret = new TextEncoder().encode(jwtSecret);

  async function completeToken(token, method) {
    const claims = decodeJwt(token);
    if (method) await noteMethod(sql, claims.session_id, method);
    const { aal, amr } = await methodsOf(sql, claims.session_id);
    return new SignJWT({ ...claims, iss: issuer, aal, amr }).setProtectedHeader({ alg: "HS256", typ: "JWT" }).sign(secret);
  }

  return async function completeAnswer(request, response) {
    if (!response.ok || !response.headers.get("content-type")?.includes("application/json")) return response;
    const body = await response.json();
    if (typeof body?.access_token === "string") {
      body.access_token = await completeToken(body.access_token, methodOf(new URL(request.url)));
    }
    const user = body?.user ?? body;
    if (typeof user?.id === "string" && typeof user.aud === "string") {
      const factors = await factorsOf(sql, user.id);
      if (factors.length > 0) user.factors = factors;
    }
    const headers = new Headers(response.headers);
    headers.delete("content-length");
    return new Response(JSON.stringify(body), { status: response.status, headers });
  };
}
