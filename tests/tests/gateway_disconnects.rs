//! A client that leaves changes who listens, never what is charged.

use octroi_sim::openai::Settings;
use octroi_tests::client::{Client, chat};
use octroi_tests::deadline::within;
use octroi_tests::gateway::{Gateway, provider};
use octroi_tests::stage::{Stage, play};
use serde_json::{Value, json};

async fn customer(stage: &Stage, gateway: &Gateway) -> Client {
    let caller = stage.sign_up_with(&[("account", "", "tokens", "month", 1_000_000, 0)]).await;
    gateway.client.with(&stage.make_key(caller, json!([])).await.secret)
}

/// Reads so many events of a stream, then leaves; how many there were.
async fn leave_after(client: &Client, path: &str, body: &Value, events: usize) -> usize {
    let mut response = client.open(path, body).await;
    let mut seen = 0;
    let mut tail = Vec::new();
    while seen < events {
        let Some(chunk) = response.chunk().await.unwrap() else { break };
        tail.extend_from_slice(&chunk);
        seen = tail.windows(2).filter(|pair| pair == b"\n\n").count();
    }
    seen
}

async fn leave_at_every_event(path: &str, body: Value) {
    play(async |stage| {
        let sim = provider().await;
        // A pause between chunks lets the client's departure be seen between any two of them.
        sim.set(Settings { chunk_delay_ms: 2, ..Settings::default() });
        let gateway = Gateway::start(stage, &sim).await;
        let client = customer(stage, &gateway).await;
        let whole = leave_after(&client, path, &body, usize::MAX).await;
        assert!(whole > 10, "{whole} events");
        for events in 0..=whole {
            leave_after(&client, path, &body, events).await;
        }
        let calls = whole as u64 + 2;
        within("the provider's answers", sim.finished(calls)).await.unwrap();
        stage.when_quiet().await;
        assert_eq!(sim.totals().delivered, calls, "each was read to its end");
        stage.assert_billed_as_by(&sim).await;
        assert!(stage.usage_events().await.iter().all(|event| event.source == "provider"));
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaving_a_chat_at_any_event_is_charged_as_the_provider_charges() {
    let text = "Say something. [[output_tokens=16]]";
    let body = chat(json!({ "stream": true, "messages": [{ "role": "user", "content": text }] }));
    leave_at_every_event("/v1/chat/completions", body).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaving_a_response_at_any_event_is_charged_as_the_provider_charges() {
    let body =
        json!({ "model": "gpt-4o-mini", "input": "Say something. [[output_tokens=12]]", "stream": true });
    leave_at_every_event("/v1/responses", body).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_before_a_plain_answer_is_charged_what_was_generated() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let client = customer(stage, &gateway).await;
        sim.fault(octroi_sim::openai::FaultKind::StallBeforeHeaders { for_ms: None }).unwrap();
        let body = chat(json!({ "max_completion_tokens": 50 }));
        let call = tokio::spawn(async move { client.post("/v1/chat/completions", &body).await });
        within("the call to reach the provider", sim.held(1)).await.unwrap();
        call.abort();
        assert!(call.await.is_err());
        sim.release();
        within("the provider's answer", sim.finished(1)).await.unwrap();
        stage.assert_billed_as_by(&sim).await;
        assert_eq!(stage.usage_events().await[0].source, "provider");
        gateway.stop().await;
    })
    .await;
}
