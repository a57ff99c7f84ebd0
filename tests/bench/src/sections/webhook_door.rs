//! The webhook door under load: signed events to the edge function, each answered once it is stored for good, and the
//! worker behind it, which must lose none.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use hmac::{Hmac, Mac};
use serde_json::json;
use sha2::Sha256;
use sqlx::PgConnection;
use tokio::task::JoinSet;

use crate::figure::{Figure, Target};
use crate::load::{Connection, Request};
use crate::rig::Rig;
use crate::shop::{Shop, WEBHOOK_SECRET};
use crate::window::{Opened, Series, Work, percentile};

/// Deliveries at once; Stripe bounds neither these nor their rate.
const DELIVERIES: usize = 16;
/// Customers whose subscriptions the events are about.
const CUSTOMERS: u32 = 20;
/// Events a second that the door has to take.
const EVENTS_MIN: f64 = 300.0;

/// Measures it, and that every event it took was handled.
pub async fn measure(rig: &Rig) -> Result<Vec<Figure>> {
    let shop = Shop::open(rig, "bench_door").await?;
    let measured = at_the_door(rig, &shop).await;
    shop.close().await?;
    measured
}

async fn at_the_door(rig: &Rig, shop: &Shop) -> Result<Vec<Figure>> {
    shop.subscribe(rig, CUSTOMERS).await?;
    let mut connection = shop.superuser(rig).await?;
    let subscriptions: Vec<String> = sqlx::query_scalar("select id from octroi_private.stripe_subscription")
        .fetch_all(&mut connection)
        .await?;
    let (mut accepted, mut drained, mut sent) = (Series::default(), Vec::new(), 0);
    for round in 0..rig.scale.rounds {
        Rig::say("Webhooks at the door");
        let watched = [rig.postmaster, shop.door.running.pid];
        let opened = Opened::now(&watched)?;
        let work = knock(rig, shop, round, &subscriptions).await?;
        accepted.push(opened.close(&watched, work)?);
        sent += work.operations as i64;
        let drain = Instant::now();
        shop.quiet(rig).await?;
        drained.push(drain.elapsed().as_secs_f64());
    }
    let (kept, left) = kept(&mut connection).await?;
    ensure!(kept == sent, "{sent} events were answered 200, and {kept} are kept");
    let steal = accepted.steal_percent();
    Ok(vec![
        Figure::new(
            "webhook events accepted durably",
            "events/s",
            accepted.rate(),
            None,
            Target::AtLeast(EVENTS_MIN),
        )
        .with_cost((accepted.cpu_us(), 0.0), steal),
        Figure::new("webhook event, p50", "us", accepted.p50_us(), None, Target::None),
        Figure::new(
            "backlog of such a window worked off",
            "s",
            drained.iter().copied().fold(0.0, f64::max),
            None,
            Target::None,
        ),
        Figure::new(
            "webhook events answered 200: kept, vs sent",
            "events",
            kept as f64,
            Some(sent as f64),
            Target::RatioAtLeast(1.0),
        ),
        Figure::new(
            "webhook events not applied after the drain",
            "events",
            left as f64,
            None,
            Target::AtMost(0.0),
        ),
    ])
}

/// Events of the load that are kept, and those of them whose object was not fetched and applied after they came.
async fn kept(connection: &mut PgConnection) -> Result<(i64, i64)> {
    Ok(sqlx::query_as(
        "select count(*), count(*) filter (
           where e.state <> 'done' or o.applied_at is null or o.applied_at < e.received_at
         )
         from octroi_private.stripe_event as e
         left join octroi_private.stripe_object as o on o.kind = e.object_kind and o.id = e.object_id
         where e.id like 'evt\\_bench\\_%'",
    )
    .fetch_one(connection)
    .await?)
}

/// Knocks for one window, each delivery as soon as the one before it is answered. Only a 200 counts.
async fn knock(rig: &Rig, shop: &Shop, round: usize, subscriptions: &[String]) -> Result<Work> {
    let started = Instant::now();
    let mut knocking = JoinSet::new();
    for delivery in 0..DELIVERIES {
        let (address, window) = (shop.door.address, rig.scale.window);
        let subscriptions = subscriptions.to_vec();
        knocking.spawn(async move {
            let mut connection = Connection::open(address).await?;
            let mut latencies_us = Vec::new();
            while started.elapsed() < window {
                let number = latencies_us.len();
                let subscription = subscriptions
                    .get((number * DELIVERIES + delivery) % subscriptions.len())
                    .context("nobody is subscribed")?;
                let request = signed(&format!("evt_bench_{round}_{delivery}_{number}"), subscription)?;
                let asked = Instant::now();
                connection.answer(&request).await?;
                latencies_us.push(asked.elapsed().as_secs_f64() * 1e6);
            }
            anyhow::Ok(latencies_us)
        });
    }
    let mut latencies_us = Vec::new();
    while let Some(done) = knocking.join_next().await {
        latencies_us.extend(done??);
    }
    latencies_us.sort_by(f64::total_cmp);
    Ok(Work {
        operations: latencies_us.len() as f64,
        seconds: started.elapsed().as_secs_f64(),
        p50_us: percentile(&latencies_us, 50.0),
        p99_us: percentile(&latencies_us, 99.0),
    })
}

/// An event as Stripe sends it, about a subscription that changed.
fn signed(id: &str, subscription: &str) -> Result<Request> {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO)
        .as_secs();
    let body = json!({
        "id": id, "object": "event", "type": "customer.subscription.updated", "created": now,
        "api_version": "2026-09-30.endive", "livemode": false,
        "data": { "object": { "id": subscription, "object": "subscription", "status": "active", "metadata": {} } },
    })
    .to_string();
    let mut signature = Hmac::<Sha256>::new_from_slice(WEBHOOK_SECRET.as_bytes())?;
    signature.update(format!("{now}.{body}").as_bytes());
    let digest: String = signature.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Request::post("/stripe-webhook", &format!("stripe-signature: t={now},v1={digest}\r\n"), &body))
}
