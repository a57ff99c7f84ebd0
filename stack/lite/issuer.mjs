// Supabase names itself in every access token it issues (`iss`), and Octroi believes no token from an unnamed issuer.
// Supabase Lite leaves the claim out, so a session on its way to a client gets a token that carries it.
import { decodeJwt, SignJWT } from "jose";

/** Returns a function that adds `issuer` to the access token of a session in a response of Auth. */
export function issuerNamer(issuer, jwtSecret) {
  const secret = new TextEncoder().encode(jwtSecret);

  return async function nameIssuer(response) {
    if (!response.ok || !response.headers.get("content-type")?.includes("application/json")) return response;
    const body = await response.json();
    if (typeof body?.access_token === "string") {
      body.access_token = await new SignJWT({ ...decodeJwt(body.access_token), iss: issuer })
        .setProtectedHeader({ alg: "HS256", typ: "JWT" })
        .sign(secret);
    }
    const headers = new Headers(response.headers);
    headers.delete("content-length");
    return new Response(JSON.stringify(body), { status: response.status, headers });
  };
}
