//! Calls from pages in a browser: which sites' pages may make them, and that nothing else changes by it.

use http::Method;
use octroi_tests::client::{Client, Reply, chat, read, valid_token};
use octroi_tests::gateway::{Gateway, provider};
use octroi_tests::stage::{Stage, play};
use octroi_worker::cli::Serve;
use serde_json::json;

const CHAT: &str = "/v1/chat/completions";
/// What OpenAI's SDK for JavaScript sends along.
const SDK_HEADERS: &str = "authorization,content-type,x-stainless-arch,x-stainless-lang,x-stainless-os,\
    x-stainless-package-version,x-stainless-retry-count,x-stainless-runtime,x-stainless-runtime-version,\
    x-stainless-timeout";
const GATEWAY_ONLY: Serve = Serve { no_gateway: false, no_jobs: true };

/// What a browser asks before it lets a page of `origin` call `path`.
async fn preflight(client: &Client, path: &str, origin: &str) -> Reply {
    let request = client
        .request(Method::OPTIONS, path)
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", SDK_HEADERS);
    read(request.send().await.unwrap()).await
}

/// Whether a browser would let a page of `origin` call.
async fn may_call(client: &Client, origin: &str) -> bool {
    preflight(client, CHAT, origin).await.header("access-control-allow-origin").is_some()
}

async fn set_billing_settings(stage: &Stage, settings: serde_json::Value) {
    let set = sqlx::query("select octroi_private.set_billing_settings($1)").bind(settings);
    set.execute(&stage.pool).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_the_operators_asks_first_without_a_token_and_then_calls() {
    play(async |stage| {
        let sim = provider().await;
        set_billing_settings(
            stage,
            json!({
                "return_origins": ["https://app.example.com", "https://shop.example.com:443"],
                "upgrade_url": "https://www.example.com/plans?from=refusal",
            }),
        )
        .await;
        let gateway = Gateway::start_with(stage, &sim, &[], GATEWAY_ONLY).await;
        let caller = stage.sign_up("reader").await;

        for origin in ["https://app.example.com", "https://shop.example.com", "https://www.example.com"] {
            let asked = preflight(&gateway.client, CHAT, origin).await;
            assert_eq!(asked.status, 200, "{asked:?}");
            assert!(asked.body.is_empty());
            assert_eq!(asked.header("access-control-allow-origin"), Some(origin));
            assert_eq!(asked.header("access-control-allow-methods"), Some("GET,POST"));
            assert_eq!(asked.header("access-control-allow-headers"), Some(SDK_HEADERS));
            assert_eq!(asked.header("access-control-allow-credentials"), None, "no cookies are involved");
            assert!(asked.header("access-control-max-age").is_some());
            assert!(asked.header("x-request-id").is_some(), "as every answer has");
        }
        assert!(sim.requests().is_empty(), "nothing was called");

        let call = gateway.client.with(&valid_token(caller)).request(Method::POST, CHAT);
        let answer = read(
            call.header("origin", "https://app.example.com").json(&chat(json!({}))).send().await.unwrap(),
        )
        .await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.example.com"));
        assert_eq!(answer.header("access-control-expose-headers"), Some("*"), "ours, and those to come");
        assert!(answer.header("vary").is_some_and(|vary| vary.contains("origin")), "no cache mixes sites up");
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_may_read_why_it_was_refused() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start_with(stage, &sim, &[], GATEWAY_ONLY).await;
        // what an installation begins with
        let origin = "http://localhost:3000";
        for (path, bearer, status) in [(CHAT, "nonsense", 401), ("/v1/no/such/path", "nonsense", 404)] {
            let call = gateway.client.with(bearer).request(Method::POST, path).header("origin", origin);
            let refused = read(call.json(&chat(json!({}))).send().await.unwrap()).await;
            refused.assert_openai_error(status);
            assert_eq!(refused.header("access-control-allow-origin"), Some(origin), "{path}");
        }
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_any_other_site_may_not_call_and_no_page_may_read_what_is_not_the_api() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start_with(stage, &sim, &[], GATEWAY_ONLY).await;
        for elsewhere in [
            "https://localhost:3000",
            "http://localhost:3001",
            "http://localhost:3000.elsewhere.example",
            "http://elsewhere.example",
            "null",
        ] {
            assert!(!may_call(&gateway.client, elsewhere).await, "{elsewhere}");
        }
        for path in ["/livez", "/metrics", "/unsubscribe/token", "/privacy/export/token"] {
            let reply = preflight(&gateway.client, path, "http://localhost:3000").await;
            assert_eq!(reply.header("access-control-allow-origin"), None, "{path}");
        }
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operator_may_list_the_sites_or_say_every_one_or_none() {
    play(async |stage| {
        let sim = provider().await;
        let known = ["http://localhost:3000", "https://app.example.com", "https://elsewhere.example"];
        for (value, expected) in [
            ("", [true, false, false]),
            ("https://app.example.com", [false, true, false]),
            ("*", [true, true, true]),
            ("none", [false, false, false]),
        ] {
            let listed = [("OCTROI_ALLOWED_ORIGINS", value)];
            let gateway = Gateway::start_with(stage, &sim, &listed, GATEWAY_ONLY).await;
            for (origin, may) in known.into_iter().zip(expected) {
                assert_eq!(may_call(&gateway.client, origin).await, may, "{origin}, {value:?}");
            }
            gateway.stop().await;
        }
    })
    .await;
}
