//! What a front end in Rust can do with the crates that Supabase's users have, over the real Auth and Data API: sign up,
//! ask, call, and see of others nothing.

use std::time::Duration;

use octroi_front_end::{Answer, Builder, Project, Visitor, newcomer};
use serde_json::{Value, json};
use supabase_auth::error::Error;

const MODEL: &str = "gpt-5.4-mini";
/// Longest wait for one answer of the gateway, seconds.
const TIMEOUT_SECONDS: u64 = 30;

async fn newcomer_of(project: &Project) -> Visitor {
    let (email, password) = newcomer();
    project.sign_up(&email, &password).await
}

/// The limit on tokens, of those that bind a visitor.
async fn tokens(visitor: &Visitor) -> Value {
    let limits = visitor.rpc("my_quota", &json!({})).await.rows();
    limits.into_iter().find(|limit| limit["meter"] == "tokens").expect("a limit on tokens")
}

/// A call through the gateway; its status and body.
async fn call(bearer: &str) -> Answer {
    let url = std::env::var("OCTROI_URL").expect("OCTROI_URL");
    let question = json!({
        "model": MODEL, "messages": [{ "role": "user", "content": "Hi [[output_tokens=25]]" }], "max_tokens": 100
    });
    let client =
        reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(TIMEOUT_SECONDS)).build().unwrap();
    let sent =
        client.post(format!("{url}/v1/chat/completions")).bearer_auth(bearer).json(&question).send().await;
    let response = sent.unwrap();
    Answer { status: response.status().as_u16(), body: response.json().await.unwrap() }
}

#[tokio::test]
async fn a_visitor_signs_up_asks_for_their_quota_calls_and_sees_what_it_took() {
    let project = Project::of_environment();
    let visitor = newcomer_of(&project).await;
    let before = tokens(&visitor).await;
    assert_eq!((before["plan"].as_str(), before["used"].as_i64()), (Some("free"), Some(0)));

    // Their token is a key to the gateway, and so is a key that they make.
    let key = visitor.rpc("create_api_key", &json!({ "name": "rust", "limits": [] })).await.rows().remove(0);
    let mut used = 0;
    for bearer in [visitor.session.access_token.as_str(), key["secret"].as_str().unwrap()] {
        let answer = call(bearer).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        used += answer.body["usage"]["total_tokens"].as_i64().unwrap();
    }

    assert_eq!(tokens(&visitor).await["used"].as_i64(), Some(used));
    let events =
        visitor.ask("usage", |usage| usage.select("model,total_tokens").eq("model", MODEL)).await.rows();
    let total: i64 = events.iter().map(|event| event["total_tokens"].as_i64().unwrap()).sum();
    assert_eq!((events.len(), total), (2, used));
}

#[tokio::test]
async fn a_call_that_would_not_fit_is_forecast_with_its_limit() {
    let visitor = newcomer_of(&Project::of_environment()).await;
    let ask = |tokens: i64| json!({ "model": MODEL, "tokens": tokens });
    let fits = visitor.rpc("check_quota", &ask(100)).await.rows().remove(0);
    assert_eq!(fits["allowed"], json!(true), "{fits}");
    let refused = visitor.rpc("check_quota", &ask(1_000_000)).await.rows().remove(0);
    assert_eq!((&refused["allowed"], refused["reason"].as_str()), (&json!(false), Some("quota_exceeded")));
    assert_eq!((refused["scope"].as_str(), refused["meter"].as_str()), (Some("account"), Some("tokens")));
}

#[tokio::test]
async fn of_somebody_else_a_visitor_sees_and_changes_nothing() {
    let project = Project::of_environment();
    let (mia, sten) = (newcomer_of(&project).await, newcomer_of(&project).await);
    let key = mia.rpc("create_api_key", &json!({ "name": "mine", "limits": [] })).await.rows().remove(0);
    assert_eq!(call(key["secret"].as_str().unwrap()).await.status, 200);

    for view in ["api_keys", "usage", "usage_daily"] {
        assert_eq!(mia.ask(view, |rows| rows.select("*")).await.rows().len(), 1, "{view}");
        assert_eq!(sten.ask(view, |rows| rows.select("*")).await.rows().len(), 0, "{view}");
    }
    let id = key["id"].as_str().unwrap();
    let named = sten.ask("api_keys", |keys| keys.select("id").eq("id", id)).await.rows();
    assert!(named.is_empty(), "a filter opens nothing: {named:?}");
    let revoked = sten.rpc("revoke_api_key", &json!({ "id": id })).await;
    assert_eq!((revoked.status, &revoked.body), (200, &json!(false)), "to Sten there is no such key");
    assert_eq!(call(key["secret"].as_str().unwrap()).await.status, 200, "the key still opens the gateway");

    // Nothing is written past the RPCs, and no table is exposed: not to its owner either.
    let free = |usage: Builder| usage.update(r#"{"total_tokens": 0}"#).eq("model", MODEL);
    let written = mia.ask("usage", free).await;
    assert_eq!(written.refusal(), (403, "42501"), "{written:?}");
    let table = mia.ask("api_key", |rows| rows.select("key_hash")).await;
    assert_eq!(table.status, 404, "{table:?}");
    assert_eq!(mia.rpc("revoke_api_key", &json!({ "id": id })).await.body, json!(true));
    assert_eq!(call(key["secret"].as_str().unwrap()).await.status, 401, "a revoked key opens nothing");
}

#[tokio::test]
async fn nobody_gets_in_without_a_session() {
    let project = Project::of_environment();
    assert_eq!(project.rpc("my_quota", &json!({})).await.refusal(), (401, "42501"));
    assert_eq!(call("not.a.token").await.status, 401);

    let (email, password) = newcomer();
    project.sign_up(&email, &password).await;
    let wrong = project.sign_in(&email, "wrong").await.err();
    assert!(matches!(&wrong, Some(Error::AuthError { status, .. }) if status.as_u16() == 400), "{wrong:?}");

    let visitor = project.sign_in(&email, &password).await.unwrap();
    let renewed = project.renew(&visitor).await.unwrap();
    assert_eq!(tokens(&renewed).await["used"], json!(0));
    project.sign_out(&renewed).await;
    assert!(project.renew(&renewed).await.is_err(), "a session that was ended is not renewed");
    assert!(project.sign_in(&email, &password).await.is_ok(), "they may come back");
}
