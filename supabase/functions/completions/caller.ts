// Who calls: a user of this Supabase project, by the access token Auth gave them.
import { createRemoteJWKSet, errors, jwtVerify, type JWTVerifyGetKey } from "jose";

/** Why a token was not accepted; the message may be shown to whoever sent it. */
export class NotAuthenticated extends Error {}

/** Checks a bearer token and returns the user's id. Throws NotAuthenticated. */
export type VerifyCaller = (token: string) => Promise<string>;

export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

const JWKS_TIMEOUT_MS = 5_000;

/** Where the project's signing keys are, or the secret of a project that still signs with one. */
export type SigningKeys = { jwksUrl: URL } | { secret: string };

/**
 * Accepts only tokens that `keys` signed and `issuer` issued, for signed-in users, unexpired.
 * The algorithms are fixed by the kind of key: a token's own header cannot choose a weaker one.
 */
export function callerVerifier(keys: SigningKeys, issuer: string): VerifyCaller {
  const { key, algorithms } = trusted(keys);
  return async (token) => {
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms,
        issuer,
        audience: "authenticated",
        requiredClaims: ["exp", "sub"],
      });
      if (payload.role === "authenticated" && payload.sub && UUID.test(payload.sub)) return payload.sub;
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw new NotAuthenticated("The access token has expired");
      // A key server that does not answer says nothing about the token.
      if (!(error instanceof errors.JOSEError) || error instanceof errors.JWKSTimeout) throw error;
    }
    throw new NotAuthenticated("The access token is not valid");
  };
}

function trusted(keys: SigningKeys): { key: JWTVerifyGetKey; algorithms: string[] } {
  if ("secret" in keys) {
    const secret = new TextEncoder().encode(keys.secret);
    return { key: () => Promise.resolve(secret), algorithms: ["HS256"] };
  }
  return {
    key: createRemoteJWKSet(keys.jwksUrl, { timeoutDuration: JWKS_TIMEOUT_MS }),
    algorithms: ["ES256", "RS256"],
  };
}
