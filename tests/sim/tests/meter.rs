//! The provider's own meter, whatever the client does.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use octroi_sim::openai::{FaultKind, OnDisconnect, Settings, State};
use serde_json::{Value, json};
use support::{chat, events, post, start};

/// Chunks after which the stream of these tests has said everything, but is not over.
const CHUNKS: usize = 12;

#[tokio::test]
async fn the_ledger_agrees_with_what_the_answer_says() {
    let sim = start().await;
    let mut body = chat(25, false);
    body["safety_identifier"] = json!("user-7");
    let answer: Value = post(&sim, "chat/completions", &body).await.unwrap().json().await.unwrap();
    let [entry] = &sim.finished(1).await.unwrap()[..] else { unreachable!("one request was made") };
    assert_eq!(entry.state, State::Delivered);
    assert!(entry.delivered);
    assert_eq!(entry.id.as_deref(), answer["id"].as_str());
    assert_eq!(entry.safety_identifier.as_deref(), Some("user-7"));
    assert_eq!(entry.charged.output_tokens, 25);
    assert_eq!(entry.charged.input_tokens, answer["usage"]["prompt_tokens"].as_u64().unwrap());
    assert_eq!(sim.requests()[0].json(), body, "the request is kept as it came");
}

/// Reads `chunks` events of a stream that stalls there, leaves, and returns what was charged.
async fn leave_after(chunks: usize, on_disconnect: OnDisconnect) -> u64 {
    let sim = start().await;
    sim.set(Settings { on_disconnect, ..Settings::default() });
    sim.fault(FaultKind::StallAfterChunks { chunks, for_ms: None }).unwrap();
    let response = post(&sim, "chat/completions", &chat(10, true)).await.unwrap();
    sim.held(1).await.unwrap();
    drop(response);
    let [entry] = &sim.finished(1).await.unwrap()[..] else { unreachable!("one request was made") };
    assert_eq!(entry.state, State::ClientLeft);
    assert!(!entry.delivered);
    entry.charged.output_tokens
}

#[tokio::test]
async fn a_provider_that_goes_on_charges_in_full_whenever_its_client_left() {
    for chunks in 0..=CHUNKS {
        assert_eq!(leave_after(chunks, OnDisconnect::Finish).await, 10, "left after {chunks} chunks");
    }
}

#[tokio::test]
async fn by_default_a_provider_stops_and_charges_what_it_had_generated() {
    let mut charged = Vec::new();
    for chunks in 0..=CHUNKS {
        charged.push(leave_after(chunks, OnDisconnect::Stop).await);
    }
    assert_eq!(charged[..2], [0, 0], "the role says nothing");
    assert!(charged.is_sorted());
    assert_eq!(charged[CHUNKS], 10);
}

#[tokio::test]
async fn a_client_that_leaves_before_the_headers_is_in_the_books_too() {
    let sim = start().await;
    sim.fault(FaultKind::StallBeforeHeaders { for_ms: None }).unwrap();
    let url = format!("{}/chat/completions", sim.base_url);
    let asking = tokio::spawn(async move {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        client.post(url).json(&chat(10, false)).send().await.map(drop)
    });
    sim.held(1).await.unwrap();
    asking.abort();
    let entries = sim.finished(1).await.unwrap();
    assert_eq!(entries[0].state, State::ClientLeft);
    assert_eq!(entries[0].charged.output_tokens, 10);
}

#[tokio::test]
async fn a_released_stream_goes_on_to_its_end() {
    let sim = start().await;
    sim.fault(FaultKind::StallAfterChunks { chunks: 3, for_ms: None }).unwrap();
    let response = post(&sim, "chat/completions", &chat(10, true)).await.unwrap();
    sim.held(1).await.unwrap();
    sim.release();
    let events = events(&response.text().await.unwrap());
    assert_eq!(events.last().unwrap()["usage"]["completion_tokens"], 10);
    assert_eq!(sim.finished(1).await.unwrap()[0].state, State::Delivered);
}

#[tokio::test]
async fn a_provider_that_is_down_refuses_connections_and_comes_back_on_the_same_port() {
    let sim = start().await;
    sim.go_down().await.unwrap();
    assert!(post(&sim, "chat/completions", &chat(5, false)).await.unwrap_err().is_connect());
    sim.come_back().await.unwrap();
    assert!(post(&sim, "chat/completions", &chat(5, false)).await.unwrap().status().is_success());
    assert_eq!(sim.totals().requests, 1, "what was refused never arrived");
}

#[tokio::test]
async fn a_long_prompt_is_cached_the_second_time() {
    let sim = start().await;
    let content = "the gate of the city ".repeat(400);
    let body = json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": content }] });
    for _ in 0..2 {
        post(&sim, "chat/completions", &body).await.unwrap().bytes().await.unwrap();
    }
    let entries = sim.finished(2).await.unwrap();
    assert_eq!(entries[0].charged.cached_input_tokens, 0);
    assert!(entries[1].charged.cached_input_tokens >= 1024);
    assert_eq!(entries[1].charged.cached_input_tokens % 128, 0);
}

#[tokio::test]
async fn the_control_api_does_the_same_from_outside() {
    let sim = start().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = |path: &str| format!("{}/sim/{path}", sim.url);
    let fault = json!({ "match": { "stream": true }, "times": 2, "kind": { "status": { "status": 503 } } });
    let planned = client.post(url("faults")).json(&json!([fault, { "kind": "no_usage" }])).send().await;
    assert_eq!(planned.unwrap().json::<Value>().await.unwrap(), json!({ "planned": 2 }));
    let typo = client.post(url("faults")).json(&json!({ "kind": "no_usege" })).send().await.unwrap();
    assert_eq!(typo.status(), 400, "a typo is no silent success");
    let plain = post(&sim, "chat/completions", &chat(5, false)).await.unwrap();
    assert!(plain.json::<Value>().await.unwrap().get("usage").is_none());
    assert_eq!(post(&sim, "chat/completions", &chat(5, true)).await.unwrap().status(), 503);
    let left: Value = client.get(url("faults")).send().await.unwrap().json().await.unwrap();
    assert_eq!(left[0]["times"], 1);
    let books: Value = client.get(url("ledger?finished=2")).send().await.unwrap().json().await.unwrap();
    assert_eq!(books["totals"]["requests"], 2);
    assert_eq!(books["entries"][0]["output_tokens"], 5);
    assert_eq!(books["entries"][1]["state"], "refused");
    client.delete(url("ledger")).send().await.unwrap();
    assert_eq!(sim.totals().requests, 0);
}
