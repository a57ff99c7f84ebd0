//! Bodies that are too large, too slow or of the wrong kind.

use std::convert::Infallible;

use futures_util::stream;
use http::HeaderValue;

use super::*;

const MAX_BYTES: usize = 8;

fn headers(fields: &[(http::HeaderName, &'static str)]) -> HeaderMap {
    fields.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
}

/// A body without a declared size, in these pieces.
fn pieces(pieces: &[&'static str]) -> Body {
    Body::from_stream(stream::iter(
        pieces.iter().map(|piece| Ok::<_, Infallible>(*piece)).collect::<Vec<_>>(),
    ))
}

#[test]
fn only_plain_json_is_taken() {
    let json = (CONTENT_TYPE, "application/json");
    let size = SizeHint::with_exact(5);
    let check = |fields: &[_]| check_head(&headers(fields), &size, MAX_BYTES);
    assert!(matches!(check(std::slice::from_ref(&json)), Ok(5)));
    assert!(matches!(check(&[(CONTENT_TYPE, "Application/JSON; charset=utf-8")]), Ok(5)));
    assert!(matches!(check(&[json.clone(), (CONTENT_ENCODING, "identity")]), Ok(5)));
    assert!(matches!(check(&[]), Err(GatewayError::ContentType)));
    assert!(matches!(check(&[(CONTENT_TYPE, "text/plain")]), Err(GatewayError::ContentType)));
    assert!(matches!(check(&[(CONTENT_TYPE, "application/jsonp")]), Err(GatewayError::ContentType)));
    for encoding in ["gzip", "br", "identity, gzip"] {
        let check = check(&[json.clone(), (CONTENT_ENCODING, encoding)]);
        assert!(matches!(check, Err(GatewayError::ContentEncoding)), "{encoding}");
    }
    let check = check(&[json, (TRANSFER_ENCODING, "gzip, chunked")]);
    assert!(matches!(check, Err(GatewayError::ContentEncoding)));
}

#[test]
fn a_declared_size_is_judged_before_anything_is_read() {
    let json = headers(&[(CONTENT_TYPE, "application/json")]);
    let check = |size| check_head(&json, &size, MAX_BYTES);
    assert!(matches!(check(SizeHint::with_exact(8)), Ok(8)));
    assert!(matches!(check(SizeHint::with_exact(9)), Err(GatewayError::BodyTooLarge { max_bytes: 8 })));
    assert!(matches!(check(SizeHint::new()), Ok(8)), "an unknown size may use all of it");
}

#[tokio::test]
async fn an_undeclared_size_is_counted_while_reading() {
    let whole = read(&mut pieces(&["1234", "", "5678"]), MAX_BYTES).await;
    assert!(matches!(whole.as_deref(), Ok(b"12345678")));
    let whole = read(&mut pieces(&["1234", "5678", "9"]), MAX_BYTES).await;
    assert!(matches!(whole, Err(GatewayError::BodyTooLarge { .. })));
    let whole = read(&mut pieces(&["123456789"]), MAX_BYTES).await;
    assert!(matches!(whole, Err(GatewayError::BodyTooLarge { .. })));
    let whole = read(&mut pieces(&[]), MAX_BYTES).await;
    assert!(matches!(whole.as_deref(), Ok(b"")));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_pauses_too_long_is_given_up() {
    let mut body = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
    assert!(matches!(read(&mut body, MAX_BYTES).await, Err(GatewayError::BodyTimeout)));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_trickles_is_given_up_as_a_whole() {
    let drops = stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_secs(BODY_STALL_SECONDS - 1)).await;
        Some((Ok::<_, Infallible>(" "), ()))
    });
    assert!(matches!(read(&mut Body::from_stream(drops), 1_000).await, Err(GatewayError::BodyTimeout)));
}

#[tokio::test]
async fn a_broken_body_is_told_from_a_slow_one() {
    let broken = stream::iter([Ok("12"), Err("reset")]);
    assert!(matches!(read(&mut Body::from_stream(broken), 8).await, Err(GatewayError::BodyInterrupted)));
}
