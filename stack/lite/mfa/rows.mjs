// The rows that Auth keeps of second factors: auth.mfa_factors, auth.mfa_challenges, auth.mfa_amr_claims, and the level of
// a session (`aal`). `sql` is postgres.js, on a connection or in a transaction.
import { randomUUID } from "node:crypto";

/** A factor that was never verified is forgotten after so long, and its name is free again. */
const UNVERIFIED_SECONDS = 300;

/** A user's factors, as Auth shows them: without their secrets. */
export function factorsOf(sql, userId) {
  return sql`
    select id, created_at, updated_at, status, friendly_name, factor_type, last_challenged_at
    from auth.mfa_factors where user_id = ${userId} order by created_at, id`;
}

/** The session of a user, or undefined. */
export async function sessionOf(sql, sessionId, userId) {
  const [session] = await sql`
    select id, user_id, coalesce(aal, 'aal1') as aal from auth.sessions where id = ${sessionId} and user_id = ${userId}`;
  return session;
}

/** How a session's user has proved who they are: `{ aal, amr }`, the latest method first. */
export async function methodsOf(sql, sessionId) {
  const [session] = await sql`select coalesce(aal, 'aal1') as aal from auth.sessions where id = ${sessionId}`;
  const amr = await sql`
    select authentication_method as method, extract(epoch from updated_at)::integer as timestamp
    from auth.mfa_amr_claims where session_id = ${sessionId} order by updated_at desc, method`;
  return { aal: session?.aal ?? "aal1", amr };
}

/** Notes that the session's user has used this method now. */
export async function noteMethod(sql, sessionId, method) {
  await sql`
    insert into auth.mfa_amr_claims (id, session_id, created_at, updated_at, authentication_method)
    values (${randomUUID()}, ${sessionId}, now(), now(), ${method})
    on conflict (session_id, authentication_method) do update set updated_at = excluded.updated_at`;
}

export async function forgetUnverified(sql, userId) {
  await sql`
    delete from auth.mfa_factors
    where user_id = ${userId} and status = 'unverified' and created_at < now() - make_interval(secs => ${UNVERIFIED_SECONDS})`;
}

export async function addTotpFactor(sql, { userId, friendlyName, secret }) {
  const id = randomUUID();
  await sql`
    insert into auth.mfa_factors (id, user_id, friendly_name, factor_type, status, created_at, updated_at, secret)
    values (${id}, ${userId}, ${friendlyName}, 'totp', 'unverified', now(), now(), ${secret})`;
  return id;
}

/** The user's own factor, or undefined. */
export async function findFactor(sql, factorId, userId) {
  const [factor] = await sql`
    select id, user_id, factor_type, status, secret from auth.mfa_factors where id = ${factorId} and user_id = ${userId}`;
  return factor;
}

/** A new challenge of a factor: its id. */
export async function addChallenge(sql, factorId, address) {
  const id = randomUUID();
  await sql`
    insert into auth.mfa_challenges (id, factor_id, created_at, ip_address) values (${id}, ${factorId}, now(), ${address})`;
  await sql`update auth.mfa_factors set last_challenged_at = clock_timestamp() where id = ${factorId}`;
  return id;
}

/** The challenge of that factor with `expired` beside it, or undefined. */
export async function findChallenge(sql, challengeId, factorId, ttlSeconds) {
  const [challenge] = await sql`
    select id, host(ip_address) as address, verified_at, created_at < now() - make_interval(secs => ${ttlSeconds}) as expired
    from auth.mfa_challenges where id = ${challengeId} and factor_id = ${factorId}`;
  return challenge;
}

/**
 * The factor was shown: it is verified, and so is this session. Other sessions that have not shown it end, as do factors
 * that were left half enrolled. False if the challenge was met before.
 */
export async function meetChallenge(sql, { challengeId, factor, session }) {
  const met = await sql`
    update auth.mfa_challenges set verified_at = now() where id = ${challengeId} and verified_at is null returning id`;
  if (met.length === 0) return false;
  await sql`
    update auth.mfa_factors set status = 'verified', updated_at = now() where id = ${factor.id} and status <> 'verified'`;
  await noteMethod(sql, session.id, "totp");
  await sql`
    update auth.sessions set aal = 'aal2', factor_id = ${factor.id}, updated_at = now() where id = ${session.id}`;
  await sql`delete from auth.sessions where user_id = ${factor.user_id} and coalesce(aal, 'aal1') = 'aal1'`;
  await sql`
    delete from auth.mfa_factors
    where user_id = ${factor.user_id} and status = 'unverified' and factor_type = ${factor.factor_type}`;
  return true;
}

/** The factor goes, and the sessions that had shown it fall back to the password. */
export async function removeFactor(sql, factorId) {
  await sql`delete from auth.mfa_factors where id = ${factorId}`;
  const lowered = await sql`
    update auth.sessions set aal = 'aal1', factor_id = null, updated_at = now() where factor_id = ${factorId} returning id`;
  await sql`
    delete from auth.mfa_amr_claims
    where session_id = any(${lowered.map(({ id }) => id)}::uuid []) and authentication_method = 'totp'`;
}

/** The refresh token that continues a session. */
export async function refreshTokenOf(sql, sessionId) {
  const [row] = await sql`
    select token from auth.refresh_tokens where session_id = ${sessionId} and not revoked order by created_at desc limit 1`;
  return row?.token;
}
