//! Stopping in order, and going on when the database goes away and comes back.

use octroi_sim::openai::FaultKind;
use octroi_tests::child::Worker;
use octroi_tests::client::{chat, read};
use octroi_tests::deadline::{eventually, within};
use octroi_tests::gateway::provider;
use octroi_tests::stage::play;
use serde_json::json;

const CHAT: &str = "/v1/chat/completions";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_lets_calls_under_way_finish_and_takes_no_more() {
    play(async |stage| {
        let sim = provider().await;
        let worker = Worker::start(stage, &sim, &[]).await;
        let caller = stage.sign_up_with(&[("account", "", "tokens", "month", 1_000_000, 0)]).await;
        let client = worker.client.with(&stage.make_key(caller, json!([])).await.secret);
        sim.fault(FaultKind::StallAfterChunks { chunks: 3, for_ms: None }).unwrap();
        sim.fault(FaultKind::StallBeforeHeaders { for_ms: None }).unwrap();
        let streamed = client.open(CHAT, &chat(json!({ "stream": true }))).await;
        let plain = tokio::spawn({
            let client = client.clone();
            async move { client.post(CHAT, &chat(json!({}))).await }
        });
        within("both calls to be held", sim.held(2)).await.unwrap();
        worker.terminate();
        eventually("the worker takes no more calls", async || {
            let request = client.request(http::Method::POST, CHAT).json(&chat(json!({})));
            let refused = match request.send().await {
                Ok(response) => response.status() == 503,
                Err(_) => true,
            };
            refused.then_some(())
        })
        .await;
        sim.release();
        let streamed = read(streamed).await;
        assert!(streamed.body.ends_with(b"data: [DONE]\n\n"), "{streamed:?}");
        assert_eq!(plain.await.unwrap().status, 200);
        worker.ended().await;
        stage.assert_billed_as_by(&sim).await;
        assert!(stage.usage_events().await.len() >= 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_finish_in_time_is_settled_as_far_as_it_came() {
    play(async |stage| {
        let sim = provider().await;
        let worker = Worker::start(stage, &sim, &[("OCTROI_DRAIN_SECONDS", "0")]).await;
        let caller = stage.sign_up_with(&[("account", "", "tokens", "month", 1_000_000, 0)]).await;
        let client = worker.client.with(&stage.make_key(caller, json!([])).await.secret);
        sim.fault(FaultKind::StallAfterChunks { chunks: 5, for_ms: None }).unwrap();
        let call = client.open(CHAT, &chat(json!({ "stream": true }))).await;
        within("the call to be held", sim.held(1)).await.unwrap();
        worker.terminate();
        worker.ended().await;
        drop(call);
        let events = stage.usage_events().await;
        assert_eq!((events.len(), events[0].source.as_str()), (1, "estimated"));
        assert_eq!(stage.requests().await.open, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_connections_are_opened_again_and_no_call_is_lost() {
    play(async |stage| {
        let sim = provider().await;
        let worker = Worker::start(stage, &sim, &[]).await;
        let caller = stage.sign_up_with(&[("account", "", "tokens", "month", 1_000_000, 0)]).await;
        let client = worker.client.with(&stage.make_key(caller, json!([])).await.secret);
        for _ in 0..5 {
            sim.fault(FaultKind::StallBeforeHeaders { for_ms: None }).unwrap();
            let call = tokio::spawn({
                let client = client.clone();
                async move { client.post(CHAT, &chat(json!({}))).await }
            });
            within("the call to be held", sim.held(1)).await.unwrap();
            sqlx::query("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'octroi_worker' and datname = current_database()")
                .execute(&stage.pool)
                .await
                .unwrap();
            sim.release();
            assert_eq!(call.await.unwrap().status, 200, "the settle is tried until it is done");
        }
        stage.assert_billed_as_by(&sim).await;
        worker.terminate();
        worker.ended().await;
    })
    .await;
}
