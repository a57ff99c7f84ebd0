//! How long an answer may be: as asked, by default, or as far as a limit goes; and that its reader is told.

use octroi_tests::client::asking;
use octroi_tests::gateway::{Gateway, provider};
use octroi_tests::stage::play;
use serde_json::json;

const CHAT: &str = "/v1/chat/completions";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_we_cut_says_so() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let (_, client) = gateway.customer(stage, 600).await;
        let cut = client.post(CHAT, &asking(5_000, json!({ "stream": true }))).await;
        let text = String::from_utf8_lossy(&cut.body);
        assert_eq!(cut.header("x-output-bound"), Some("balance"));
        assert!(text.contains(": octroi output-limit=") && text.contains(" bound=balance\n\n"), "{text}");
        let (caller, client) = gateway.customer(stage, 50_000).await;
        let by_default = client.post(CHAT, &asking(5_000, json!({}))).await;
        assert_eq!(
            (by_default.header("x-output-limit"), by_default.header("x-output-cut")),
            (Some("4096"), Some("default"))
        );
        let asked = client.post(CHAT, &asking(5_000, json!({ "max_completion_tokens": 20 }))).await;
        assert_eq!((asked.header("x-output-bound"), asked.header("x-output-cut")), (Some("asked"), None));
        let bounds: Vec<String> = sqlx::query_scalar(
            "select output_bound::text from octroi_private.request where account_id = $1 order by id",
        )
        .bind(caller.account_id)
        .fetch_all(&stage.pool)
        .await
        .unwrap();
        assert_eq!(bounds, ["default", "asked"], "and is recorded with the request");
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_that_thinks_is_refused_rather_than_cut_to_its_thoughts() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let (_, client) = gateway.customer(stage, 900).await;
        let reply = client.post(CHAT, &asking(600, json!({ "model": "gpt-5.6-luna" }))).await;
        reply.assert_openai_error(429);
        assert_eq!(reply.code(), "quota_exceeded");
        assert!(reply.json()["error"]["quota"]["needed"].as_i64().unwrap() > 1_024);
        assert!(sim.requests().is_empty());
        let effort = json!({ "reasoning_effort": "low" });
        client.post(CHAT, &asking(600, effort)).await.assert_openai_error(429);
        let unasked = client.post(CHAT, &asking(60, json!({}))).await;
        assert_eq!(unasked.status, 200, "a model that was not asked to reason is cut to what is left");
        let short = client
            .post(CHAT, &asking(600, json!({ "model": "gpt-5.6-luna", "max_completion_tokens": 100 })))
            .await;
        assert_eq!(short.status, 200, "who asks for less gets it");
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_a_model_to_reason_or_not_to_has_the_default_of_that() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let (_, client) = gateway.customer(stage, 100_000).await;
        for (more, tokens) in [
            (json!({}), "4096"),
            (json!({ "reasoning_effort": "none" }), "4096"),
            (json!({ "reasoning_effort": "high" }), "16384"),
            (json!({ "model": "gpt-5.6-luna" }), "16384"),
            (json!({ "model": "gpt-5.6-luna", "reasoning_effort": "none" }), "4096"),
        ] {
            let reply = client.post(CHAT, &asking(10, more.clone())).await;
            assert_eq!(reply.header("x-output-limit"), Some(tokens), "{more}");
        }
        let response =
            json!({ "model": "gpt-5.4-mini", "input": "Go on.", "reasoning": { "effort": "medium" } });
        let reply = client.post("/v1/responses", &response).await;
        assert_eq!(reply.header("x-output-limit"), Some("16384"));
        gateway.stop().await;
    })
    .await;
}
