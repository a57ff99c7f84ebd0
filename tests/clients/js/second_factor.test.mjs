// A second factor, as a front end enrols and asks for it with supabase-js: money and privacy want it from whoever has one.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { Secret, TOTP } from "otpauth";

import { found, frontEnd, signUp } from "./customer.mjs";
import { column, psql } from "./psql.mjs";

const PASSWORD = "a password that is long enough";

/** What an authenticator app shows for `uri` now, or some periods from now. */
function codeOf(secret, periods = 0) {
  return new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: Date.now() + periods * 30_000 });
}

const claimsOf = ({ access_token }) => JSON.parse(Buffer.from(access_token.split(".")[1], "base64url"));
const level = async (supabase) => found(supabase.auth.mfa.getAuthenticatorAssuranceLevel());
const asSupabase = async (answer) => {
  const { data, error } = await answer;
  return error ? [error.status, error.code] : data;
};

let supabase, email, factor, elsewhere;

before(async () => {
  ({ supabase } = await signUp());
  ({ data: { user: { email } } } = await supabase.auth.updateUser({ password: PASSWORD }));
  elsewhere = frontEnd();
  await found(elsewhere.auth.signInWithPassword({ email, password: PASSWORD }));
});

test("without a second factor nobody is asked for one", async () => {
  const { currentLevel, nextLevel, currentAuthenticationMethods } = await level(supabase);
  assert.deepEqual([currentLevel, nextLevel], ["aal1", "aal1"]);
  assert.deepEqual(currentAuthenticationMethods.map(({ method }) => method), ["password"]);
  await found(supabase.rpc("export_my_data"));
});

test("enrolling gives a secret, its address for an app and a picture of that", async () => {
  factor = await found(supabase.auth.mfa.enroll({ factorType: "totp", friendlyName: "phone" }));

  const uri = new URL(factor.totp.uri);
  assert.equal(uri.protocol, "otpauth:");
  assert.equal(uri.searchParams.get("secret"), factor.totp.secret);
  assert.equal(uri.searchParams.get("issuer"), "Octroi");
  assert.match(factor.totp.qr_code, /^data:image\/svg\+xml;utf-8,<svg [^#]*<\/svg>\s*$/, "which a page can show as it is");
  assert.deepEqual(await column(`select status from auth.mfa_factors where id = '${factor.id}'`), ["unverified"]);
  assert.deepEqual((await found(supabase.auth.mfa.listFactors())).totp, [], "not one to be asked for yet");
  const again = supabase.auth.mfa.enroll({ factorType: "totp", friendlyName: "phone" });
  assert.deepEqual(await asSupabase(again), [422, "mfa_factor_name_conflict"]);
});

test("a code that is wrong, old, or shown to nobody's challenge verifies nothing", async () => {
  const { id: factorId, totp: { secret } } = factor;
  const { id: challengeId } = await found(supabase.auth.mfa.challenge({ factorId }));
  const wrong = [codeOf(secret, 10), codeOf(secret, -10)];
  for (const code of wrong) {
    assert.deepEqual(await asSupabase(supabase.auth.mfa.verify({ factorId, challengeId, code })), [422, "mfa_verification_failed"]);
  }
  const noChallenge = { factorId, challengeId: crypto.randomUUID(), code: codeOf(secret) };
  assert.deepEqual(await asSupabase(supabase.auth.mfa.verify(noChallenge)), [422, "mfa_factor_not_found"]);
  await psql(`update auth.mfa_challenges set created_at = created_at - interval '301 s' where id = '${challengeId}'`);
  const expired = { factorId, challengeId, code: codeOf(secret) };
  assert.deepEqual(await asSupabase(supabase.auth.mfa.verify(expired)), [422, "mfa_challenge_expired"]);
  const stranger = (await signUp()).supabase;
  assert.deepEqual(await asSupabase(stranger.auth.mfa.challenge({ factorId })), [404, "mfa_factor_not_found"]);
  assert.deepEqual(await asSupabase(frontEnd().auth.mfa.challenge({ factorId })), [401, "no_authorization"], "nor to nobody");
  assert.equal((await level(supabase)).currentLevel, "aal1");
});

test("the code of now verifies the factor and the session, and ends those that have not shown it", async () => {
  const { id: factorId, totp: { secret } } = factor;
  const { id: challengeId } = await found(supabase.auth.mfa.challenge({ factorId }));
  const met = { factorId, challengeId, code: codeOf(secret) };

  const session = await found(supabase.auth.mfa.verify(met));

  const claims = claimsOf(session);
  assert.equal(claims.aal, "aal2");
  assert.deepEqual(claims.amr.map(({ method }) => method).sort(), ["password", "totp"]);
  assert.deepEqual(session.user.factors.map(({ id, status }) => [id, status]), [[factorId, "verified"]]);
  assert.deepEqual(await asSupabase(supabase.auth.mfa.verify(met)), [422, "mfa_ip_address_mismatch"], "a challenge is met once");
  assert.deepEqual(
    await column(`select verified_at is not null from auth.mfa_challenges where id = '${challengeId}'`),
    ["t"],
  );
  const { data: { session: refreshed } } = await supabase.auth.refreshSession();
  assert.equal(claimsOf(refreshed).aal, "aal2", "a refreshed session stays at its level");
  assert.ok((await elsewhere.auth.getUser()).error, "the other session is over");
});

test("whoever signs in with the password alone is asked for the factor where money and privacy begin", async () => {
  const late = frontEnd();
  await found(late.auth.signInWithPassword({ email, password: PASSWORD }));
  const { currentLevel, nextLevel } = await level(late);
  assert.deepEqual([currentLevel, nextLevel], ["aal1", "aal2"]);
  await found(late.rpc("my_quota"));

  const refused = await late.rpc("open_portal", { return_url: "http://localhost:3000/" });
  const enrolled = await asSupabase(late.auth.mfa.enroll({ factorType: "totp", friendlyName: "another" }));
  const unenrolled = await asSupabase(late.auth.mfa.unenroll({ factorId: factor.id }));

  assert.deepEqual([refused.status, refused.error.code], [400, "OC040"]);
  assert.match(refused.error.hint, /supabase\.auth\.mfa\.challengeAndVerify/);
  assert.deepEqual([enrolled, unenrolled], [[403, "insufficient_aal"], [422, "insufficient_aal"]]);

  const [known] = (await found(late.auth.mfa.listFactors())).totp;
  await found(late.auth.mfa.challengeAndVerify({ factorId: known.id, code: codeOf(factor.totp.secret) }));
  await found(late.rpc("open_portal", { return_url: "http://localhost:3000/" }));
});

test("who takes the factor away is back to the password, at once", async () => {
  assert.deepEqual(await found(supabase.auth.mfa.unenroll({ factorId: factor.id })), { id: factor.id });

  const { data: { session } } = await supabase.auth.refreshSession();
  assert.equal(claimsOf(session).aal, "aal1");
  assert.deepEqual(claimsOf(session).amr.map(({ method }) => method), ["password"]);
  assert.deepEqual((await found(supabase.auth.mfa.listFactors())).all, []);
  await found(supabase.rpc("open_portal", { return_url: "http://localhost:3000/" }));
  assert.deepEqual(await column(`select 1 from octroi_private.second_factor where factor_id = '${factor.id}'`), []);
});
