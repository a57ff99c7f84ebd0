//! A request about personal data that nobody answers is told to the operator before the law's day comes.

use octroi_tests::child::Worker;
use octroi_tests::gateway::{environment, free_port, provider};
use octroi_tests::stage::{Stage, play};
use octroi_worker::config::Variables;
use octroi_worker::doctor;
use uuid::Uuid;

/// What `octroi doctor` says.
async fn doctor_says(stage: &Stage) -> String {
    let sim = provider().await;
    let variables: Variables = environment(stage, &sim, free_port(), &[]).into_iter().collect();
    let mut said = Vec::new();
    doctor::examine(&variables, &mut said).await.unwrap();
    String::from_utf8(said).unwrap()
}

/// What a worker that starts now tells whoever reads its metrics.
async fn metric(stage: &Stage) -> String {
    let worker = Worker::start(stage, &provider().await, &[]).await;
    let told = octroi_tests::deadline::eventually("the metric is there", async || {
        let text = String::from_utf8(worker.client.get("/metrics").await.body.to_vec()).unwrap();
        text.lines().find(|line| line.starts_with("octroi_privacy_requests_due ")).map(str::to_owned)
    })
    .await;
    worker.kill().await;
    told
}

async fn open_request(stage: &Stage, kind: &str) -> Uuid {
    let ada = stage.sign_up("ada").await;
    sqlx::query_scalar("select octroi_private.open_privacy_request($1, $2, 'operator')")
        .bind(ada.user_id)
        .bind(kind)
        .fetch_one(&stage.pool)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_waits_is_told_before_its_day() {
    play(async |stage| {
        let id = open_request(stage, "access").await;
        let quiet = "ok     no request about personal data is due soon or late";
        stage.let_pass(time::Duration::days(19)).await;
        let said = doctor_says(stage).await;
        assert!(said.contains(quiet), "{said}");

        stage.let_pass(time::Duration::days(1)).await;
        let said = doctor_says(stage).await;
        assert!(said.contains(&format!("warn   privacy request {id}: access is due on ")), "{said}");
        assert_eq!(metric(stage).await, "octroi_privacy_requests_due 1");

        stage.let_pass(time::Duration::days(12)).await;
        let said = doctor_says(stage).await;
        assert!(said.contains(&format!("warn   privacy request {id}: access was due on ")), "{said}");

        let answer = "select octroi_private.close_privacy_request($1, 'done', '{\"outcome\": \"sent\"}')";
        let is_closed: bool = sqlx::query_scalar(answer).bind(id).fetch_one(&stage.pool).await.unwrap();
        assert!(is_closed);
        assert!(doctor_says(stage).await.contains(quiet));
        assert_eq!(metric(stage).await, "octroi_privacy_requests_due 0");
    })
    .await;
}
