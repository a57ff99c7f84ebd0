//! What the provider counted is what the ledger says, to the token, for every endpoint, plain and streamed.

use octroi_sim::openai;
use octroi_tests::cast::Caller;
use octroi_tests::client::{Client, chat, read, with};
use octroi_tests::gateway::{Gateway, provider};
use octroi_tests::seed::Dice;
use octroi_tests::stage::{Stage, play};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const AMPLE: &[(&str, &str, &str, &str, i64, i64)] = &[("account", "", "tokens", "month", 1_000_000_000, 0)];
const PATHS: [&str; 3] = ["/v1/chat/completions", "/v1/responses", "/v1/embeddings"];

async fn customer(stage: &Stage, gateway: &Gateway) -> (Caller, Client) {
    let caller = stage.sign_up_with(AMPLE).await;
    let key = stage.make_key(caller, json!([])).await;
    (caller, gateway.client.with(&key.secret))
}

/// A call of any kind that OpenAI would take; marks in its text fix what the stand-in answers.
fn random_call(dice: &mut Dice) -> (&'static str, Value) {
    let words = "metering is a matter of trust 計量 🙂 ".repeat(1 + dice.below(20) as usize);
    let text = format!("{words} [[output_tokens={}]]", 1 + dice.below(120));
    let path = *dice.pick(&PATHS);
    let body = match path {
        "/v1/chat/completions" => chat(json!({
            "model": dice.pick(&["gpt-5.4-mini", "gpt-5.4", "gpt-6-sol", "gpt-5.6-luna"]),
            "messages": [{ "role": "system", "content": "Be brief." }, { "role": "user", "content": text }],
            "max_completion_tokens": 100 + dice.below(200),
            "stream": dice.below(2) == 0,
            "n": 1 + dice.below(3),
        })),
        "/v1/responses" => json!({
            "model": dice.pick(&["gpt-5.4-mini", "gpt-5.5", "gpt-6.1-sol"]),
            "input": text,
            "max_output_tokens": 100 + dice.below(200),
            "stream": dice.below(2) == 0,
        }),
        _ => json!({ "model": "text-embedding-3-small", "input": [text, "second"] }),
    };
    (path, body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_random_calls_are_metered_to_the_token() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let (caller, client) = customer(stage, &gateway).await;
        let mut clients = JoinSet::new();
        for lane in 0..8 {
            let client = client.clone();
            clients.spawn(async move {
                let mut dice = Dice::new(lane);
                for _ in 0..40 {
                    let (path, body) = random_call(&mut dice);
                    let reply = client.post(path, &body).await;
                    assert_eq!(reply.status, 200, "{body}: {reply:?}");
                }
            });
        }
        clients.join_all().await;
        assert_eq!(sim.totals().delivered, 320);
        stage.assert_billed_as_by(&sim).await;
        let totals = sim.totals().charged;
        let used = stage.balance(caller, "tokens", "month").await.used;
        assert_eq!(used as u64, totals.input_tokens + totals.output_tokens);
        assert!(
            stage
                .usage_events()
                .await
                .iter()
                .all(|event| event.source == "provider" && event.overrun_tokens == 0)
        );
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_pool_of_tokens_arrives_in_the_ledger() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let (_, client) = customer(stage, &gateway).await;
        let text = format!(
            "{} [[output_tokens=90]] [[reasoning_tokens=64]] [[cached_tokens=128]] [[cache_write_tokens=256]]",
            "a long prompt ".repeat(300)
        );
        for stream in [false, true] {
            let body = chat(json!({ "model": "gpt-5.6-luna", "stream": stream, "messages": [{ "role": "user", "content": text }] }));
            let id = client.post(PATHS[0], &body).await.usage_id();
            let event = stage.usage_event(id).await;
            assert_eq!((event.cached_input_tokens, event.cache_write_tokens), (128, 256));
            assert_eq!((event.output_tokens, event.reasoning_tokens), (90, 64));
            let body = json!({ "model": "gpt-5.5", "stream": stream, "input": text });
            let id = client.post(PATHS[1], &body).await.usage_id();
            assert_eq!(stage.usage_event(id).await.reasoning_tokens, 64);
        }
        stage.assert_billed_as_by(&sim).await;
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_passes_through_as_it_was_sent() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let (_, client) = customer(stage, &gateway).await;
        for wants_usage in [false, true] {
            let body = chat(json!({ "stream": true, "stream_options": { "include_usage": wants_usage } }));
            let reply = client.post(PATHS[0], &body).await;
            assert!(reply.header("content-type").unwrap().starts_with("text/event-stream"));
            let text = String::from_utf8(reply.body.to_vec()).unwrap();
            assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
            let has_usage_chunk = text.contains("\"choices\":[],") || text.contains("\"choices\":[]}");
            assert_eq!(has_usage_chunk, wants_usage, "the usage chunk is for those who asked: {text}");
        }
        let sent = sim.requests();
        assert!(sent.iter().all(|request| request.json()["stream_options"]["include_usage"] == json!(true)));
        stage.assert_billed_as_by(&sim).await;
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_personal_and_no_foreign_id_goes_upstream() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let (caller, client) = customer(stage, &gateway).await;
        client.post(PATHS[0], &chat(json!({}))).await;
        let sent = &sim.requests()[0];
        assert_eq!(sent.header("authorization"), Some("Bearer sk-operator"));
        let body = sent.json();
        let identifier = body["safety_identifier"].as_str().unwrap();
        assert!(identifier.len() <= 64 && !identifier.contains(&caller.user_id.to_string()));
        assert_eq!(body["store"], json!(false));
        let whole = format!("{:?} {body}", sent.headers);
        for secret in ["sk-oct-", &caller.user_id.to_string(), &caller.account_id.to_string()] {
            assert!(!whole.contains(secret), "{secret} in {whole}");
        }
        sim.clear_requests();
        for (path, member) in [
            (PATHS[1], json!({ "previous_response_id": "resp_1" })),
            (PATHS[1], json!({ "conversation": "conv_1" })),
            (PATHS[1], json!({ "background": true })),
            (PATHS[1], json!({ "store": true })),
        ] {
            let body = with(json!({ "model": "gpt-5.4-mini", "input": "hello" }), member.clone());
            let reply = client.post(path, &body).await;
            if member.get("store").is_some() && reply.status == 200 {
                assert_eq!(sim.requests()[0].json()["store"], json!(false));
                sim.clear_requests();
                continue;
            }
            reply.assert_openai_error(400);
            assert!(sim.requests().is_empty());
        }
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_share_accounts_without_double_counting() {
    play(async |stage| {
        let sim = provider().await;
        let (first, second) = tokio::join!(Gateway::start(stage, &sim), Gateway::start(stage, &sim));
        let caller = stage.sign_up_with(&[("account", "", "tokens", "month", 6_000, 0)]).await;
        let key = stage.make_key(caller, json!([])).await;
        let mut clients = JoinSet::new();
        for lane in 0..16 {
            let gateway = if lane % 2 == 0 { &first } else { &second };
            let client = gateway.client.with(&key.secret);
            clients.spawn(async move {
                for _ in 0..12 {
                    let body = chat(json!({ "max_completion_tokens": 60, "stream": lane % 3 == 0 }));
                    let reply = client.post(PATHS[0], &body).await;
                    assert!([200, 429].contains(&reply.status.as_u16()), "{reply:?}");
                }
            });
        }
        clients.join_all().await;
        stage.assert_billed_as_by(&sim).await;
        let balance = stage.balance(caller, "tokens", "month").await;
        assert!(balance.used <= 6_000 && balance.reserved == 0, "{balance:?}");
        tokio::join!(first.stop(), second.stop());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn models_are_those_the_plan_allows() {
    play(async |stage| {
        let sim: openai::Handle = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let (_, client) = customer(stage, &gateway).await;
        let models = client.get("/v1/models").await.json();
        let ids: Vec<&str> =
            models["data"].as_array().unwrap().iter().filter_map(|model| model["id"].as_str()).collect();
        assert!(ids.contains(&"gpt-5.4-mini") && ids.contains(&"text-embedding-3-small"), "{models}");
        assert_eq!(client.get("/v1/models/gpt-5.4-mini").await.json()["object"], "model");
        client.get("/v1/models/gpt-99").await.assert_openai_error(404);
        let unread =
            read(gateway.client.request(http::Method::GET, "/v1/models").send().await.unwrap()).await;
        unread.assert_openai_error(401);
        assert!(sim.requests().is_empty(), "answered from our own prices");
        gateway.stop().await;
    })
    .await;
}
