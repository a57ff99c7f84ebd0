//! The control API under `/sim/`: what the customer, the bank and the passing of time do.

mod act;
mod clock;

use http::request::Parts;
use http::{Method, Response, StatusCode};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::{Value, json};

pub use act::{Reject, reject_meter_event, set_secrets, set_settings, signed};
pub use clock::{Advance, Advanced, advance};

use super::api::{checkout, disputes, payment_methods, payments, refunds};
use super::books::Books;
use super::errors::ApiError;
use super::state::Sim;
use super::webhooks::Order;
use crate::control::{self, Refusal, bad, late, limit, number, parameter, read};
use crate::http::SimBody;
use crate::wait;

/// Answers a control request.
pub async fn answer(sim: &Sim, parts: &Parts, body: Incoming) -> Response<SimBody> {
    let path: Vec<&str> = parts.uri.path().trim_start_matches("/sim/").split('/').collect();
    let query = parts.uri.query().unwrap_or_default();
    let answer = match read(body).await {
        Err(refusal) => Err(refusal),
        Ok(body) => match machinery(sim, &parts.method, &path, query, &body).await {
            Some(answer) => answer,
            None => outside(sim, &parts.method, &path, &body),
        },
    };
    control::response(answer)
}

fn parse<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(if body.is_empty() { b"{}" } else { body }).map_err(bad)
}

fn refused(error: ApiError) -> Refusal {
    (error.status, error.message)
}

fn done() -> Result<Value, Refusal> {
    Ok(json!({ "ok": true }))
}

/// Controls of the stand-in itself.
async fn machinery(
    sim: &Sim,
    method: &Method,
    path: &[&str],
    query: &str,
    body: &[u8],
) -> Option<Result<Value, Refusal>> {
    Some(match (method.as_str(), path) {
        ("GET", ["clock"]) => {
            sim.world().catch_up();
            Ok(json!(sim.world().clock.report()))
        }
        ("POST", ["clock"]) => match parse(body) {
            Ok(wanted) => advance(sim, wanted).await.map(|advanced| json!(advanced)).map_err(bad),
            Err(refusal) => Err(refusal),
        },
        ("GET", ["books"]) => Ok(json!(Books::of(sim))),
        ("GET", ["meter_events"]) => Ok(json!(sim.world().meter_events.log())),
        ("GET", ["requests"]) => {
            Ok(json!(sim.received.all().iter().map(|request| request.report()).collect::<Vec<_>>()))
        }
        ("DELETE", ["requests"]) => {
            sim.received.clear();
            done()
        }
        ("GET", ["faults"]) => Ok(json!(sim.faults.list())),
        ("POST", ["faults"]) => control::plan(&sim.faults, body),
        ("DELETE", ["faults"]) => {
            sim.faults.clear();
            done()
        }
        ("POST", ["release"]) => {
            sim.holds.release();
            done()
        }
        ("GET", ["state"]) => held(sim, query).await,
        ("GET", ["settings"]) => Ok(json!(sim.world().settings)),
        ("PUT", ["settings"]) => parse(body).map(|settings| {
            set_settings(sim, settings);
            json!(sim.world().settings)
        }),
        (_, ["webhooks" | "webhook_faults", ..]) => webhooks(sim, method, path, query, body).await,
        _ => return None,
    })
}

/// `?held=N` waits until N answers are held back.
async fn held(sim: &Sim, query: &str) -> Result<Value, Refusal> {
    let held = number(query, "held")?.unwrap_or(0);
    let enough = || sim.holds.held() as u64 >= held;
    wait::until(sim.holds.subscribe(), limit(query)?, enough).await.map_err(late)?;
    Ok(json!({ "held": sim.holds.held() }))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Release {
    order: Order,
    copies: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Secrets {
    secrets: Vec<String>,
}

async fn webhooks(
    sim: &Sim,
    method: &Method,
    path: &[&str],
    query: &str,
    body: &[u8],
) -> Result<Value, Refusal> {
    match (method.as_str(), path) {
        ("GET", ["webhooks"]) => {
            if parameter(query, "idle") == Some("true") {
                let busy = sim.world().outbox.busy();
                let watched = busy.clone();
                wait::until(busy, limit(query)?, || *watched.borrow() == 0).await.map_err(late)?;
            }
            Ok(json!(sim.world().outbox.deliveries()))
        }
        ("POST", ["webhooks", "release"]) => {
            let Release { order, copies } = parse(body)?;
            Ok(json!({ "released": sim.world().outbox.release(&order, copies) }))
        }
        ("POST", ["webhooks", "resend", event]) => Ok(json!({ "sent": sim.world().outbox.resend(event) })),
        ("GET", ["webhooks", "signed", event]) => {
            let (signature, body) = signed(sim, event).map_err(refused)?;
            Ok(json!({ "signature": signature, "body": body }))
        }
        ("PUT", ["webhooks", "secrets"]) => {
            let Secrets { secrets } = parse(body)?;
            set_secrets(sim, &secrets);
            done()
        }
        ("GET", ["webhook_faults"]) => Ok(json!(sim.world().outbox.faults.list())),
        ("POST", ["webhook_faults"]) => control::plan(&sim.world().outbox.faults, body),
        ("DELETE", ["webhook_faults"]) => {
            sim.world().outbox.faults.clear();
            done()
        }
        _ => Err((StatusCode::NOT_FOUND, format!("no control for {method} /sim/{}", path.join("/")))),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settled {
    paid: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Closed {
    won: bool,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Method_ {
    behaviour: payment_methods::Behaviour,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Disputed {
    charge: String,
    #[serde(default)]
    amount: Option<i64>,
    #[serde(default = "fraudulent")]
    reason: String,
}

fn fraudulent() -> String {
    "fraudulent".to_owned()
}

/// What customers and banks do.
fn outside(sim: &Sim, method: &Method, path: &[&str], body: &[u8]) -> Result<Value, Refusal> {
    let mut world = sim.world();
    world.catch_up();
    let world = &mut *world;
    match (method.as_str(), path) {
        ("POST", ["checkout", id, "complete"]) => {
            checkout::complete(world, id, &parse(body)?).map_err(refused)?;
            Ok(world.rendered::<checkout::Session>(id))
        }
        ("POST", ["payments", id, "settle"]) => {
            let Settled { paid } = parse(body)?;
            payments::settle_delayed(world, id, paid).map_err(refused)?;
            Ok(world.rendered::<payments::PaymentIntent>(id))
        }
        ("POST", ["customers", id, "payment_method"]) => {
            let Method_ { behaviour } = parse(body)?;
            world.find::<super::api::customers::Customer>(id).map_err(refused)?;
            let method = payment_methods::set_default(world, id, behaviour).map_err(refused)?;
            Ok(json!({ "payment_method": method }))
        }
        ("POST", ["disputes"]) => {
            let Disputed { charge, amount, reason } = parse(body)?;
            let id = disputes::open(world, &charge, amount, &reason).map_err(refused)?;
            Ok(world.rendered::<disputes::Dispute>(&id))
        }
        ("POST", ["disputes", id, "close"]) => {
            let Closed { won } = parse(body)?;
            disputes::close(world, id, won).map_err(refused)?;
            Ok(world.rendered::<disputes::Dispute>(id))
        }
        ("POST", ["refunds", id, "fail"]) => {
            refunds::fail(world, id).map_err(refused)?;
            Ok(world.rendered::<refunds::Refund>(id))
        }
        ("POST", ["meter_events", "reject"]) => {
            reject_meter_event(world, &parse(body)?).map_err(refused)?;
            done()
        }
        _ => Err((StatusCode::NOT_FOUND, format!("no control for {method} /sim/{}", path.join("/")))),
    }
}
