//! kill -9 of Postgres, postmaster and all backends, under load: whatever was acknowledged is still there.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use octroi_tests::cast::Caller;
use octroi_tests::client::{Client, chat};
use octroi_tests::cluster::Cluster;
use octroi_tests::deadline::{eventually, within};
use octroi_tests::gateway::{Gateway, provider};
use octroi_tests::seed::Dice;
use octroi_tests::stage::Stage;
use octroi_tests::verbs::{Call, Usage, try_reserve_many, try_settle_many};
use serde_json::json;
use sqlx::{Connection, PgConnection};
use tokio::task::JoinSet;
use uuid::Uuid;

const ROUNDS: usize = 5;
const CLIENTS: u64 = 6;
/// Acknowledged settles to wait for before each kill.
const SETTLES_A_ROUND: usize = 150;

/// What the clients were told.
#[derive(Debug, Default)]
struct Acknowledged {
    reserved: Mutex<Vec<Uuid>>,
    /// Tokens recorded, by request.
    settled: Mutex<BTreeMap<Uuid, i64>>,
    /// Usage ids of whole answers of the gateway.
    answered: Mutex<Vec<Uuid>>,
    count: AtomicUsize,
}

/// Reserves and settles in batches until the connection dies.
async fn spend_until_cut(stage: &Stage, callers: &[Caller], told: Arc<Acknowledged>, lane: u64) {
    let mut dice = Dice::new(lane);
    let Ok(mut connection) = PgConnection::connect_with(&stage.superuser()).await else { return };
    loop {
        let calls: Vec<Call> =
            (0..1 + dice.below(8)).map(|_| Call::new(*dice.pick(callers), 5, 20)).collect();
        let verdicts = match try_reserve_many(&mut connection, &calls).await {
            Ok(verdicts) => verdicts,
            Err(error) => return assert_cut(&error),
        };
        let granted: Vec<Uuid> = verdicts.iter().filter(|v| v.is_granted()).map(|v| v.request_id).collect();
        told.reserved.lock().unwrap().extend(&granted);
        let usages: Vec<Usage> =
            granted.iter().skip(1).map(|id| Usage::new(*id, 5, dice.below(30) as i64)).collect();
        let outcomes = match try_settle_many(&mut connection, &usages).await {
            Ok(outcomes) => outcomes,
            Err(error) => return assert_cut(&error),
        };
        told.settled.lock().unwrap().extend(outcomes.iter().map(|o| (o.request_id, o.total_tokens.unwrap())));
        told.count.fetch_add(outcomes.len(), Ordering::Relaxed);
    }
}

/// Only the kill may end a client.
fn assert_cut(error: &sqlx::Error) {
    let code = error.as_database_error().and_then(|error| error.code()).unwrap_or_default().into_owned();
    assert!(code.is_empty() || code.starts_with("57P"), "{error}");
}

/// Calls the gateway until told to stop, whatever it answers.
async fn call_until(client: Client, told: Arc<Acknowledged>, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        let reply = client.post("/v1/chat/completions", &chat(json!({ "max_completion_tokens": 30 }))).await;
        match reply.status.as_u16() {
            200 => told.answered.lock().unwrap().push(reply.usage_id()),
            _ => reply.assert_openai_error(503),
        }
    }
}

async fn assert_nothing_acknowledged_is_lost(stage: &Stage, told: &Acknowledged) {
    // Before the books are read: the gateway goes on answering meanwhile.
    let answered = told.answered.lock().unwrap().clone();
    let known: Vec<Uuid> =
        sqlx::query_scalar("select id from octroi_private.request").fetch_all(&stage.pool).await.unwrap();
    let known: std::collections::BTreeSet<Uuid> = known.into_iter().collect();
    let reserved = told.reserved.lock().unwrap().clone();
    assert!(reserved.iter().all(|id| known.contains(id)), "an acknowledged reserve is lost");
    let events = stage.usage_events().await;
    let recorded: BTreeMap<Uuid, i64> = events.iter().map(|event| (event.id, event.total_tokens)).collect();
    for (id, tokens) in told.settled.lock().unwrap().iter() {
        assert_eq!(recorded.get(id), Some(tokens), "an acknowledged settle is lost");
    }
    assert!(answered.iter().all(|id| recorded.contains_key(id)), "an answered call is not in the books");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_acknowledged_is_lost() {
    let cluster = Cluster::start().await;
    let stage = Arc::new(Stage::open(&cluster.superuser()).await);
    let sim = provider().await;
    let limits = [("account", "", "tokens", "month", 100_000_000, 0)];
    let callers: Vec<Caller> = vec![stage.sign_up_with(&limits).await, stage.sign_up_with(&limits).await];
    let key = stage.make_key(callers[0], json!([])).await;
    let gateway = Gateway::start(&stage, &sim).await;
    let (told, stop) = (Arc::new(Acknowledged::default()), Arc::new(AtomicBool::new(false)));
    let mut customers = JoinSet::new();
    for _ in 0..2 {
        customers.spawn(call_until(gateway.client.with(&key.secret), Arc::clone(&told), Arc::clone(&stop)));
    }
    for round in 0..ROUNDS {
        let mut clients = JoinSet::new();
        for lane in 0..CLIENTS {
            let (stage, callers, told) = (Arc::clone(&stage), callers.clone(), Arc::clone(&told));
            clients.spawn(async move { spend_until_cut(&stage, &callers, told, lane).await });
        }
        let enough = (round + 1) * SETTLES_A_ROUND;
        eventually("enough is settled", async || {
            (told.count.load(Ordering::Relaxed) >= enough).then_some(())
        })
        .await;
        cluster.kill().await;
        within("the clients to notice", clients.join_all()).await;
        cluster.resume().await;
        assert_nothing_acknowledged_is_lost(&stage, &told).await;
    }
    let answered = told.answered.lock().unwrap().len();
    eventually("the gateway serves again by itself", async || {
        (told.answered.lock().unwrap().len() > answered).then_some(())
    })
    .await;
    stop.store(true, Ordering::Relaxed);
    within("the customers", customers.join_all()).await;
    gateway.stop().await;
    assert_nothing_acknowledged_is_lost(&stage, &told).await;
    println!(
        "{} settles and {answered} answers were acknowledged over {ROUNDS} kills, and none was lost",
        told.count.load(Ordering::Relaxed)
    );
    stage.assert_sound().await;
}
