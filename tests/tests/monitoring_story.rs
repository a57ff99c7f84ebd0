//! An operator's bad day, as Prometheus sees it: what a real worker tells raises the alerts that say what is wrong, and
//! no others.

use std::collections::BTreeSet;

use octroi_sim::openai::{FaultKind, Handle};
use octroi_tests::child::Worker;
use octroi_tests::client::{Client, chat};
use octroi_tests::deadline::eventually;
use octroi_tests::gateway::provider;
use octroi_tests::promtool::Scrapes;
use octroi_tests::stage::{Stage, play};
use serde_json::json;

const CHAT: &str = "/v1/chat/completions";

fn status(status: u16) -> FaultKind {
    FaultKind::Status { status, code: None, retry_after_seconds: None }
}

/// Calls that are answered.
async fn calls(client: &Client, count: usize) {
    for stream in [false, true].into_iter().cycle().take(count) {
        assert_eq!(client.post(CHAT, &chat(json!({ "stream": stream }))).await.status, 200);
    }
}

/// Calls that each meet a fault of their own.
async fn faulty_calls(client: &Client, sim: &Handle, fault: &FaultKind, count: usize) {
    for _ in 0..count {
        sim.fault(fault.clone()).unwrap();
        client.post(CHAT, &chat(json!({ "max_completion_tokens": 50 }))).await;
    }
}

async fn customer(stage: &Stage, worker: &Worker) -> Client {
    let caller = stage.sign_up_with(&[("account", "", "tokens", "month", 1_000_000, 0)]).await;
    let key = stage.make_key(caller, json!([])).await;
    worker.client.with(&key.secret)
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_wrong_is_what_fires_and_nothing_else() {
    play(async |stage| {
        let sim = provider().await;
        let worker = Worker::start(stage, &sim, &[]).await;
        let client = customer(stage, &worker).await;
        let mut scrapes = Scrapes::default();

        // A quiet hour: calls, refusals for what requests say, nothing that is the operator's.
        for _ in 0..3 {
            calls(&client, 8).await;
            faulty_calls(&client, &sim, &status(400), 2).await;
            scrapes.take(&worker.client).await;
        }
        scrapes.hold(10);
        let quiet = scrapes.now();

        // The provider fails for some minutes, then refuses the operator's key and uses more than it may.
        for _ in 0..6 {
            faulty_calls(&client, &sim, &status(500), 10).await;
            scrapes.take(&worker.client).await;
        }
        let failing = scrapes.now();
        faulty_calls(&client, &sim, &status(401), 1).await;
        let overrun = FaultKind::Overrun { output_tokens: 500, input_tokens: 0 };
        faulty_calls(&client, &sim, &overrun, 1).await;
        scrapes.take(&worker.client).await;
        let refused = scrapes.now();

        // An hour later it is mended.
        scrapes.hold(70);
        for _ in 0..3 {
            calls(&client, 8).await;
            scrapes.take(&worker.client).await;
        }
        scrapes.hold(5);
        let mended = scrapes.now();

        worker.kill().await;
        scrapes.take(&client).await;
        scrapes.hold(5);

        assert_eq!(scrapes.firing(quiet), set(&[]));
        assert_eq!(scrapes.firing(failing), set(&["OctroiGatewayFails", "OctroiProviderFails"]));
        let wrong =
            ["OctroiGatewayFails", "OctroiOverrun", "OctroiProviderFails", "OctroiProviderRefusesOwnAccount"];
        assert_eq!(scrapes.firing(refused), set(&wrong));
        assert_eq!(scrapes.firing(mended), set(&[]));
        assert_eq!(scrapes.firing(scrapes.now()), set(&["OctroiWorkerDown"]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_due_and_the_sign_of_a_breach_are_told_by_the_worker() {
    play(async |stage| {
        let ada = stage.sign_up("ada").await;
        sqlx::query("select octroi_private.open_privacy_request($1, 'access', 'operator')")
            .bind(ada.user_id)
            .execute(&stage.pool)
            .await
            .unwrap();
        stage.let_pass(time::Duration::days(20)).await;
        let worker = Worker::start(stage, &provider().await, &[]).await;
        let mut scrapes = Scrapes::default();
        eventually("the request is told", async || {
            let told = worker.client.get("/metrics").await;
            String::from_utf8_lossy(&told.body).contains("octroi_privacy_requests_due 1").then_some(())
        })
        .await;
        scrapes.take(&worker.client).await;
        scrapes.hold(10);
        assert_eq!(scrapes.firing(scrapes.now()), set(&["OctroiPrivacyRequestsDue"]));

        sqlx::query("select octroi_private.count_refusals('{unknown_key}', '{null}', '{null}', '{1000000}')")
            .execute(&stage.pool)
            .await
            .unwrap();
        eventually("the signal is told", async || {
            let told = worker.client.get("/metrics").await;
            String::from_utf8_lossy(&told.body).contains("octroi_security_signals_total{").then_some(())
        })
        .await;
        scrapes.take(&worker.client).await;
        scrapes.hold(2);
        worker.kill().await;
        assert_eq!(scrapes.firing(scrapes.now()), set(&["OctroiPrivacyRequestsDue", "OctroiSecuritySignal"]));
    })
    .await;
}
