//! Every fault does what it says.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use octroi_sim::openai::{Fault, FaultKind, Handle, State};
use serde_json::{Value, json};
use support::{chat, events, post, start};

async fn with(fault: impl Into<Fault>) -> Handle {
    let sim = start().await;
    sim.fault(fault).unwrap();
    sim
}

async fn plain(fault: impl Into<Fault>) -> Value {
    let sim = with(fault).await;
    post(&sim, "chat/completions", &chat(10, false)).await.unwrap().json().await.unwrap()
}

async fn stream(fault: impl Into<Fault>) -> String {
    let sim = with(fault).await;
    post(&sim, "chat/completions", &chat(10, true)).await.unwrap().text().await.unwrap()
}

async fn response_stream(fault: FaultKind) -> Vec<Value> {
    let sim = with(fault).await;
    let body = json!({ "model": "gpt-4o", "input": "Hello", "stream": true });
    events(&post(&sim, "responses", &body).await.unwrap().text().await.unwrap())
}

#[tokio::test]
async fn statuses_come_with_openais_errors() {
    let cases = [
        (429, None, "requests", json!("rate_limit_exceeded")),
        (429, Some("insufficient_quota"), "insufficient_quota", json!("insufficient_quota")),
        (
            429,
            Some("project_spend_limit_exceeded"),
            "insufficient_quota",
            json!("project_spend_limit_exceeded"),
        ),
        (401, None, "invalid_request_error", json!("invalid_api_key")),
        (500, None, "server_error", Value::Null),
        (503, None, "server_error", Value::Null),
    ];
    for (status, code, kind, said) in cases {
        let code = code.map(str::to_owned);
        let sim = with(FaultKind::Status { status, code, retry_after_seconds: Some(7) }).await;
        let response = post(&sim, "chat/completions", &chat(10, true)).await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(response.headers()["retry-after"], "7");
        let error = response.json::<Value>().await.unwrap()["error"].clone();
        assert_eq!((error["type"].as_str(), &error["code"]), (Some(kind), &said));
        assert_eq!(sim.totals().charged.output_tokens, 0);
    }
}

#[tokio::test]
async fn usage_can_be_missing_null_early_or_anything() {
    assert!(plain(FaultKind::NoUsage).await.get("usage").is_none());
    assert!(plain(FaultKind::NullUsage).await["usage"].is_null());
    let odd = json!({ "prompt_tokens": -1 });
    assert_eq!(plain(FaultKind::Usage { value: odd.clone() }).await["usage"], odd);
    let events = events(&stream(FaultKind::UsageBeforeFinish).await);
    let [.., usage, finish] = events.as_slice() else { unreachable!("a stream has events") };
    assert_eq!(usage["usage"]["completion_tokens"], 10);
    assert_eq!(finish["choices"][0]["finish_reason"], "stop");
    assert!(!stream(FaultKind::NoUsage).await.contains("\"usage\""));
}

#[tokio::test]
async fn an_overrun_is_in_the_answer_and_in_the_books() {
    let sim = with(FaultKind::Overrun { output_tokens: 1000, input_tokens: 5 }).await;
    let text = post(&sim, "chat/completions", &chat(10, true)).await.unwrap().text().await.unwrap();
    assert_eq!(events(&text).last().unwrap()["usage"]["completion_tokens"], 1010);
    assert_eq!(sim.finished(1).await.unwrap()[0].charged.output_tokens, 1010);
}

#[tokio::test]
async fn cuts_end_the_body_before_its_end() {
    let cuts = [
        FaultKind::CutAfterChunks { chunks: 4, reset: false },
        FaultKind::CutAfterChunks { chunks: 4, reset: true },
        FaultKind::CutAtByte { offset: 1500, reset: false },
    ];
    for cut in cuts {
        for streamed in [true, false] {
            let early = FaultKind::CutAtByte { offset: 20, reset: false };
            let sim = with(if streamed { cut.clone() } else { early }).await;
            let response = post(&sim, "chat/completions", &chat(10, streamed)).await;
            let body = match response {
                Ok(response) => response.bytes().await,
                // A reset may overtake the headers.
                Err(error) => Err(error),
            };
            assert!(body.is_err(), "{cut:?}");
            let [entry] = &sim.finished(1).await.unwrap()[..] else { unreachable!("one request was made") };
            assert_eq!(entry.state, State::Cut);
            assert!(entry.charged.output_tokens < 10);
        }
    }
}

#[tokio::test]
async fn connections_end_before_the_answer_when_told_to() {
    for fault in [FaultKind::ResetBeforeBody, FaultKind::HangUp { reset: true, charged: false }] {
        let sim = with(fault).await;
        assert!(post(&sim, "chat/completions", &chat(10, false)).await.is_err());
        assert_eq!(sim.totals().charged.output_tokens, 0);
    }
    let sim = with(FaultKind::HangUp { reset: false, charged: true }).await;
    assert!(post(&sim, "chat/completions", &chat(10, false)).await.is_err());
    assert_eq!(sim.finished(1).await.unwrap()[0].charged.output_tokens, 10, "the work was done");
}

#[tokio::test]
async fn however_a_stream_is_split_it_says_the_same() {
    let splits = [
        FaultKind::SplitEveryByte { delay_ms: 0 },
        FaultKind::SplitAt { offsets: vec![1, 7, 300, 301] },
        FaultKind::SplitInsideUtf8,
    ];
    for split in splits {
        let text = stream(split.clone()).await;
        assert!(text.ends_with("data: [DONE]\n\n"), "{split:?}");
        assert_eq!(events(&text).last().unwrap()["usage"]["completion_tokens"], 10, "{split:?}");
    }
}

#[tokio::test]
async fn every_byte_really_travels_alone() {
    let sim = with(FaultKind::SplitEveryByte { delay_ms: 0 }).await;
    let mut response = post(&sim, "chat/completions", &chat(2, true)).await.unwrap();
    let mut single_bytes = 0;
    let mut bytes = 0;
    while let Some(chunk) = response.chunk().await.unwrap() {
        bytes += chunk.len();
        single_bytes += usize::from(chunk.len() == 1);
    }
    assert_eq!(single_bytes, bytes);
}

#[tokio::test]
async fn contents_go_wrong_as_planned() {
    let sim = with(FaultKind::MalformedJson).await;
    let broken = post(&sim, "chat/completions", &chat(10, false)).await.unwrap();
    assert!(broken.json::<Value>().await.is_err());
    assert!(!stream(FaultKind::NoDone).await.contains("[DONE]"));
    assert!(stream(FaultKind::HugeChunk { bytes: 100_000 }).await.len() > 100_000);
    assert!(stream(FaultKind::ErrorEvent { chunks: 3 }).await.contains("\"error\""));
    assert!(plain(FaultKind::ErrorBody).await.get("error").is_some());
    let model = FaultKind::ResponseModel { model: "gpt-unheard-of".to_owned() };
    assert_eq!(plain(model).await["model"], "gpt-unheard-of");
    let tier = FaultKind::ServiceTier { tier: "priority".to_owned() };
    assert_eq!(plain(tier).await["service_tier"], "priority");
    let sim = with(FaultKind::ContentType { value: "text/html".to_owned() }).await;
    let response = post(&sim, "chat/completions", &chat(10, false)).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/html");
}

#[tokio::test]
async fn responses_fail_and_stay_incomplete_with_null_usage() {
    let failed = response_stream(FaultKind::ResponseFailed { chunks: 6 }).await;
    let last = failed.last().unwrap();
    assert_eq!((failed.len(), last["type"].as_str()), (7, Some("response.failed")));
    assert_eq!(last["response"]["error"]["code"], "server_error");
    assert!(last["response"]["usage"].is_null());
    let incomplete = response_stream(FaultKind::ResponseIncomplete).await;
    let last = incomplete.last().unwrap();
    assert_eq!(last["type"], "response.incomplete");
    assert!(last["response"]["usage"].is_null());
}

#[tokio::test]
async fn faults_can_be_combined() {
    let fault = Fault::from(FaultKind::NullUsage).and(FaultKind::SplitInsideUtf8).and(FaultKind::NoDone);
    let text = stream(fault).await;
    assert!(!text.contains("[DONE]"));
    assert!(events(&text).last().unwrap()["usage"].is_null());
}
