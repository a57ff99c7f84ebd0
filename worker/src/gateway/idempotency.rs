//! The `Idempotency-Key` header: the client's promise that two calls are one.

use http::{HeaderMap, HeaderName};
use sha2::{Digest, Sha256};

use super::errors::GatewayError;
use crate::metered_call::Idempotency;
use crate::openai::Endpoint;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Longest key, bytes.
const MAX_KEY_BYTES: usize = 255;

/// The promise a request makes, if it makes one. The hash covers the endpoint as well as the body.
///
/// # Errors
/// 400 for a key that is empty, too long, given twice or not visible ASCII.
pub fn read(
    headers: &HeaderMap,
    endpoint: Endpoint,
    body: &[u8],
) -> Result<Option<Idempotency>, GatewayError> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let wrong = |message| GatewayError::Header { name: "Idempotency-Key", message };
    if values.next().is_some() {
        return Err(wrong("is given twice"));
    }
    let bytes = value.as_bytes();
    if bytes.is_empty() || bytes.len() > MAX_KEY_BYTES || !bytes.iter().all(u8::is_ascii_graphic) {
        return Err(wrong("must be 1 to 255 visible ASCII characters without spaces"));
    }
    let body_hash =
        Sha256::new().chain_update(endpoint.as_str()).chain_update([0]).chain_update(body).finalize();
    let key = String::from_utf8_lossy(bytes).into_owned();
    Ok(Some(Idempotency { key, body_hash: body_hash.into() }))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn keyed(key: &str) -> HeaderMap {
        HeaderMap::from_iter(HeaderValue::from_str(key).ok().map(|value| (IDEMPOTENCY_KEY, value)))
    }

    fn hash(endpoint: Endpoint, body: &[u8]) -> Option<[u8; 32]> {
        read(&keyed("k-1"), endpoint, body).ok().flatten().map(|promise| promise.body_hash)
    }

    #[test]
    fn another_body_or_endpoint_is_another_call() {
        let first = hash(Endpoint::Responses, b"{}");
        assert!(first.is_some());
        assert_eq!(first, hash(Endpoint::Responses, b"{}"));
        assert_ne!(first, hash(Endpoint::Responses, b"{ }"));
        assert_ne!(first, hash(Endpoint::Embeddings, b"{}"));
    }

    #[test]
    fn a_key_is_bounded_and_plain() {
        let long = "k".repeat(MAX_KEY_BYTES + 1);
        for key in ["", "two words", "tab\there", "é", &long] {
            assert!(
                matches!(read(&keyed(key), Endpoint::Responses, b""), Err(GatewayError::Header { .. })),
                "{key}"
            );
        }
        assert!(read(&keyed(&long[1..]), Endpoint::Responses, b"").is_ok_and(|promise| promise.is_some()));
        assert!(read(&HeaderMap::new(), Endpoint::Responses, b"").is_ok_and(|promise| promise.is_none()));
    }
}
