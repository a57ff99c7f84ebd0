//! The bundle of everything about a person: who gets it, how often, what is in it, and that reading it back gives the same.

use std::io::{Cursor, Read};

use octroi_tests::cast::{Caller, act_as};
use octroi_tests::gateway::{Gateway, provider};
use octroi_tests::stage::{Stage, play};
use reqwest::{Method, Response, StatusCode};
use serde_json::Value;
use uuid::Uuid;

/// What the audit trail gives, where its migrations are not there yet.
const TRAIL: &str = include_str!("../pgtap/setup/trail.sql");

async fn offered(stage: &Stage, caller: Caller) -> (Uuid, String) {
    let mut transaction = stage.pool.begin().await.unwrap();
    act_as(&mut transaction, caller.user_id).await;
    let offer = sqlx::query_as("select request_id, path from octroi.export_my_data()")
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    offer
}

async fn ask(gateway: &Gateway, method: Method, path: &str) -> Response {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    client.request(method, format!("{}{path}", gateway.client.url)).send().await.unwrap()
}

async fn use_tokens(stage: &Stage, caller: Caller, calls: i32) {
    sqlx::query(
        "select count(u.outcome) from generate_series(1, $3) as n
         cross join lateral octroi_private.record_usage($1, $2, 'gpt-5.6-luna', n, 20) as u",
    )
    .bind(caller.account_id)
    .bind(caller.user_id)
    .bind(calls)
    .execute(&stage.pool)
    .await
    .unwrap();
}

fn entry(zip: &mut zip::ZipArchive<Cursor<bytes::Bytes>>, name: &str) -> String {
    let mut text = String::new();
    zip.by_name(name).unwrap().read_to_string(&mut text).unwrap();
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bundle_is_everything_about_one_person_and_can_be_read_back() {
    play(async |stage| {
        stage.run(TRAIL).await;
        let gateway = Gateway::start(stage, &provider().await).await;
        let (ada, zoe) = (stage.sign_up("ada").await, stage.sign_up("zoe").await);
        use_tokens(stage, ada, 3).await;
        use_tokens(stage, zoe, 2).await;
        let (request_id, path) = offered(stage, ada).await;
        let answer = ask(&gateway, Method::GET, &path).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["content-type"], "application/zip");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers()["referrer-policy"], "no-referrer");
        let mut zip = zip::ZipArchive::new(Cursor::new(answer.bytes().await.unwrap())).unwrap();

        let data = entry(&mut zip, "data.json");
        assert!(!data.contains(&zoe.user_id.to_string()), "nothing of anybody else");
        let data: Value = serde_json::from_str(&data).unwrap();
        assert_eq!(data["request_id"], request_id.to_string());
        assert!(data["processors"].as_array().unwrap().iter().any(|processor| processor["name"] == "stripe"));
        let same: bool = sqlx::query_scalar(
            "select not exists (
               (select e from octroi_private.usage_event as e where e.user_id = $2)
               except
               (select e from jsonb_populate_recordset(null::octroi_private.usage_event, $1) as e)
             ) and (select count(*) = 3 from jsonb_populate_recordset(null::octroi_private.usage_event, $1))",
        )
        .bind(sqlx::types::Json(&data["tables"]["usage_event"]))
        .bind(ada.user_id)
        .fetch_one(&stage.pool)
        .await
        .unwrap();
        assert!(same, "read back, the calls are the same");

        let calls = entry(&mut zip, "csv/usage_event.csv");
        assert_eq!(csv::Reader::from_reader(calls.as_bytes()).records().count(), 3);
        let schema: Value = serde_json::from_str(&entry(&mut zip, "schema.json")).unwrap();
        let described = schema["tables"].as_array().unwrap();
        for (table, _) in data["tables"].as_object().unwrap() {
            assert!(described.iter().any(|entry| entry["table"] == **table), "{table} is described");
        }
        octroi_tests::deadline::eventually("the answer is on record", async || {
            let (state, rows): (String, Option<String>) = sqlx::query_as(
                "select state, evidence ->> 'sha256' from octroi_private.privacy_request where id = $1",
            )
            .bind(request_id)
            .fetch_one(&stage.pool)
            .await
            .unwrap();
            (state == "done" && rows.is_some_and(|hash| hash.len() == 64)).then_some(())
        })
        .await;
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_door_opens_once_and_for_nothing_else() {
    play(async |stage| {
        stage.run(TRAIL).await;
        let gateway = Gateway::start(stage, &provider().await).await;
        let ada = stage.sign_up("ada").await;
        let (_, path) = offered(stage, ada).await;
        assert_eq!(
            ask(&gateway, Method::HEAD, &path).await.status(),
            404,
            "looking does not use the link up"
        );
        assert_eq!(ask(&gateway, Method::POST, &path).await.status(), 405);
        assert_eq!(ask(&gateway, Method::GET, &path).await.status(), 200);
        let guess = format!("/privacy/export/{}", "0".repeat(64));
        let capitals = path.to_uppercase().replace("/PRIVACY/EXPORT", "/privacy/export");
        let mut bodies = Vec::new();
        for closed in
            [&path, &guess, &capitals, "/privacy/export/x", "/privacy/export/%ff", "/privacy/export/a/b"]
        {
            let answer = ask(&gateway, Method::GET, closed).await;
            assert_eq!(answer.status(), 404, "{closed}");
            bodies.push(answer.text().await.unwrap());
        }
        assert!(bodies.iter().all(|body| *body == bodies[0]), "a used link looks like none: {bodies:?}");
        let (_, late) = offered(stage, ada).await;
        stage.let_pass(time::Duration::minutes(16)).await;
        assert_eq!(
            ask(&gateway, Method::GET, &late).await.status(),
            404,
            "nor does a link of a quarter of an hour ago"
        );
        gateway.stop().await;
    })
    .await;
}
