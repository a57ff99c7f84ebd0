//! Streams that come in odd pieces, break off or fail: what is charged is what came, and nothing broken looks whole.

use octroi_sim::openai::{FaultKind, Settings};
use octroi_tests::cast::Caller;
use octroi_tests::client::{Client, Reply, chat};
use octroi_tests::gateway::{Gateway, provider};
use octroi_tests::stage::{Stage, play};
use serde_json::{Value, json};

const CHAT: &str = "/v1/chat/completions";
const RESPONSES: &str = "/v1/responses";

async fn customer(stage: &Stage, gateway: &Gateway) -> (Caller, Client) {
    let caller = stage.sign_up_with(&[("account", "", "tokens", "month", 1_000_000, 0)]).await;
    let key = stage.make_key(caller, json!([])).await;
    (caller, gateway.client.with(&key.secret))
}

/// The whole answer, or what came of it before it broke off.
async fn try_post(client: &Client, path: &str, body: &Value) -> Result<Reply, reqwest::Error> {
    let response = client.open(path, body).await;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = response.bytes().await?;
    Ok(Reply { status, headers, body })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_split_anywhere_change_nothing() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let (_, client) = customer(stage, &gateway).await;
        let text = "Speak: 計量 🙂 [[output_tokens=20]]";
        let bodies = [
            (CHAT, chat(json!({ "stream": true, "messages": [{ "role": "user", "content": text }] }))),
            (RESPONSES, json!({ "model": "gpt-5.4-mini", "stream": true, "input": text })),
        ];
        for (path, body) in &bodies {
            let splits = [
                FaultKind::SplitEveryByte { delay_ms: 0 },
                FaultKind::SplitInsideUtf8,
                FaultKind::SplitAt { offsets: (1..4_000).step_by(7).collect() },
                FaultKind::SplitAt { offsets: vec![] },
            ];
            for split in splits {
                sim.fault(split).unwrap();
                let reply = client.post(path, body).await;
                let text = String::from_utf8(reply.body.to_vec()).unwrap();
                let whole = text.ends_with("[DONE]\n\n") || text.contains("event: response.completed");
                assert!(reply.status == 200 && whole, "{text}");
            }
        }
        stage.assert_billed_as_by(&sim).await;
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_breaks_off_is_charged_what_came_and_never_looks_whole() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let (_, client) = customer(stage, &gateway).await;
        let text = "Speak. [[output_tokens=40]]";
        let bodies = [
            (CHAT, chat(json!({ "stream": true, "messages": [{ "role": "user", "content": text }] }))),
            (RESPONSES, json!({ "model": "gpt-5.4-mini", "stream": true, "input": text })),
        ];
        for (path, body) in &bodies {
            for fault in [
                FaultKind::CutAfterChunks { chunks: 0, reset: false },
                FaultKind::CutAfterChunks { chunks: 5, reset: false },
                FaultKind::CutAfterChunks { chunks: 9, reset: true },
                FaultKind::CutAtByte { offset: 777, reset: false },
                FaultKind::ErrorEvent { chunks: 8 },
            ] {
                sim.fault(fault.clone()).unwrap();
                let before = stage.usage_events().await.len();
                if let Ok(reply) = try_post(&client, path, body).await {
                    let text = String::from_utf8_lossy(&reply.body);
                    let whole = text.contains("[DONE]") || text.contains("response.completed");
                    assert!(reply.status != 200 || !whole, "{fault:?}: {text}");
                }
                stage.when_quiet().await;
                let events = stage.usage_events().await;
                assert_eq!(events.len(), before + 1, "{fault:?} is charged");
                let event = events.last().unwrap();
                assert_eq!((event.source.as_str(), event.overrun_tokens), ("estimated", 0), "{fault:?}");
                let provider = sim.ledger().last().unwrap().charged.output_tokens as i64;
                assert!(
                    event.output_tokens <= provider + 1,
                    "{fault:?}: {} of {provider}",
                    event.output_tokens
                );
            }
        }
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_response_that_fails_after_a_word_or_stays_incomplete_is_settled() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let (_, client) = customer(stage, &gateway).await;
        let faults =
            [FaultKind::ResponseFailed { chunks: 8 }, FaultKind::ResponseIncomplete, FaultKind::NoDone];
        for (count, fault) in faults.into_iter().enumerate() {
            sim.fault(fault.clone()).unwrap();
            let body =
                json!({ "model": "gpt-5.4-mini", "stream": true, "input": "hello", "max_output_tokens": 200 });
            let _ = try_post(&client, RESPONSES, &body).await;
            stage.when_quiet().await;
            assert_eq!(stage.usage_events().await.len(), count + 1, "{fault:?}");
        }
        sim.fault(FaultKind::NoDone).unwrap();
        let _ = try_post(&client, CHAT, &chat(json!({ "stream": true }))).await;
        stage.when_quiet().await;
        assert_eq!(stage.usage_events().await.last().unwrap().source, "provider", "its usage had come");
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_provider_is_waited_for() {
    play(async |stage| {
        let sim = provider().await;
        sim.set(Settings { first_token_delay_ms: 150, chunk_delay_ms: 3, ..Settings::default() });
        let gateway = Gateway::start(stage, &sim).await;
        let (_, client) = customer(stage, &gateway).await;
        sim.fault(FaultKind::SlowStart { delay_ms: 100 }).unwrap();
        assert_eq!(client.post(CHAT, &chat(json!({ "stream": true }))).await.status, 200);
        sim.fault(FaultKind::HugeChunk { bytes: 200_000 }).unwrap();
        let _ = try_post(&client, CHAT, &chat(json!({ "stream": true }))).await;
        stage.when_quiet().await;
        let event = &stage.usage_events().await[0];
        assert_eq!(event.source, "provider");
        gateway.stop().await;
    })
    .await;
}
