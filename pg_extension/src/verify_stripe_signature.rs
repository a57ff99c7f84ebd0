//! `verify_stripe_signature`: whether Stripe sent a webhook, and when.
//!
//! The scheme: <https://docs.stripe.com/webhooks#verify-manually>. The webhook door checks the same in TypeScript; both
//! are held to the same cases, `tests/stripe_signatures.json`.

use hmac::{Hmac, Mac};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::prelude::*;
use sha2::Sha256;

/// Longest `Stripe-Signature` header looked at, bytes. A real one has about 150, and 70 more for each secret in a roll.
const HEADER_BYTES_MAX: usize = 4096;

/// Bytes of an HMAC-SHA256.
const SIGNATURE_BYTES: usize = 32;

/// Says whether `body`, exactly as received, carries a signature of one of `secrets` no further than
/// `tolerance_seconds` from `at`: `valid`, `malformed` (no such header), `stale` (too old or too new), `forged`.
///
/// Any one signature by any one secret will do: while a secret is being rolled Stripe signs with both. Only scheme `v1`
/// counts. A forged header is never called stale, so that the answer tells an attacker nothing about the clock.
#[pg_extern(immutable, parallel_safe)]
fn verify_stripe_signature(
    body: &[u8],
    header: &str,
    secrets: Array<'_, &str>,
    at: TimestampWithTimeZone,
    tolerance_seconds: default!(i32, 300),
) -> &'static str {
    let Some(header) = Header::read(header) else {
        return "malformed";
    };
    let is_signed = secrets
        .iter()
        .flatten()
        .filter(|secret| !secret.is_empty())
        // every secret is tried, whichever fits, so that the time taken does not say which
        .fold(false, |is_signed, secret| header.is_signed_by(secret, body) | is_signed);
    if !is_signed {
        return "forged";
    }
    let seconds_off = seconds_since_1970(at).abs_diff(header.signed_at_s);
    if seconds_off > u64::try_from(tolerance_seconds).unwrap_or(0) { "stale" } else { "valid" }
}

/// `t=…,v1=…[,v1=…]`; other schemes are passed over.
struct Header<'a> {
    /// As it stands, because it is what was signed.
    timestamp: &'a str,
    signed_at_s: i64,
    signatures: Vec<[u8; SIGNATURE_BYTES]>,
}

impl<'a> Header<'a> {
    fn read(header: &'a str) -> Option<Self> {
        if header.len() > HEADER_BYTES_MAX {
            return None;
        }
        let mut timestamp = None;
        let mut signatures = Vec::new();
        for part in header.split(',') {
            match part.trim().split_once('=')? {
                ("t", _) if timestamp.is_some() => return None,
                ("t", value) => timestamp = Some(value),
                ("v1", value) => signatures.extend(from_hex(value)),
                _ => {}
            }
        }
        let timestamp = timestamp.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
        (!signatures.is_empty()).then_some(())?;
        Some(Self { timestamp, signed_at_s: timestamp.parse().ok()?, signatures })
    }

    fn is_signed_by(&self, secret: &str, body: &[u8]) -> bool {
        // An HMAC takes a key of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
            return false;
        };
        mac.update(self.timestamp.as_bytes());
        mac.update(b".");
        mac.update(body);
        // verify_slice compares in constant time
        self.signatures
            .iter()
            .fold(false, |fits, signature| mac.clone().verify_slice(signature).is_ok() | fits)
    }
}

fn from_hex(text: &str) -> Option<[u8; SIGNATURE_BYTES]> {
    let mut bytes = [0; SIGNATURE_BYTES];
    if text.len() != 2 * SIGNATURE_BYTES || !text.is_ascii() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        *byte = digit(0)? << 4 | digit(1)?;
    }
    Some(bytes)
}

/// Postgres counts microseconds from 2000-01-01; Stripe seconds from 1970-01-01.
fn seconds_since_1970(at: TimestampWithTimeZone) -> i64 {
    const SECONDS_FROM_1970_TO_2000: i64 = 946_684_800;
    let microseconds: pg_sys::TimestampTz = at.into();
    microseconds.div_euclid(1_000_000).saturating_add(SECONDS_FROM_1970_TO_2000)
}
