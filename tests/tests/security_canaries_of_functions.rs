//! The edge functions under Deno, whose every secret can be recognised, while the Data API behind them is away, and while it
//! answers as Postgres does, with what it was given: none of it is in their logs or in an answer.

use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use octroi_sim::stripe::signature;
use octroi_tests::client::{claims, token, valid_token};
use octroi_tests::edge_function::EdgeFunction;
use octroi_tests::gateway::{JWT_ISSUER, JWT_SECRET, free_port};
use octroi_tests::stage::play;
use serde_json::json;
use time::OffsetDateTime;
use tokio::net::TcpListener;

/// A function gives up on its Data API after five seconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
const WEBHOOK: &str = "whsec_canary_c2VjcmV0X29mX3RoZV93ZWJob29r";
const SECRET_KEY: &str = "sb_secret_canary_of_the_project";
const PROMPT: &str = "canary prompt of a user: violet giraffe";
const ADDRESS: &str = "canary-payer@example.com";

/// A function with every secret that it could have.
async fn run(name: &str, api: &str) -> EdgeFunction {
    let secret_keys = json!({ "default": SECRET_KEY }).to_string();
    let publishable_keys = json!({ "default": "sb_publishable_x" }).to_string();
    let variables = [
        ("SUPABASE_URL", api),
        ("SUPABASE_SECRET_KEYS", &secret_keys),
        ("SUPABASE_PUBLISHABLE_KEYS", &publishable_keys),
        ("STRIPE_WEBHOOK_SECRETS", WEBHOOK),
        ("OCTROI_JWT_SECRET", JWT_SECRET),
    ];
    EdgeFunction::run(name, &variables).await
}

/// A function's answer to this body, with its headers.
async fn told(function: &EdgeFunction, headers: &[(&str, &str)], body: &str) -> String {
    let client = reqwest::Client::builder().no_proxy().timeout(ANSWER_TIMEOUT).build().unwrap();
    let mut request = client.post(&function.url).body(body.to_owned());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answered = request.send().await.unwrap();
    format!("{:?}\n{}\n", answered.headers().clone(), answered.text().await.unwrap())
}

/// A Data API whose database finds a fault in everything, and quotes it.
async fn quoting() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let quote = async |body: String| {
        let message = format!("invalid input syntax for type uuid: {body}");
        (StatusCode::BAD_REQUEST, json!({ "code": "22P02", "message": message, "details": body }).to_string())
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(quote)).await });
    url
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_in_a_log_or_an_answer_of_an_edge_function() {
    play(async |stage| {
        let caller = stage.sign_up("canary").await;
        let away = format!("http://127.0.0.1:{}", free_port());
        for api in [away, quoting().await] {
            let (webhook, completions) = (run("stripe-webhook", &api).await, run("completions", &api).await);
            // The function believes tokens of its own project's Auth only.
            let issued = json!({ "iss": format!("{api}/auth/v1") });
            let (good, foreign) = (token(&claims(caller, issued), JWT_SECRET), valid_token(caller));
            assert_ne!(format!("{api}/auth/v1"), JWT_ISSUER);
            let event = json!({
                "id": "evt_1", "object": "event", "type": "customer.updated", "created": 1_795_000_000, "livemode": false,
                "data": { "object": { "object": "customer", "id": "cus_1", "email": ADDRESS } },
            })
            .to_string();
            let signed = signature(&[WEBHOOK.to_owned()], OffsetDateTime::now_utc().unix_timestamp(), &event);
            let forged = signature(&["whsec_x".to_owned()], OffsetDateTime::now_utc().unix_timestamp(), &event);
            let question = json!({ "model": "gpt-5.4-mini", "input": PROMPT }).to_string();
            let broken = format!("{{\"{PROMPT}");

            let mut answers = String::new();
            for signature in [&signed, &forged] {
                answers += &told(&webhook, &[("stripe-signature", signature)], &event).await;
            }
            answers += &told(&webhook, &[("stripe-signature", &signed)], &broken).await;
            for bearer in [&good, &foreign] {
                let authorization = format!("Bearer {bearer}");
                let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
                for body in [&question, &broken] {
                    answers += &told(&completions, &headers, body).await;
                }
            }

            let (webhook, completions) = (webhook.said(), completions.said());
            assert!(webhook.contains("event not stored") && webhook.contains("event refused with 400"), "{webhook}");
            assert!(completions.contains("request not answered"), "{completions}");
            let places = [("the webhook's log", &webhook), ("the completions' log", &completions), ("an answer", &answers)];
            for secret in [WEBHOOK, SECRET_KEY, JWT_SECRET, PROMPT, ADDRESS, &good, &foreign, &signed] {
                for (place, text) in places {
                    assert!(!text.contains(secret), "{secret} is in {place}: {text}");
                }
            }
        }
    })
    .await;
}
