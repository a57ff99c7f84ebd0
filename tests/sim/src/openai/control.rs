//! The control API under `/sim/`, for tests in other processes and other languages.

use http::request::Parts;
use http::{Method, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::ledger::LedgerReport;
use super::settings::Settings;
use super::state::Sim;
use crate::control::{self, Refusal, bad, late, limit, number, read};
use crate::http::SimBody;
use crate::wait;

/// Answers a control request.
pub async fn answer(sim: &Sim, parts: &Parts, body: Incoming) -> Response<SimBody> {
    control::response(act(sim, parts, body).await)
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
        (Method::POST, "/sim/faults") => control::plan(&sim.faults, &read(body).await?),
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
