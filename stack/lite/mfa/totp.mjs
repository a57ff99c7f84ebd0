// Time-based one-time passwords (RFC 6238) with the parameters of Supabase Auth.
import { Secret, TOTP } from "otpauth";
import { renderSVG } from "uqr";

const SECRET_BYTES = 20;
const PARAMETERS = { algorithm: "SHA1", digits: 6, period: 30 };
/** Codes of so many periods before and after are taken, for clocks that differ. */
const SKEW_PERIODS = 1;

/** A new secret, and how an authenticator app takes it: `{ secret, uri, qr_code }`. */
export function newTotp(issuer, label) {
  const secret = new Secret({ size: SECRET_BYTES });
  const uri = new TOTP({ ...PARAMETERS, issuer, label, secret }).toString();
  return { secret: secret.base32, uri, qr_code: renderSVG(uri) };
}

/** Whether the code is the secret's, now. */
export function isCodeOf(secret, code) {
  const totp = new TOTP({ ...PARAMETERS, secret: Secret.fromBase32(secret) });
  return totp.validate({ token: code, window: SKEW_PERIODS }) !== null;
}
