//! Keys at the gateway: what they may call, how they are replaced, and how they die.

use octroi_tests::client::chat;
use octroi_tests::deadline::eventually;
use octroi_tests::gateway::{Gateway, provider};
use octroi_tests::stage::{Stage, play};
use octroi_worker::cli::KeysCommand;
use octroi_worker::commands::Command;
use octroi_worker::config::Variables;
use octroi_worker::doctor;
use serde_json::json;
use time::Duration;

const CHAT: &str = "/v1/chat/completions";
const EMBEDDINGS: &str = "/v1/embeddings";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_calls_the_endpoints_it_is_for_and_no_others() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let caller = stage.sign_up("owner").await;
        let key = stage.make_key(caller, json!([])).await;
        let change = "update octroi_private.api_key set allowed_endpoints = '{embeddings}' where id = $1";
        octroi_tests::cast::execute(&stage.pool, change, key.id).await;
        let client = gateway.client.with(&key.secret);
        let refused = client.post(CHAT, &chat(json!({}))).await;
        refused.assert_openai_error(403);
        assert_eq!(refused.code(), "endpoint_not_allowed");
        assert!(sim.requests().is_empty(), "nothing went to the provider");
        let body = json!({ "model": "text-embedding-3-small", "input": "hello" });
        assert_eq!(client.post(EMBEDDINGS, &body).await.status, 200);
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_lists_and_calls_the_models_it_is_for_and_no_others() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let caller = stage.sign_up_with(&[("account", "", "tokens", "month", 1_000_000, 0)]).await;
        let key = stage.make_key(caller, json!([])).await;
        let change =
            "update octroi_private.api_key set allowed_models = '{gpt-5.4,no-such-model}' where id = $1";
        octroi_tests::cast::execute(&stage.pool, change, key.id).await;
        let client = gateway.client.with(&key.secret);
        let listed = client.get("/v1/models").await.json();
        let names: Vec<_> = listed["data"].as_array().unwrap().iter().map(|model| &model["id"]).collect();
        assert_eq!(names, ["gpt-5.4", "gpt-5.4-2026-03-05"], "what its owner meant it for and the plan has");
        assert_eq!(client.get("/v1/models/gpt-5.4-mini").await.status, 404);
        let refused = client.post(CHAT, &chat(json!({ "model": "gpt-5.4-mini" }))).await;
        refused.assert_openai_error(403);
        assert!(sim.requests().is_empty(), "nothing went to the provider");
        assert_eq!(client.post(CHAT, &chat(json!({ "model": "gpt-5.4" }))).await.status, 200);
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotated_key_works_by_both_secrets_and_then_by_one() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let caller = stage.sign_up("owner").await;
        let first = stage.make_key(caller, json!([])).await;
        let status = async |secret: &str| gateway.client.with(secret).post(CHAT, &chat(json!({}))).await;
        assert_eq!(status(&first.secret).await.status, 200);
        let second = stage.rotate_key(caller, &first, 3600).await;
        for key in [&first, &second] {
            assert_eq!(status(&key.secret).await.status, 200, "during the grace");
        }
        let by_key: (i64, i64) = sqlx::query_as(
            "select count(*), count(distinct api_key_id) from octroi_private.usage_event where account_id = $1",
        )
        .bind(caller.account_id)
        .fetch_one(&stage.pool)
        .await
        .unwrap();
        assert_eq!(by_key, (3, 1), "it is one key all the while");
        stage.let_pass(Duration::minutes(61)).await;
        eventually("the old secret ends", async || {
            (status(&first.secret).await.status == 401).then_some(())
        })
        .await;
        assert_eq!(status(&first.secret).await.code(), "expired_api_key");
        assert_eq!(status(&second.secret).await.status, 200);
        gateway.stop().await;
    })
    .await;
}

/// `octroi keys revoke-leaked` of a file with this text: what it says.
async fn revoke_leaked(stage: &Stage, text: &str) -> String {
    let file = std::env::temp_dir().join(format!("octroi-leak-{}", uuid::Uuid::new_v4().simple()));
    std::fs::write(&file, text).unwrap();
    let variables: Variables = [("OCTROI_DATABASE_URL".to_owned(), stage.worker_url())].into_iter().collect();
    let mut said = Vec::new();
    let command = KeysCommand::RevokeLeaked { file: file.clone() };
    let done = Command::new(&variables, &mut said).unwrap().keys(&command).await;
    std::fs::remove_file(&file).unwrap();
    assert!(done.unwrap());
    String::from_utf8(said).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_leaked_are_revoked_by_the_text_they_leaked_in() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let caller = stage.sign_up("owner").await;
        let leaked = stage.make_key(caller, json!([])).await;
        let by_hash = stage.make_key(caller, json!([])).await;
        let other = stage.make_key(caller, json!([])).await;
        let replaced = stage.make_key(caller, json!([])).await;
        let current = stage.rotate_key(caller, &replaced, 3600).await;
        let hash: String =
            sqlx::query_scalar("select encode(key_hash, 'hex') from octroi_private.api_key where id = $1")
                .bind(by_hash.id)
                .fetch_one(&stage.pool)
                .await
                .unwrap();
        let text = format!(
            "report.txt:3: OPENAI_API_KEY=\"{}\"\nsha256 {hash}\nold {}\nnobody's sk-oct-{}\n",
            leaked.secret,
            replaced.secret,
            "0".repeat(64)
        );
        let said = revoke_leaked(stage, &text).await;
        assert_eq!(said, "found: 4\nreplaced secrets ended: 1\nrevoked: 2\n");
        let status = async |secret: &str| gateway.client.with(secret).post(CHAT, &chat(json!({}))).await;
        for key in [&leaked, &by_hash, &replaced] {
            assert_eq!(status(&key.secret).await.status, 401);
        }
        for key in [&other, &current] {
            assert_eq!(status(&key.secret).await.status, 200);
        }
        assert_eq!(revoke_leaked(stage, &text).await, "found: 4\nreplaced secrets ended: 0\nrevoked: 0\n");
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_says_whether_personal_data_can_be_sealed() {
    play(async |stage| {
        let sim = provider().await;
        let examine = async || {
            let port = octroi_tests::gateway::free_port();
            let variables: Variables =
                octroi_tests::gateway::environment(stage, &sim, port, &[]).into_iter().collect();
            let mut said = Vec::new();
            let healthy = doctor::examine(&variables, &mut said).await.unwrap();
            (healthy, String::from_utf8(said).unwrap())
        };
        let (healthy, said) = examine().await;
        assert!(healthy && said.contains("ok     personal data is sealed by operator keys"), "{said}");
        let setting = format!("alter database {} set octroi.key_file = '/nonexistent'", stage.database);
        sqlx::raw_sql(sqlx::AssertSqlSafe(setting)).execute(&stage.pool).await.unwrap();
        let (healthy, said) = examine().await;
        assert!(!healthy && said.contains("FAULT  personal data cannot be sealed"), "{said}");
    })
    .await;
}
