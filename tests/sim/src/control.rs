//! What the control APIs of all stand-ins have in common.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::http::{MAX_BODY_BYTES, SimBody};
use crate::plan::{Fault, Plan};
use crate::wait::TooLate;

/// The longest a control request waits, in milliseconds.
const MAX_WAIT_MS: u64 = 60_000;

/// Why a control request failed, for whoever wrote the test.
pub type Refusal = (StatusCode, String);

#[derive(Deserialize)]
#[serde(untagged)]
enum FaultList {
    Many(Vec<Value>),
    One(Value),
}

/// The answer to a control request.
pub fn response(answer: Result<Value, Refusal>) -> Response<SimBody> {
    let (status, value) = match answer {
        Ok(value) => (StatusCode::OK, value),
        Err((status, message)) => (status, json!({ "error": message })),
    };
    let mut response = Response::new(SimBody::whole(value.to_string().into()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A control request that makes no sense.
pub fn bad(error: impl std::fmt::Display) -> Refusal {
    (StatusCode::BAD_REQUEST, error.to_string())
}

/// A wait that ran out of time.
pub fn late(error: TooLate) -> Refusal {
    (StatusCode::REQUEST_TIMEOUT, error.to_string())
}

/// Reads a body.
pub async fn read(body: Incoming) -> Result<Bytes, Refusal> {
    Limited::new(body, MAX_BODY_BYTES).collect().await.map(|body| body.to_bytes()).map_err(bad)
}

/// Adds the faults of a body, one or a list, to a plan.
pub fn plan<M, K>(plan: &Plan<M, K>, body: &[u8]) -> Result<Value, Refusal>
where
    M: Default + Clone + DeserializeOwned,
    K: Clone + DeserializeOwned,
{
    let faults = match serde_json::from_slice(body).map_err(bad)? {
        FaultList::Many(faults) => faults,
        FaultList::One(fault) => vec![fault],
    };
    // Each is read by itself, because the error of an untagged list would not name the mistake.
    let faults: Result<Vec<Fault<M, K>>, _> = faults.into_iter().map(serde_json::from_value).collect();
    plan.add(faults.map_err(bad)?).map_err(bad)?;
    Ok(json!({ "planned": plan.list().len() }))
}

/// How long a request may wait: `?timeout_ms=`, a minute at most.
pub fn limit(query: &str) -> Result<Duration, Refusal> {
    let ms = number(query, "timeout_ms")?.unwrap_or(MAX_WAIT_MS).min(MAX_WAIT_MS);
    Ok(Duration::from_millis(ms))
}

/// A parameter of a query.
pub fn parameter<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, _)| *key == name).map(|(_, value)| value).next_back()
}

/// A parameter that is a number.
pub fn number(query: &str, name: &str) -> Result<Option<u64>, Refusal> {
    parameter(query, name)
        .map(|value| value.parse().map_err(|_| bad(format!("{name} is not a number"))))
        .transpose()
}
