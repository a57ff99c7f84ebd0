//! kill -9 of the worker, at every step between reserve and settle: no call is charged twice, none is lost unseen.

use std::collections::BTreeSet;

use octroi_sim::openai::FaultKind;
use octroi_tests::books::provider_bill;
use octroi_tests::child::Worker;
use octroi_tests::client::{Client, chat};
use octroi_tests::deadline::{eventually, within};
use octroi_tests::gateway::{Gateway, provider};
use octroi_tests::stage::{Stage, play};
use serde_json::{Value, json};
use uuid::Uuid;

const CHAT: &str = "/v1/chat/completions";

/// Lets every hold run out and checks the books: what the provider served and we did not settle is what expired.
async fn assert_the_loss_is_listed(stage: &Stage, sim: &octroi_sim::openai::Handle) {
    stage.let_pass(time::Duration::hours(1)).await;
    octroi_tests::verbs::expire_due(&stage.pool).await;
    assert_eq!(stage.requests().await.open, 0);
    let expired: Vec<Uuid> =
        sqlx::query_scalar("select id from octroi_private.request where state = 'expired'")
            .fetch_all(&stage.pool)
            .await
            .unwrap();
    let ours: BTreeSet<Uuid> = stage.our_bill().await.into_keys().collect();
    let lost: Vec<Uuid> = provider_bill(sim).into_keys().filter(|id| !ours.contains(id)).collect();
    assert!(lost.iter().all(|id| expired.contains(id)), "lost {lost:?}, expired {expired:?}");
    assert!(ours.iter().all(|id| !expired.contains(id)), "charged and expired");
    stage.assert_sound().await;
}

fn call(client: &Client, body: Value) -> tokio::task::JoinHandle<bool> {
    let request = client.request(http::Method::POST, CHAT).json(&body);
    tokio::spawn(async move {
        match request.send().await {
            Ok(response) => {
                response.text().await.is_ok_and(|text| text.contains("[DONE]") || text.contains("\"usage\""))
            }
            Err(_) => false,
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_the_provider_thinks_or_streams() {
    play(async |stage| {
        let sim = provider().await;
        let caller = stage.sign_up_with(&[("account", "", "tokens", "month", 1_000_000, 0)]).await;
        let key = stage.make_key(caller, json!([])).await;
        let mut faults = vec![(FaultKind::StallBeforeHeaders { for_ms: None }, false)];
        faults.extend(
            [0, 1, 2, 5, 10].map(|chunks| (FaultKind::StallAfterChunks { chunks, for_ms: None }, true)),
        );
        // before the reason it finished for, before the usage, before the end
        faults.extend([3, 2, 1].map(|chunks| (FaultKind::StallBeforeLast { chunks, for_ms: None }, true)));
        for (fault, stream) in faults {
            let worker = Worker::start(stage, &sim, &[]).await;
            sim.fault(fault.clone()).unwrap();
            let text = "Speak. [[output_tokens=40]]";
            let body = chat(json!({ "stream": stream, "messages": [{ "role": "user", "content": text }] }));
            let answer = call(&worker.client.with(&key.secret), body);
            within("the call to be stopped", sim.held(1)).await.unwrap();
            worker.kill().await;
            sim.release();
            assert!(!answer.await.unwrap(), "{fault:?}: nobody was told that all is well");
        }
        assert_eq!(stage.requests().await.open, 9);
        assert_the_loss_is_listed(stage, &sim).await;
        assert_eq!(
            stage.balance(caller, "tokens", "month").await.used,
            0,
            "the customer does not pay for our crash"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_the_settle_waits_for_the_database() {
    play(async |stage| {
        let sim = provider().await;
        let caller = stage.sign_up_with(&[("account", "", "tokens", "month", 1_000_000, 0)]).await;
        let key = stage.make_key(caller, json!([])).await;
        for stream in [false, true] {
            let worker = Worker::start(stage, &sim, &[]).await;
            sim.fault(FaultKind::StallBeforeHeaders { for_ms: None }).unwrap();
            let answer = call(&worker.client.with(&key.secret), chat(json!({ "stream": stream })));
            within("the call to reach the provider", sim.held(1)).await.unwrap();
            let mut transaction = stage.pool.begin().await.unwrap();
            sqlx::query("select from octroi_private.balance for update").execute(&mut *transaction).await.unwrap();
            sim.release();
            eventually("the settle waits", async || {
                let waiting: i64 = sqlx::query_scalar(
                    "select count(*) from pg_stat_activity
                     where usename = 'octroi_worker' and datname = current_database() and wait_event_type = 'Lock'",
                )
                .fetch_one(&stage.pool)
                .await
                .unwrap();
                (waiting > 0).then_some(())
            })
            .await;
            worker.kill().await;
            transaction.rollback().await.unwrap();
            assert!(!answer.await.unwrap(), "not acknowledged");
            // The database may still carry out what it had been asked; either way it is whole.
            eventually("the worker's sessions are gone", async || {
                let left: i64 = sqlx::query_scalar(
                    "select count(*) from pg_stat_activity where usename = 'octroi_worker' and datname = current_database()",
                )
                .fetch_one(&stage.pool)
                .await
                .unwrap();
                (left == 0).then_some(())
            })
            .await;
        }
        assert_the_loss_is_listed(stage, &sim).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_under_load_and_started_again() {
    play(async |stage| {
        let sim = provider().await;
        let caller = stage.sign_up_with(&[("account", "", "tokens", "month", 10_000_000, 0)]).await;
        let key = stage.make_key(caller, json!([])).await;
        let mut acknowledged = 0;
        for round in 0..4 {
            let worker = Worker::start(stage, &sim, &[]).await;
            let client = worker.client.with(&key.secret);
            let calls: Vec<_> = (0..60)
                .map(|number| call(&client, chat(json!({ "stream": number % 2 == 0, "seed": number }))))
                .collect();
            let wanted = sim.totals().delivered + 10 + round * 5;
            within("some answers", sim.ledger_when(|report| report.totals.delivered >= wanted))
                .await
                .unwrap();
            worker.kill().await;
            for call in calls {
                acknowledged += usize::from(call.await.unwrap());
            }
        }
        assert!(stage.usage_events().await.len() >= acknowledged, "whatever was acknowledged is settled");
        let gateway = Gateway::start(stage, &sim).await;
        assert_eq!(gateway.client.with(&key.secret).post(CHAT, &chat(json!({}))).await.status, 200);
        gateway.stop().await;
        assert_the_loss_is_listed(stage, &sim).await;
    })
    .await;
}
