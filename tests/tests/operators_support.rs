//! "Why am I refused?": what the gateway refused is there for whoever helps the customer, moments later, and never a row
//! for each call.

use octroi_sim::openai::FaultKind;
use octroi_tests::cast::act_as;
use octroi_tests::client::chat;
use octroi_tests::gateway::{Gateway, provider};
use octroi_tests::stage::{Stage, play};
use serde_json::json;

const CHAT: &str = "/v1/chat/completions";

type Refusal = (String, i16, i64, Option<String>, Option<String>, Option<i64>, Option<i64>);

/// What support is told of an account's refusals, by code.
async fn refusals(stage: &Stage, account_id: uuid::Uuid) -> Vec<Refusal> {
    let mut transaction = stage.pool.begin().await.unwrap();
    sqlx::query("set local role octroi_support").execute(&mut *transaction).await.unwrap();
    let told = sqlx::query_as(
        "select code, status, refusals, endpoint, model, granted, used
           from octroi_private.support_refusals($1) order by code",
    )
    .bind(account_id)
    .fetch_all(&mut *transaction)
    .await
    .unwrap();
    transaction.commit().await.unwrap();
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_refused_is_told_to_whoever_helps() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let caller = stage.sign_up_with(&[("account", "", "requests", "month", 1, 0)]).await;
        let key = stage.make_key(caller, json!([])).await;
        let client = gateway.client.with(&key.secret);
        let model = chat(json!({}))["model"].as_str().unwrap().to_owned();

        assert_eq!(client.post(CHAT, &chat(json!({ "no_such_parameter": 1 }))).await.status, 400);
        sim.fault(FaultKind::Status { status: 400, code: None, retry_after_seconds: None }).unwrap();
        assert_eq!(client.post(CHAT, &chat(json!({}))).await.status, 400);
        assert_eq!(client.post(CHAT, &chat(json!({}))).await.status, 200);
        for _ in 0..40 {
            assert_eq!(client.post(CHAT, &chat(json!({}))).await.status, 429);
        }
        let spoof = chat(json!({ "model": "my name is Mia" }));
        assert!(client.post(CHAT, &spoof).await.status.is_client_error());
        stage.when_quiet().await;
        gateway.stop().await;

        let told = refusals(stage, caller.account_id).await;
        let endpoint = || Some("chat.completions".to_owned());
        let of = |code: &str| told.iter().find(|refusal| refusal.0 == code).cloned();
        assert_eq!(
            of("quota_exceeded"),
            Some(("quota_exceeded".to_owned(), 429, 40, endpoint(), Some(model), Some(1), Some(1)))
        );
        let plain = |code: &str| Some((code.to_owned(), 400, 1, endpoint(), None, None, None));
        assert_eq!(of("unknown_parameter"), plain("unknown_parameter"));
        assert_eq!(of("upstream_refused"), plain("upstream_refused"));
        assert_eq!(
            told.len(),
            4,
            "one row for each reason, and what a model is not called is not kept: {told:?}"
        );
        assert!(told.iter().all(|refusal| refusal.4.as_deref() != Some("my name is Mia")));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queued_completion_that_is_refused_is_told_as_well() {
    play(async |stage| {
        let sim = provider().await;
        let caller = stage.sign_up_with(&[("account", "", "tokens", "month", 1, 0)]).await;
        let mut transaction = stage.pool.begin().await.unwrap();
        act_as(&mut transaction, caller.user_id).await;
        let id: uuid::Uuid = sqlx::query_scalar("select octroi.request_completion($1)")
            .bind(chat(json!({})))
            .fetch_one(&mut *transaction)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        let gateway = Gateway::start(stage, &sim).await;
        octroi_tests::deadline::eventually("the completion is done with", async || {
            let done: bool = sqlx::query_scalar(
                "select finished_at is not null from octroi_private.completion where id = $1",
            )
            .bind(id)
            .fetch_one(&stage.pool)
            .await
            .unwrap();
            done.then_some(())
        })
        .await;
        gateway.stop().await;
        let told = refusals(stage, caller.account_id).await;
        assert_eq!(
            told.iter().map(|told| (told.0.as_str(), told.2)).collect::<Vec<_>>(),
            [("quota_exceeded", 1)]
        );
    })
    .await;
}
