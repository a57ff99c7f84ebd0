//! A client that leaves: what becomes of its stream is the plan's to say, and what is charged follows from that.

use octroi_sim::openai::{FaultKind, Handle, OnDisconnect, Settings, State};
use octroi_tests::client::{Client, chat, read, with};
use octroi_tests::deadline::within;
use octroi_tests::gateway::{Gateway, provider};
use octroi_tests::stage::{Stage, play};
use serde_json::{Value, json};
use uuid::Uuid;

const CHAT: &str = "/v1/chat/completions";
const RESPONSES: &str = "/v1/responses";

async fn customer(stage: &Stage, gateway: &Gateway, on_disconnect: &str) -> Client {
    let caller = stage.sign_up_with(&[("account", "", "tokens", "month", 1_000_000, 0)]).await;
    let updated = sqlx::query(
        "update octroi_private.plan_version as v set on_disconnect = $2
         from octroi_private.subscription as s where s.plan_version_id = v.id and s.account_id = $1",
    )
    .bind(caller.account_id)
    .bind(on_disconnect)
    .execute(&stage.pool)
    .await
    .unwrap();
    assert!(updated.rows_affected() > 0);
    gateway.client.with(&stage.make_key(caller, json!([])).await.secret)
}

/// What a client saw before it left.
struct Seen {
    usage_id: Uuid,
    events: usize,
    /// The text of a chat, or of a response.
    text: String,
}

/// Reads so many events of a stream, then leaves.
async fn leave_after(client: &Client, path: &str, body: &Value, events: usize) -> Seen {
    let mut response = client.open(path, body).await;
    let usage_id = response.headers()["x-usage-id"].to_str().unwrap().parse().unwrap();
    let mut bytes = Vec::new();
    let count = |bytes: &[u8]| bytes.windows(2).filter(|pair| pair == b"\n\n").count();
    while count(&bytes) < events {
        let Some(chunk) = response.chunk().await.unwrap() else { break };
        bytes.extend_from_slice(&chunk);
    }
    drop(response);
    let text = String::from_utf8(bytes.clone()).unwrap();
    let data =
        text.lines().filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok());
    let said = |event: Value| {
        let delta = event["choices"][0]["delta"]["content"].as_str().or(event["delta"].as_str());
        delta.unwrap_or_default().to_owned()
    };
    Seen { usage_id, events: count(&bytes), text: data.map(said).collect() }
}

fn paced(on_disconnect: OnDisconnect, chunk_delay_ms: u64) -> Settings {
    Settings { chunk_delay_ms, on_disconnect, ..Settings::default() }
}

fn chat_of(tokens: u32, more: Value) -> Value {
    let text = format!("Say something. [[output_tokens={tokens}]]");
    with(chat(json!({ "stream": true, "messages": [{ "role": "user", "content": text }] })), more)
}

fn response_of(tokens: u32) -> Value {
    let input = format!("Say something. [[output_tokens={tokens}]]");
    json!({ "model": "gpt-5.4-mini", "input": input, "stream": true })
}

async fn drained_at_every_event(path: &str, body: Value) {
    play(async |stage| {
        let sim = provider().await;
        // A pause between chunks lets the client's departure be seen between any two of them.
        sim.set(paced(OnDisconnect::Finish, 2));
        let gateway = Gateway::start(stage, &sim).await;
        let client = customer(stage, &gateway, "drain").await;
        let whole = leave_after(&client, path, &body, usize::MAX).await.events;
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
async fn on_a_plan_that_drains_leaving_a_chat_at_any_event_is_charged_as_the_provider_charges() {
    drained_at_every_event(CHAT, chat_of(16, json!({}))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_plan_that_drains_leaving_a_response_at_any_event_is_charged_as_the_provider_charges() {
    drained_at_every_event(RESPONSES, response_of(12)).await;
}

/// What the provider billed for a call.
fn billed(sim: &Handle, usage_id: Uuid) -> octroi_sim::openai::LedgerEntry {
    let id = usage_id.to_string();
    sim.ledger().into_iter().find(|entry| entry.client_request_id.as_deref() == Some(&id)).unwrap()
}

/// What the provider may have billed beyond what was charged, as the operator sees it.
async fn unconfirmed_tokens(stage: &Stage, usage_id: Uuid) -> Option<i64> {
    sqlx::query_scalar(
        "select unconfirmed_tokens from octroi_private.unconfirmed_usage where request_id = $1",
    )
    .bind(usage_id)
    .fetch_optional(&stage.pool)
    .await
    .unwrap()
}

async fn cancelled_at_some_events(path: &str, body: Value, whole_tokens: i64) {
    play(async |stage| {
        let sim = provider().await;
        sim.set(paced(OnDisconnect::Stop, 10));
        let gateway = Gateway::start(stage, &sim).await;
        let client = customer(stage, &gateway, "cancel").await;
        for (count, events) in (1..).zip([1, 4, 7, 12]) {
            let seen = leave_after(&client, path, &body, events).await;
            within("the provider to notice", sim.finished(count)).await.unwrap();
            stage.when_quiet().await;
            let (ours, theirs) = (stage.usage_event(seen.usage_id).await, billed(&sim, seen.usage_id));
            assert_eq!((ours.source.as_str(), theirs.state), ("estimated", State::ClientLeft), "{events}");
            let seen_tokens = octroi_worker::openai::Encoding::O200k.count(&seen.text) as i64;
            let billed_tokens = theirs.charged.output_tokens as i64;
            assert!(seen_tokens <= ours.output_tokens, "{events}: what was seen is charged");
            assert!(ours.output_tokens <= billed_tokens + 1, "{events}: and what came later is not");
            let inputs = (ours.input_tokens, theirs.charged.input_tokens as i64);
            assert!(
                inputs.0.abs_diff(inputs.1) <= 4,
                "{events}: the input is counted, not the margin of its hold"
            );
            assert!(billed_tokens < whole_tokens, "{events}: the provider stopped at {billed_tokens}");
            let difference = billed_tokens + theirs.charged.input_tokens as i64 - ours.total_tokens;
            let most = unconfirmed_tokens(stage, seen.usage_id).await.unwrap();
            assert!(difference <= most, "{events}: {difference} of at most {most}");
        }
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_chat_is_closed_at_the_provider_and_charged_as_far_as_it_came() {
    cancelled_at_some_events(CHAT, chat_of(300, json!({ "max_completion_tokens": 400 })), 300).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_response_is_closed_at_the_provider_and_charged_as_far_as_it_came() {
    cancelled_at_some_events(RESPONSES, response_of(300), 300).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_model_thought_is_charged_whoever_stopped_reading() {
    play(async |stage| {
        let sim = provider().await;
        sim.set(paced(OnDisconnect::Stop, 2));
        let gateway = Gateway::start(stage, &sim).await;
        let client = customer(stage, &gateway, "cancel").await;
        // One that always does, and one that does because it was asked to.
        for (calls, more) in (1..).zip([
            json!({ "model": "gpt-5.6-luna", "max_completion_tokens": 500 }),
            json!({ "model": "gpt-5.4-mini", "reasoning_effort": "high", "max_completion_tokens": 500 }),
        ]) {
            let seen = leave_after(&client, CHAT, &chat_of(90, more), 3).await;
            within("the provider's answer", sim.finished(calls)).await.unwrap();
            stage.assert_billed_as_by(&sim).await;
            let event = stage.usage_event(seen.usage_id).await;
            assert_eq!((event.source.as_str(), event.output_tokens), ("provider", 90));
            assert!(event.reasoning_tokens > 0);
            assert_eq!(unconfirmed_tokens(stage, seen.usage_id).await, None);
        }
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_once_all_is_said_is_charged_as_the_provider_charges() {
    play(async |stage| {
        let sim = provider().await;
        sim.set(paced(OnDisconnect::Stop, 2));
        let gateway = Gateway::start(stage, &sim).await;
        let client = customer(stage, &gateway, "cancel").await;
        let body = chat_of(10, json!({}));
        let whole = leave_after(&client, CHAT, &body, usize::MAX).await.events;
        // Many clients stop at the reason it finished for, and never read the usage that follows it.
        sim.fault(FaultKind::StallBeforeLast { chunks: 2, for_ms: Some(200) }).unwrap();
        let seen = leave_after(&client, CHAT, &body, whole - 1).await;
        within("the provider's answers", sim.finished(2)).await.unwrap();
        stage.assert_billed_as_by(&sim).await;
        assert_eq!(stage.usage_event(seen.usage_id).await.source, "provider");
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_with_an_idempotency_key_is_kept_for_the_client_that_comes_back() {
    play(async |stage| {
        let sim = provider().await;
        sim.set(paced(OnDisconnect::Stop, 5));
        let gateway = Gateway::start(stage, &sim).await;
        let client = customer(stage, &gateway, "cancel").await;
        let body = chat_of(40, json!({}));
        let keyed = || client.request(http::Method::POST, CHAT).json(&body).header("idempotency-key", "mine");
        let mut response = keyed().send().await.unwrap();
        response.chunk().await.unwrap();
        drop(response);
        within("the provider's answer", sim.finished(1)).await.unwrap();
        stage.when_quiet().await;
        let again = read(keyed().send().await.unwrap()).await;
        assert_eq!(again.header("idempotent-replayed"), Some("true"), "{again:?}");
        assert!(String::from_utf8_lossy(&again.body).ends_with("data: [DONE]\n\n"));
        assert_eq!(sim.totals().requests, 1);
        stage.assert_billed_as_by(&sim).await;
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_before_a_plain_answer_is_charged_what_was_generated() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let client = customer(stage, &gateway, "cancel").await;
        sim.fault(FaultKind::StallBeforeHeaders { for_ms: None }).unwrap();
        let body = chat(json!({ "max_completion_tokens": 50 }));
        let call = tokio::spawn(async move { client.post(CHAT, &body).await });
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
