//! One request from its headers to its answer.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use time::OffsetDateTime;

use super::answer::Answered;
use super::faults::{self, Fault, FaultKind, Target};
use super::request::Call;
use super::state::Sim;
use super::{VERSION, control, pages};
use crate::http::{Aborted, Connection, MAX_BODY_BYTES, Responder, SimBody, Step, Watcher};
use crate::received::ReceivedRequest;

impl Responder for Sim {
    async fn respond(
        self: Arc<Self>,
        request: Request<Incoming>,
        connection: Connection,
    ) -> Result<Response<SimBody>, Aborted> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        if path.starts_with("/sim/") {
            return Ok(control::answer(&self, &parts, body).await);
        }
        if !path.starts_with("/v1/") && !path.starts_with("/v2/") {
            return Ok(pages::answer(&self, &parts));
        }
        self.serve(&parts, body, &connection).await
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

impl Sim {
    async fn serve(
        self: Arc<Self>,
        parts: &Parts,
        body: Incoming,
        connection: &Connection,
    ) -> Result<Response<SimBody>, Aborted> {
        let request_id = super::world::fresh_id("req_");
        let Ok(body) = Limited::new(body, MAX_BODY_BYTES).collect().await else { return Err(Aborted) };
        let body = body.to_bytes();
        self.keep(parts, &body);
        let call = match Call::read(&self, parts, &body) {
            Ok(call) => call,
            Err(error) => {
                return Ok(response(Answered::refusal(&error, &request_id), None, &request_id, None));
            }
        };
        self.count(call.endpoint.name);
        let target = Target {
            endpoint: call.endpoint.name,
            method: parts.method.as_str(),
            path: parts.uri.path(),
            body: &body,
            key: call.key.as_deref(),
        };
        let fault = faults::take(&self.faults, &target);
        let key = call.key.clone();
        let answered = self.answer(parts, call, fault.as_ref(), &request_id, connection).await?;
        let cut = fault.iter().flat_map(Fault::kinds).find_map(|kind| match kind {
            FaultKind::CutAtByte { offset } => Some(*offset),
            _ => None,
        });
        Ok(response(answered, key.as_deref(), &request_id, cut))
    }

    fn keep(&self, parts: &Parts, body: &Bytes) {
        self.received.keep(ReceivedRequest {
            method: parts.method.to_string(),
            path: parts.uri.to_string(),
            headers: parts.headers.clone(),
            body: body.clone(),
            received_at: OffsetDateTime::now_utc(),
        });
    }
}

/// The HTTP response; `cut` ends the connection after so many bytes of its body.
fn response(
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
