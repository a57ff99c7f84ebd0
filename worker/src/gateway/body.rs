//! Reading a request body within bounds of size, type and time.

use std::future::Future;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, EXPECT, TRANSFER_ENCODING};
use http_body_util::BodyExt;
use hyper::body::{Body as _, SizeHint};
use tokio::time::timeout;

use super::errors::GatewayError;

/// Longest a body may take, seconds.
const BODY_TIMEOUT_SECONDS: u64 = 60;
/// Longest a body may pause, seconds.
const BODY_STALL_SECONDS: u64 = 15;
/// Most bytes of a refused body that are read and thrown away, so that its sender gets to read the answer.
const MAX_DISCARDED_BYTES: usize = 256 * 1024 * 1024;
/// Longest that takes, seconds.
const DISCARD_TIMEOUT_SECONDS: u64 = 10;

/// The most a body of this `size` can have, bytes, if its head is acceptable.
///
/// # Errors
/// 413 or 415 as a [`GatewayError`], known without reading.
pub fn check_head(headers: &HeaderMap, size: &SizeHint, max_bytes: usize) -> Result<usize, GatewayError> {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(GatewayError::ContentType);
    }
    let is = |name, plain: &[u8]| {
        headers.get_all(name).iter().all(|value| value.as_bytes().eq_ignore_ascii_case(plain))
    };
    if !is(CONTENT_ENCODING, b"identity") || !is(TRANSFER_ENCODING, b"chunked") {
        return Err(GatewayError::ContentEncoding);
    }
    match usize::try_from(size.lower()) {
        Ok(declared) if declared <= max_bytes => Ok(size.exact().map_or(max_bytes, |_| declared)),
        _ => Err(GatewayError::BodyTooLarge { max_bytes }),
    }
}

/// The whole body. One that arrives in one piece is not copied.
///
/// # Errors
/// 400, 408 or 413 as a [`GatewayError`]; what is left of the body then is not read.
pub async fn read(body: &mut Body, max_bytes: usize) -> Result<Bytes, GatewayError> {
    match timeout(Duration::from_secs(BODY_TIMEOUT_SECONDS), collect(body, max_bytes)).await {
        Ok(collected) => collected,
        Err(_) => Err(GatewayError::BodyTimeout),
    }
}

async fn collect(body: &mut Body, max_bytes: usize) -> Result<Bytes, GatewayError> {
    let first = next(body).await?.unwrap_or_default();
    if body.is_end_stream() && first.len() <= max_bytes {
        return Ok(first);
    }
    let mut whole = BytesMut::from(first);
    while whole.len() <= max_bytes {
        match next(body).await? {
            Some(piece) => whole.extend_from_slice(&piece),
            None => return Ok(whole.freeze()),
        }
    }
    Err(GatewayError::BodyTooLarge { max_bytes })
}

async fn next(body: &mut Body) -> Result<Option<Bytes>, GatewayError> {
    loop {
        let frame = within_stall(body.frame()).await?;
        match frame {
            None => return Ok(None),
            Some(Err(_)) => return Err(GatewayError::BodyInterrupted),
            // Trailers carry nothing for us.
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

async fn within_stall<T>(work: impl Future<Output = T>) -> Result<T, GatewayError> {
    timeout(Duration::from_secs(BODY_STALL_SECONDS), work).await.map_err(|_| GatewayError::BodyTimeout)
}

/// Reads a refused body away, within bounds: a client that is still sending when the connection closes sees a reset
/// instead of the refusal. One that waits for `100 Continue` is not asked to send.
pub async fn discard(headers: &HeaderMap, mut body: Body) {
    if headers.contains_key(EXPECT) || body.is_end_stream() {
        return;
    }
    let reading = async {
        let mut discarded_bytes = 0;
        while discarded_bytes <= MAX_DISCARDED_BYTES {
            match next(&mut body).await {
                Ok(Some(piece)) => discarded_bytes += piece.len(),
                Ok(None) | Err(_) => return,
            }
        }
    };
    // Whoever takes longer sees the reset.
    let _ = timeout(Duration::from_secs(DISCARD_TIMEOUT_SECONDS), reading).await;
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
