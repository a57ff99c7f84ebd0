//! What the clients people have send, and what they are told where it cannot be taken.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use octroi_tests::client::{Client, Reply, chat, with};
use octroi_tests::gateway::{Gateway, provider};
use octroi_tests::stage::{Stage, play};
use serde_json::{Value, json};

const CHAT: &str = "/v1/chat/completions";
const RESPONSES: &str = "/v1/responses";

async fn customer(stage: &Stage, gateway: &Gateway, tokens: i64) -> Client {
    let caller = stage.sign_up_with(&[("account", "", "tokens", "month", tokens, 0)]).await;
    gateway.client.with(&stage.make_key(caller, json!([])).await.secret)
}

fn message(reply: &Reply) -> String {
    reply.json()["error"]["message"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_may_name_the_tool_whose_result_it_sends() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let client = customer(stage, &gateway, 100_000).await;
        // As LangChain.js, CrewAI and Instructor send the second turn.
        let call = json!({ "id": "call_1", "type": "function",
            "function": { "name": "get_weather", "arguments": "{\"city\":\"Paris\"}" } });
        let result =
            json!({ "role": "tool", "tool_call_id": "call_1", "name": "get_weather", "content": "12 °C" });
        let body = chat(json!({ "messages": [
            { "role": "user", "content": "How warm is it in Paris?" },
            { "role": "assistant", "content": "", "tool_calls": [call] },
            result,
        ] }));
        let reply = client.post(CHAT, &body).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        let sent = sim.requests().last().unwrap().json();
        assert_eq!(sent["messages"][2], result);
        stage.assert_billed_as_by(&sim).await;
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codex_is_answered_with_its_notes_dropped_and_its_grouped_tools_passed_on() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let client = customer(stage, &gateway, 1_000_000).await;
        let spawn = json!({ "type": "function", "name": "spawn_agent", "description": "Starts an agent",
            "strict": false, "parameters": { "type": "object", "properties": { "task": { "type": "string" } } } });
        let grouped = json!({ "type": "namespace", "name": "agents", "description": "Other agents", "tools": [spawn] });
        let body = json!({
            "model": "gpt-5.6-luna", "instructions": "You are a coding agent.", "stream": true, "store": false,
            "client_metadata": { "x-codex-installation-id": "0b7d" }, "max_output_tokens": 400,
            "input": [{ "type": "message", "role": "user", "content": [{ "type": "input_text", "text": "hi" }] }],
            "tools": [grouped], "tool_choice": "auto", "parallel_tool_calls": true,
            "include": ["reasoning.encrypted_content"],
        });
        let reply = client.post(RESPONSES, &body).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        let sent = sim.requests().last().unwrap().json();
        assert_eq!((&sent["tools"], sent.get("client_metadata")), (&json!([grouped]), None));
        stage.assert_billed_as_by(&sim).await;

        let mut deferred = body;
        deferred["tools"][0]["tools"][0]["defer_loading"] = json!(true);
        let reply = client.post(RESPONSES, &deferred).await;
        reply.assert_openai_error(400);
        assert_eq!(reply.json()["error"]["param"], "tools[0].tools[0].defer_loading");
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_names_the_value_and_the_way_out() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let client = customer(stage, &gateway, 1_000_000).await;
        let item = json!({ "type": "item_reference", "id": "msg_0a" });
        for (more, param, parts) in [
            // Vercel AI SDK 5 to 7 by default, at the second step.
            (
                json!({ "input": [{ "role": "user", "content": "hi" }, item] }),
                "input[1].type",
                ["'item_reference'", "store: false", "openai.chat(model)"],
            ),
            // Microsoft Agent Framework at every tool call.
            (
                json!({ "previous_response_id": "resp_0a" }),
                "previous_response_id",
                ["'resp_0a'", "store: false", "OpenAIChatCompletionClient"],
            ),
            (
                json!({ "tools": [{ "type": "web_search" }] }),
                "tools[0].type",
                ["'web_search'", "run by the provider", "not available here"],
            ),
        ] {
            let body = with(json!({ "model": "gpt-5.6-luna", "input": "hi" }), more);
            let reply = client.post(RESPONSES, &body).await;
            reply.assert_openai_error(400);
            assert_eq!(reply.json()["error"]["param"], param);
            let text = message(&reply);
            assert!(parts.iter().all(|part| text.contains(part)), "{text}");
        }

        let long = chat(json!({ "messages": [{ "role": "user", "content": "word ".repeat(274_000) }] }));
        let reply = client.post(CHAT, &long).await;
        reply.assert_openai_error(400);
        assert_eq!(reply.code(), "context_length_exceeded");
        let text = message(&reply);
        assert!(
            text.contains("maximum context length is 272000 tokens") && text.contains("274041"),
            "{text}"
        );

        let reply = client.get(CHAT).await;
        reply.assert_openai_error(405);
        assert_eq!(
            (message(&reply).as_str(), reply.header("allow")),
            ("This URL takes POST and no other method.", Some("POST"))
        );
        let reply = client.post("/v1/models", &json!({})).await;
        reply.assert_openai_error(405);
        assert_eq!(message(&reply), "This URL takes GET and no other method.");
        assert_eq!(sim.totals().requests, 0);
        gateway.stop().await;
    })
    .await;
}

fn image(bytes: &[u8]) -> Value {
    let url = format!("data:image/png;base64,{}", STANDARD.encode(bytes));
    chat(json!({ "max_completion_tokens": 100, "messages": [{ "role": "user", "content": [
        { "type": "text", "text": "What is this?" }, { "type": "image_url", "image_url": { "url": url } },
    ] }] }))
}

/// The beginning of a PNG of this size; nobody decodes the rest.
fn png(width: u32, height: u32) -> Vec<u8> {
    let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
    [b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".as_slice(), &size, &[8, 2, 0, 0, 0]].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_is_held_at_what_its_own_size_costs() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let client = customer(stage, &gateway, 1_000).await;
        // A thousand tokens could never send one: the most that any image of this model costs was held for it.
        let reply = client.post(CHAT, &image(&png(512, 512))).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        stage.when_quiet().await;
        let held: i64 = sqlx::query_scalar("select input_tokens from octroi_private.request where id = $1")
            .bind(reply.usage_id())
            .fetch_one(&stage.pool)
            .await
            .unwrap();
        assert!((400..600).contains(&held), "{held}");
        let billed = stage.usage_event(reply.usage_id()).await.input_tokens;
        assert!((256..=held).contains(&billed), "the provider bills {billed} for the same bytes");
        // A larger one costs what it costs, and is refused while there is no room for it.
        assert_eq!(client.post(CHAT, &image(&png(1024, 1024))).await.status, 429);
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_photograph_of_twenty_megabytes_fits() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let client = customer(stage, &gateway, 100_000).await;
        let mut photograph = png(1024, 768);
        photograph.resize(20_000_000, 7);
        assert_eq!(client.post(CHAT, &image(&photograph)).await.status, 200);
        photograph.resize(26_000_000, 7);
        let reply = client.post(CHAT, &image(&photograph)).await;
        reply.assert_openai_error(413);
        assert!(message(&reply).contains("33554432 bytes"), "{reply:?}");
        stage.assert_billed_as_by(&sim).await;
        gateway.stop().await;
    })
    .await;
}
