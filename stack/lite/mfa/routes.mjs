// /auth/v1/factors, which Supabase Lite lacks: enrol a TOTP factor, challenge it, show its code, take it away, with the
// answers and rules of Supabase Auth.
import { Hono } from "hono";
import { decodeJwt } from "jose";
import { refusal } from "./refusal.mjs";
import * as rows from "./rows.mjs";
import { isCodeOf, newTotp } from "./totp.mjs";

const FACTORS_MAX = 10;
const CHALLENGE_SECONDS = 300;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** `askLite(request)` is Lite's answer, completed; `siteName` is whose codes an app says these are. */
export function factorRoutes({ sql, askLite, siteName }) {
  /** Lite judges key, token and session; what it refuses is its answer. */
  async function identify(c, next) {
    const answer = await askLite(new Request(new URL("/auth/v1/user", c.req.url), { headers: credentials(c) }));
    if (!answer.ok) return answer;
    const user = await answer.json();
    const { session_id } = decodeJwt(c.req.header("authorization").slice("Bearer ".length));
    const session = await rows.sessionOf(sql, session_id, user.id);
    if (!session) throw refusal(403, "session_not_found", "Session from session_id claim in JWT does not exist");
    c.set("user", user);
    c.set("session", session);
    await next();
  }

  async function load(c, next) {
    const { id } = c.req.param();
    const factor = UUID.test(id) && await rows.findFactor(sql, id, c.var.user.id);
    if (!factor) throw refusal(404, "mfa_factor_not_found", "Factor not found");
    c.set("factor", factor);
    await next();
  }

  async function enrol(c) {
    const { factor_type: type, friendly_name: friendlyName = "", issuer } = await body(c);
    if (type !== "totp") throw refusal(400, "validation_failed", "factor_type needs to be totp");
    const { user, session } = c.var;
    await rows.forgetUnverified(sql, user.id);
    refuseEnrolment(await rows.factorsOf(sql, user.id), friendlyName, session);
    const totp = newTotp(issuer || siteName, user.email || user.id);
    const id = await rows.addTotpFactor(sql, { userId: user.id, friendlyName, secret: totp.secret });
    return c.json({ id, type, friendly_name: friendlyName, totp });
  }

  async function challenge(c) {
    const id = await sql.begin((tx) => rows.addChallenge(tx, c.var.factor.id, peer(c)));
    return c.json({ id, type: "totp", expires_at: Math.floor(Date.now() / 1000) + CHALLENGE_SECONDS });
  }

  async function verify(c) {
    const { challenge_id: challengeId, code } = await body(c);
    if (typeof code !== "string" || code === "") throw refusal(400, "validation_failed", "Code needs to be non-empty");
    const { factor, session } = c.var;
    const open = UUID.test(challengeId ?? "") && await rows.findChallenge(sql, challengeId, factor.id, CHALLENGE_SECONDS);
    refuseChallenge(open, peer(c));
    if (!isCodeOf(factor.secret, code)) {
      throw refusal(422, "mfa_verification_failed", "Invalid TOTP code entered");
    }
    const isMet = await sql.begin((tx) => rows.meetChallenge(tx, { challengeId, factor, session }));
    if (!isMet) refuseChallenge({ ...open, verified_at: new Date() }, peer(c));
    // The session goes on at its new level: Lite issues its next tokens.
    return askLite(
      new Request(new URL("/auth/v1/token?grant_type=refresh_token", c.req.url), {
        method: "POST",
        headers: { apikey: c.req.header("apikey"), "content-type": "application/json" },
        body: JSON.stringify({ refresh_token: await rows.refreshTokenOf(sql, session.id) }),
      }),
    );
  }

  async function unenrol(c) {
    const { factor, session } = c.var;
    if (factor.status === "verified" && session.aal !== "aal2") {
      throw refusal(422, "insufficient_aal", "AAL2 required to unenroll verified factor");
    }
    await sql.begin((tx) => rows.removeFactor(tx, factor.id));
    return c.json({ id: factor.id });
  }

  return new Hono()
    .use(identify)
    .post("/", enrol)
    .use("/:id/*", load)
    .post("/:id/challenge", challenge)
    .post("/:id/verify", verify)
    .delete("/:id", load, unenrol);
}

function refuseEnrolment(factors, friendlyName, session) {
  if (factors.some((factor) => (factor.friendly_name ?? "") === friendlyName)) {
    const message = `A factor with the friendly name ${JSON.stringify(friendlyName)} for this user already exists`;
    throw refusal(422, "mfa_factor_name_conflict", message);
  }
  if (factors.length >= FACTORS_MAX) {
    throw refusal(422, "too_many_enrolled_mfa_factors", "Maximum number of verified factors reached, unenroll to continue");
  }
  if (session.aal !== "aal2" && factors.some(({ status }) => status === "verified")) {
    throw refusal(403, "insufficient_aal", "AAL2 required to enroll a new factor");
  }
}

function refuseChallenge(challenge, address) {
  if (!challenge) {
    throw refusal(422, "mfa_factor_not_found", "MFA factor with the provided challenge ID not found");
  }
  if (challenge.verified_at !== null || challenge.address !== address) {
    throw refusal(422, "mfa_ip_address_mismatch", "Challenge and verify IP addresses mismatch.");
  }
  if (challenge.expired) {
    const message = `MFA challenge ${challenge.id} has expired, verify against another challenge or create a new challenge.`;
    throw refusal(422, "mfa_challenge_expired", message);
  }
}

async function body(c) {
  const read = await c.req.json().catch(() => null);
  if (read === null || typeof read !== "object") {
    throw refusal(400, "bad_json", "Could not parse request body as JSON");
  }
  return read;
}

function credentials(c) {
  const names = ["apikey", "authorization"].filter((name) => c.req.header(name) !== undefined);
  return Object.fromEntries(names.map((name) => [name, c.req.header(name)]));
}

const peer = (c) => c.env.incoming.socket.remoteAddress;
