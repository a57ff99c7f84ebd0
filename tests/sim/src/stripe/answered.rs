//! An answer, and the HTTP response it becomes.

use std::pin::Pin;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};

use super::VERSION;
use super::errors::ApiError;
use crate::http::{SimBody, Step, Watcher};

/// An answer before it is sent.
pub struct Answered {
    pub status: StatusCode,
    pub body: String,
    /// Headers besides the usual ones.
    pub headers: Vec<(&'static str, String)>,
}

impl Answered {
    /// A refusal, as Stripe words it.
    pub fn refusal(error: &ApiError, request_id: &str) -> Self {
        let body = format!("{:#}", error.body(request_id));
        Self { status: error.status, body, headers: Vec::new() }
    }
}

/// Nobody keeps books of what is cut off.
struct Unwatched;

impl Watcher for Unwatched {
    fn sent(&mut self, _mark: u64) {}

    fn completed(&mut self) {}

    fn cut(&mut self, _reset: bool) {}

    fn released(&mut self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(std::future::ready(()))
    }
}

/// The HTTP response; `cut` ends the connection after so many bytes of its body.
pub fn response(
    answered: Answered,
    key: Option<&str>,
    request_id: &str,
    cut: Option<usize>,
) -> Response<SimBody> {
    let length = answered.body.len();
    let body = Bytes::from(answered.body);
    let mut response = Response::new(match cut {
        None => SimBody::whole(body),
        Some(offset) => {
            let sent = Step::Send { bytes: body.slice(..offset.min(length)), mark: 0 };
            SimBody::played(vec![sent, Step::Cut { reset: false }], Box::new(Unwatched))
        }
    });
    *response.status_mut() = answered.status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert("stripe-version", HeaderValue::from_static(VERSION));
    let mut usual = vec![("request-id", request_id.to_owned())];
    usual.extend(key.map(|key| ("idempotency-key", key.to_owned())));
    usual.extend(answered.headers);
    for (name, value) in usual {
        // A key that cannot stand in a header was not in one.
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    response
}
