//! Whatever the provider does wrong, the client is told the truth and the ledger holds.

use octroi_sim::openai::{Fault, FaultKind};
use octroi_tests::cast::Caller;
use octroi_tests::client::{Client, Reply, chat, read};
use octroi_tests::deadline::within;
use octroi_tests::gateway::{Gateway, provider};
use octroi_tests::stage::{Stage, play};
use octroi_worker::cli::Serve;
use serde_json::{Value, json};

const CHAT: &str = "/v1/chat/completions";
const ALL: Serve = Serve { no_gateway: false, no_jobs: false };

async fn customer(stage: &Stage, gateway: &Gateway) -> (Caller, Client) {
    let caller = stage.sign_up_with(&[("account", "", "tokens", "month", 1_000_000, 0)]).await;
    let key = stage.make_key(caller, json!([])).await;
    (caller, gateway.client.with(&key.secret))
}

fn status(status: u16, code: Option<&str>) -> FaultKind {
    FaultKind::Status { status, code: code.map(str::to_owned), retry_after_seconds: Some(7) }
}

/// The whole answer, or what came of it before it broke off.
async fn try_post(client: &Client, path: &str, body: &Value) -> Result<Reply, reqwest::Error> {
    let response = client.open(path, body).await;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = response.bytes().await?;
    Ok(Reply { status, headers, body })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_of_the_provider_costs_nothing_and_says_who_can_do_something() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let (caller, client) = customer(stage, &gateway).await;
        for stream in [false, true] {
            let body = chat(json!({ "stream": stream }));
            // What is about the request is handed on; what is about the operator becomes 503.
            for (fault, told, code) in [
                (status(400, None), 400, ""),
                (status(404, None), 404, "model_not_found"),
                (status(401, None), 503, "upstream_unavailable"),
                (status(403, None), 503, "upstream_unavailable"),
                (status(429, None), 503, "upstream_unavailable"),
                (status(429, Some("insufficient_quota")), 503, "upstream_unavailable"),
                (status(429, Some("organization_spend_limit_exceeded")), 503, "upstream_unavailable"),
                (status(500, None), 503, "upstream_unavailable"),
                (status(503, None), 503, "upstream_unavailable"),
            ] {
                sim.fault(fault.clone()).unwrap();
                let reply = client.post(CHAT, &body).await;
                reply.assert_openai_error(told);
                assert_eq!(reply.code(), code, "{fault:?}");
                assert_eq!(told == 503, reply.header("retry-after") == Some("7"), "{fault:?}: {reply:?}");
            }
        }
        stage.when_quiet().await;
        assert_eq!(stage.balance(caller, "tokens", "month").await.used, 0);
        assert_eq!(stage.requests().await.released, 18);
        assert!(stage.usage_events().await.is_empty());
        assert_eq!(sim.totals().requests, 18, "none is tried twice: it might have been accepted");
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_is_down_costs_nothing() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let (caller, client) = customer(stage, &gateway).await;
        sim.go_down().await.unwrap();
        let reply = client.post(CHAT, &chat(json!({}))).await;
        reply.assert_openai_error(503);
        assert!(reply.header("retry-after").is_some());
        stage.when_quiet().await;
        assert_eq!(stage.requests().await.released, 1);
        sim.come_back().await.unwrap();
        assert_eq!(client.post(CHAT, &chat(json!({}))).await.status, 200);
        assert_eq!(stage.balance(caller, "tokens", "month").await.reserved, 0);
        stage.assert_billed_as_by(&sim).await;
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_whose_usage_is_missing_null_or_nonsense_is_charged_what_it_says() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let (_, client) = customer(stage, &gateway).await;
        let nonsense = [
            json!("many"),
            json!({ "prompt_tokens": -4, "completion_tokens": 2, "total_tokens": -2 }),
            json!([]),
        ];
        for stream in [false, true] {
            let mut faults = vec![FaultKind::NoUsage, FaultKind::NullUsage];
            faults.extend(nonsense.iter().map(|value| FaultKind::Usage { value: value.clone() }));
            for fault in faults {
                sim.fault(fault.clone()).unwrap();
                let text = "Speak. [[output_tokens=60]]";
                let body = chat(json!({ "stream": stream, "n": 2, "max_completion_tokens": 3_000,
                    "messages": [{ "role": "user", "content": text }] }));
                let reply = client.post(CHAT, &body).await;
                assert_eq!(reply.status, 200, "{fault:?}: {reply:?}");
                stage.when_quiet().await;
                let event = stage.usage_event(reply.usage_id()).await;
                // Texts counted as one may join where the provider's tokens did not.
                let close = (118..=120).contains(&event.output_tokens);
                assert!(close && event.source == "estimated", "{fault:?} stream={stream}: {event:?}");
            }
            // Zero is a number.
            sim.fault(FaultKind::Usage {
                value: json!({ "prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0 }),
            })
            .unwrap();
            let id = client.post(CHAT, &chat(json!({ "stream": stream }))).await.usage_id();
            let event = stage.usage_event(id).await;
            assert_eq!((event.source.as_str(), event.total_tokens), ("provider", 0));
        }
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn usage_in_an_odd_place_counts_and_an_overrun_is_the_operators_loss() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let (caller, client) = customer(stage, &gateway).await;
        sim.fault(FaultKind::UsageBeforeFinish).unwrap();
        client.post(CHAT, &chat(json!({ "stream": true }))).await;
        stage.assert_billed_as_by(&sim).await;

        sim.fault(FaultKind::Overrun { output_tokens: 500, input_tokens: 0 }).unwrap();
        let before = stage.balance(caller, "tokens", "month").await.used;
        let id = client.post(CHAT, &chat(json!({ "max_completion_tokens": 30 }))).await.usage_id();
        stage.assert_billed_as_by(&sim).await;
        let event = stage.usage_event(id).await;
        assert!(event.overrun_tokens > 400, "{event:?}");
        let after = stage.balance(caller, "tokens", "month").await.used;
        assert_eq!(after - before, event.total_tokens - event.overrun_tokens);

        sim.fault(FaultKind::ResponseModel { model: "gpt-5.4-mini-2026-03-17".to_owned() }).unwrap();
        let id = client.post(CHAT, &chat(json!({}))).await.usage_id();
        assert_eq!(stage.usage_event(id).await.response_model.as_deref(), Some("gpt-5.4-mini-2026-03-17"));
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_of_unknown_outcome_is_charged_and_not_tried_again() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let (_, client) = customer(stage, &gateway).await;
        let faults = [
            FaultKind::HangUp { reset: false, charged: true },
            FaultKind::HangUp { reset: true, charged: true },
            FaultKind::CutAtByte { offset: 20, reset: false },
        ];
        for (count, fault) in faults.into_iter().enumerate() {
            sim.fault(fault.clone()).unwrap();
            let reply = client.post(CHAT, &chat(json!({ "max_completion_tokens": 100 }))).await;
            reply.assert_openai_error(502);
            assert_eq!(
                reply.header("x-should-retry"),
                Some("false"),
                "{fault:?}: an SDK must not pay twice unasked"
            );
            stage.when_quiet().await;
            assert_eq!(sim.totals().requests, count as u64 + 1);
            let events = stage.usage_events().await;
            assert_eq!(events.len(), count + 1, "{fault:?}");
            assert_ne!(events.last().unwrap().source, "provider", "{fault:?}");
        }
        let malformed = [FaultKind::MalformedJson, FaultKind::ContentType { value: "text/html".to_owned() }];
        for fault in malformed {
            sim.fault(fault).unwrap();
            let reply = read(client.open(CHAT, &chat(json!({}))).await).await;
            assert!([200, 502].contains(&reply.status.as_u16()), "{reply:?}");
            stage.when_quiet().await;
        }
        assert_eq!(stage.usage_events().await.len(), 5);
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_in_place_of_an_answer_costs_nothing_though_its_status_is_200() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let (caller, client) = customer(stage, &gateway).await;
        let response = json!({ "model": "gpt-5.4-mini", "input": "hello", "stream": true });
        sim.fault(FaultKind::ErrorBody).unwrap();
        let reply = client.post(CHAT, &chat(json!({}))).await;
        reply.assert_openai_error(503);
        assert_eq!(reply.code(), "upstream_unavailable");
        for (fault, path, body) in [
            (FaultKind::ErrorEvent { chunks: 0 }, CHAT, chat(json!({ "stream": true }))),
            (FaultKind::ErrorEvent { chunks: 1 }, CHAT, chat(json!({ "stream": true }))),
            (FaultKind::ErrorEvent { chunks: 0 }, "/v1/responses", response.clone()),
            (FaultKind::ResponseFailed { chunks: 0 }, "/v1/responses", response),
        ] {
            sim.fault(fault.clone()).unwrap();
            let reply = client.post(path, &body).await;
            assert!(String::from_utf8_lossy(&reply.body).contains("error"), "{fault:?}: {reply:?}");
        }
        stage.when_quiet().await;
        assert_eq!(stage.balance(caller, "tokens", "month").await.used, 0);
        assert_eq!(stage.requests().await.released, 5);
        assert!(stage.usage_events().await.is_empty());
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_falls_silent_is_given_up_in_time() {
    play(async |stage| {
        let sim = provider().await;
        let gateway =
            Gateway::start_with(stage, &sim, &[("OCTROI_UPSTREAM_TIMEOUT_SECONDS", "1")], ALL).await;
        let (_, client) = customer(stage, &gateway).await;
        let faults: [(Fault, bool); 3] = [
            (FaultKind::StallBeforeHeaders { for_ms: None }.into(), false),
            (FaultKind::StallBeforeHeaders { for_ms: None }.into(), true),
            (FaultKind::StallAfterChunks { chunks: 4, for_ms: None }.into(), true),
        ];
        for (count, (fault, stream)) in faults.into_iter().enumerate() {
            sim.fault(fault).unwrap();
            let body = chat(json!({ "stream": stream }));
            let reply = within("the gateway to give up", try_post(&client, CHAT, &body)).await;
            if let Ok(reply) = reply {
                assert!(!String::from_utf8_lossy(&reply.body).contains("[DONE]"));
            }
            stage.when_quiet().await;
            assert_eq!(stage.usage_events().await.len(), count + 1);
        }
        sim.release();
        gateway.stop().await;
    })
    .await;
}
