//! The control API under `/sim/`, for tests in other processes and other languages.

use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::{Value, json};

use super::faults::Fault;
use super::ledger::LedgerReport;
use super::settings::Settings;
use super::state::Sim;
use crate::http::{MAX_BODY_BYTES, SimBody};
use crate::wait;

/// The longest a control request waits, in milliseconds.
const MAX_WAIT_MS: u64 = 60_000;

/// Why a control request failed, for whoever wrote the test.
type Refusal = (StatusCode, String);

#[derive(Deserialize)]
#[serde(untagged)]
enum FaultList {
    Many(Vec<Value>),
    One(Value),
}

/// Answers a control request.
pub async fn answer(sim: &Sim, parts: &Parts, body: Incoming) -> Response<SimBody> {
    let (status, value) = match act(sim, parts, body).await {
        Ok(value) => (StatusCode::OK, value),
        Err((status, message)) => (status, json!({ "error": message })),
    };
    let mut response = Response::new(SimBody::whole(value.to_string().into()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

async fn act(sim: &Sim, parts: &Parts, body: Incoming) -> Result<Value, Refusal> {
    let query = parts.uri.query().unwrap_or_default();
    match (parts.method.clone(), parts.uri.path()) {
        (Method::GET, "/sim/ledger") => ledger(sim, query).await,
        (Method::DELETE, "/sim/ledger") => {
            sim.ledger.clear();
            Ok(json!({ "ok": true }))
        }
        (Method::GET, "/sim/requests") => {
            Ok(json!(sim.received.all().iter().map(|request| request.report()).collect::<Vec<_>>()))
        }
        (Method::DELETE, "/sim/requests") => {
            sim.received.clear();
            Ok(json!({ "ok": true }))
        }
        (Method::GET, "/sim/faults") => Ok(json!(sim.faults.list())),
        (Method::POST, "/sim/faults") => plan(sim, &read(body).await?),
        (Method::DELETE, "/sim/faults") => {
            sim.faults.clear();
            Ok(json!({ "ok": true }))
        }
        (Method::POST, "/sim/release") => {
            sim.holds.release();
            Ok(json!({ "ok": true }))
        }
        (Method::GET, "/sim/state") => state(sim, query).await,
        (Method::GET, "/sim/settings") => Ok(json!(sim.settings.get())),
        (Method::PUT, "/sim/settings") => {
            let settings: Settings = serde_json::from_slice(&read(body).await?).map_err(bad)?;
            sim.settings.set(settings);
            Ok(json!(settings))
        }
        (method, path) => Err((StatusCode::NOT_FOUND, format!("no control for {method} {path}"))),
    }
}

fn bad(error: impl std::fmt::Display) -> Refusal {
    (StatusCode::BAD_REQUEST, error.to_string())
}

async fn read(body: Incoming) -> Result<Bytes, Refusal> {
    Limited::new(body, MAX_BODY_BYTES).collect().await.map(|body| body.to_bytes()).map_err(bad)
}

fn plan(sim: &Sim, body: &[u8]) -> Result<Value, Refusal> {
    let faults = match serde_json::from_slice(body).map_err(bad)? {
        FaultList::Many(faults) => faults,
        FaultList::One(fault) => vec![fault],
    };
    // Each is read by itself, because the error of an untagged list would not name the mistake.
    let faults: Result<Vec<Fault>, _> = faults.into_iter().map(serde_json::from_value).collect();
    sim.faults.add(faults.map_err(bad)?).map_err(bad)?;
    Ok(json!({ "planned": sim.faults.list().len() }))
}

/// `?finished=N` waits until N requests are no longer open; `?timeout_ms=` bounds the wait.
async fn ledger(sim: &Sim, query: &str) -> Result<Value, Refusal> {
    let finished = number(query, "finished")?.unwrap_or(0);
    let enough = || {
        let totals = sim.ledger.totals();
        totals.requests - totals.open >= finished
    };
    wait::until(sim.ledger.subscribe(), limit(query)?, enough).await.map_err(late)?;
    Ok(json!(LedgerReport { totals: sim.ledger.totals(), entries: sim.ledger.entries() }))
}

/// `?held=N` waits until N answers are held back.
async fn state(sim: &Sim, query: &str) -> Result<Value, Refusal> {
    let held = number(query, "held")?.unwrap_or(0);
    let enough = || sim.holds.held() as u64 >= held;
    wait::until(sim.holds.subscribe(), limit(query)?, enough).await.map_err(late)?;
    Ok(json!({ "held": sim.holds.held(), "open": sim.ledger.totals().open }))
}

fn late(error: wait::TooLate) -> Refusal {
    (StatusCode::REQUEST_TIMEOUT, error.to_string())
}

fn limit(query: &str) -> Result<Duration, Refusal> {
    let ms = number(query, "timeout_ms")?.unwrap_or(MAX_WAIT_MS).min(MAX_WAIT_MS);
    Ok(Duration::from_millis(ms))
}

fn number(query: &str, name: &str) -> Result<Option<u64>, Refusal> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let value = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value).next_back();
    value.map(|value| value.parse().map_err(|_| bad(format!("{name} is not a number")))).transpose()
}
