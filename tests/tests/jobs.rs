//! A completion asked for through SQL: queued, woken by NOTIFY, made once, read once, by its owner.

use std::time::{Duration, Instant};

use octroi_sim::openai::{self, FaultKind};
use octroi_tests::cast::{Caller, act_as};
use octroi_tests::child::Worker;
use octroi_tests::client::chat;
use octroi_tests::deadline::{eventually, within};
use octroi_tests::gateway::{Gateway, provider};
use octroi_tests::stage::{Stage, play};
use serde_json::{Value, json};
use uuid::Uuid;

type Answer = (String, Option<i16>, Option<Value>, Option<Value>);

async fn customer(stage: &Stage) -> Caller {
    stage.sign_up_with(&[("account", "", "tokens", "month", 1_000_000, 0)]).await
}

async fn ask(stage: &Stage, caller: Caller, request: &Value) -> Uuid {
    let mut transaction = stage.pool.begin().await.unwrap();
    act_as(&mut transaction, caller.user_id).await;
    let query = sqlx::query_scalar("select octroi.request_completion($1)").bind(request);
    let id = query.fetch_one(&mut *transaction).await.unwrap();
    transaction.commit().await.unwrap();
    id
}

async fn look(stage: &Stage, caller: Caller, id: Uuid) -> Option<Answer> {
    let mut transaction = stage.pool.begin().await.unwrap();
    act_as(&mut transaction, caller.user_id).await;
    let query = sqlx::query_as("select state, status, response, error from octroi.completion($1)").bind(id);
    let answer = query.fetch_optional(&mut *transaction).await.unwrap();
    transaction.commit().await.unwrap();
    answer
}

async fn answered(stage: &Stage, caller: Caller, id: Uuid) -> Answer {
    let what = "the completion is answered";
    eventually(what, async || look(stage, caller, id).await.filter(|answer| answer.0 != "pending")).await
}

/// State, attempts and worker of the only job.
async fn job(stage: &Stage) -> (String, i32) {
    let query = sqlx::query_as("select state, attempt from octroi_private.job order by id desc limit 1");
    query.fetch_one(&stage.pool).await.unwrap()
}

/// Lets every lease and hold run out, and sweeps as a worker does.
async fn let_leases_run_out(stage: &Stage) {
    stage.let_pass(time::Duration::minutes(30)).await;
    eventually("the sweep finds no other at work", async || {
        let swept =
            sqlx::query("select * from octroi_private.sweep(500)").fetch_all(&stage.pool).await.unwrap();
        (!swept.is_empty()).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_answered_as_soon_as_it_is_asked() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let caller = customer(stage).await;
        let began = Instant::now();
        for _ in 0..6 {
            let id = ask(stage, caller, &chat(json!({}))).await;
            assert_eq!(answered(stage, caller, id).await.0, "done");
        }
        // Polling alone looks every two seconds.
        assert!(began.elapsed() < Duration::from_secs(5), "six took {:?}", began.elapsed());
        stage.assert_billed_as_by(&sim).await;
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answer_is_handed_out_once_and_to_its_owner_only() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let (caller, stranger) = (customer(stage).await, customer(stage).await);
        let id = ask(stage, caller, &chat(json!({}))).await;
        eventually("the answer is kept", async || {
            let query = sqlx::query_scalar("select count(*) from octroi_private.stored_response");
            let kept: i64 = query.fetch_one(&stage.pool).await.unwrap();
            (kept == 1).then_some(())
        })
        .await;
        assert_eq!(look(stage, stranger, id).await, None);
        let (state, status, response, error) = look(stage, caller, id).await.unwrap();
        assert_eq!((state.as_str(), status, error), ("done", Some(200), None));
        assert_eq!(response.unwrap()["object"], "chat.completion");
        assert_eq!(look(stage, caller, id).await.unwrap().0, "read");
        let rests: i64 = sqlx::query_scalar(
            "select count(*) from octroi_private.completion where request is not null union all
             select count(*) from octroi_private.stored_response order by 1 desc limit 1",
        )
        .fetch_one(&stage.pool)
        .await
        .unwrap();
        assert_eq!(rests, 0, "neither prompt nor answer stays");
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_endpoint_can_be_queued_and_a_refusal_is_told() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let caller = customer(stage).await;
        for request in [
            chat(json!({ "max_completion_tokens": 50 })),
            json!({ "model": "gpt-5.6-luna", "input": "hello" }),
            json!({ "endpoint": "embeddings", "model": "text-embedding-3-small", "input": "hello" }),
        ] {
            let id = ask(stage, caller, &request).await;
            let answer = answered(stage, caller, id).await;
            assert_eq!(answer.0, "done", "{answer:?}");
        }
        stage.assert_billed_as_by(&sim).await;
        let poor = stage.sign_up_with(&[("account", "", "tokens", "month", 3, 0)]).await;
        for (who, request, status, code) in [
            (poor, chat(json!({})), 429, "quota_exceeded"),
            (caller, chat(json!({ "frobnicate": 1 })), 400, "unknown_parameter"),
            (caller, chat(json!({ "model": "gpt-99" })), 404, "model_not_found"),
        ] {
            let id = ask(stage, who, &request).await;
            let (state, told, response, error) = answered(stage, who, id).await;
            assert_eq!((state.as_str(), told, response), ("failed", Some(status), None));
            assert_eq!(error.unwrap()["error"]["code"], code);
        }
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_share_a_queue_and_make_each_call_once() {
    play(async |stage| {
        let sim = provider().await;
        let (first, second) = tokio::join!(Gateway::start(stage, &sim), Gateway::start(stage, &sim));
        let caller = customer(stage).await;
        let mut ids = Vec::new();
        for _ in 0..40 {
            ids.push(ask(stage, caller, &chat(json!({}))).await);
        }
        for id in ids {
            assert_eq!(answered(stage, caller, id).await.0, "done");
        }
        assert_eq!(sim.totals().requests, 40);
        stage.assert_billed_as_by(&sim).await;
        eventually("every job is done", async || {
            let query = sqlx::query_scalar(
                "select count(*) from octroi_private.job where state <> 'done' or attempt <> 1",
            );
            let left: i64 = query.fetch_one(&stage.pool).await.unwrap();
            (left == 0).then_some(())
        })
        .await;
        tokio::join!(first.stop(), second.stop());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_cannot_be_read_does_not_stop_the_others() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let caller = customer(stage).await;
        for args in [
            "{}",
            r#"{"completion_id": "x"}"#,
            r#"{"completion_id": "00000000-0000-7000-8000-000000000000"}"#,
        ] {
            sqlx::query("insert into octroi_private.job (kind, args) values ('complete_request', $1::jsonb)")
                .bind(args)
                .execute(&stage.pool)
                .await
                .unwrap();
        }
        let id = ask(stage, caller, &chat(json!({}))).await;
        assert_eq!(answered(stage, caller, id).await.0, "done");
        eventually("the others have ended", async || {
            let query =
                sqlx::query_scalar("select string_agg(state, ' ' order by id) from octroi_private.job");
            let states: String = query.fetch_one(&stage.pool).await.unwrap();
            (states == "cancelled cancelled done done").then_some(())
        })
        .await;
        gateway.stop().await;
    })
    .await;
}

async fn stalled_job(stage: &Stage, sim: &openai::Handle, more: &[(&str, &str)]) -> (Worker, Caller, Uuid) {
    let worker = Worker::start(stage, sim, more).await;
    let caller = customer(stage).await;
    sim.fault(FaultKind::StallBeforeHeaders { for_ms: None }).unwrap();
    let id = ask(stage, caller, &chat(json!({}))).await;
    within("the call to reach the provider", sim.held(1)).await.unwrap();
    assert_eq!(job(stage).await, ("running".to_owned(), 1));
    (worker, caller, id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_told_to_stop_hands_its_jobs_back_without_burning_an_attempt() {
    play(async |stage| {
        let sim = provider().await;
        let worker = Worker::start(stage, &sim, &[("OCTROI_DRAIN_SECONDS", "0")]).await;
        let caller = customer(stage).await;
        let first = ask(stage, caller, &chat(json!({}))).await;
        answered(stage, caller, first).await;
        let mut transaction = stage.pool.begin().await.unwrap();
        sqlx::query("select from octroi_private.balance for update")
            .execute(&mut *transaction)
            .await
            .unwrap();
        let id = ask(stage, caller, &chat(json!({}))).await;
        eventually("the job waits for the database", async || {
            (job(stage).await.0 == "running").then_some(())
        })
        .await;
        worker.terminate();
        worker.ended().await;
        let (state, left): (String, i32) = sqlx::query_as(
            "select state, max_attempts - attempt from octroi_private.job order by id desc limit 1",
        )
        .fetch_one(&stage.pool)
        .await
        .unwrap();
        assert_eq!((state.as_str(), left), ("queued", 10));
        transaction.rollback().await.unwrap();
        let gateway = Gateway::start(stage, &sim).await;
        let_leases_run_out(stage).await;
        let answer = answered(stage, caller, id).await;
        assert!(["done", "failed"].contains(&answer.0.as_str()) && sim.totals().requests <= 2, "{answer:?}");
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_cut_off_by_the_stop_of_its_worker_is_told_and_never_sent_again() {
    play(async |stage| {
        let sim = provider().await;
        let (worker, caller, id) = stalled_job(stage, &sim, &[("OCTROI_DRAIN_SECONDS", "0")]).await;
        worker.terminate();
        worker.ended().await;
        let gateway = Gateway::start(stage, &sim).await;
        let answer = answered(stage, caller, id).await;
        assert_eq!((answer.0.as_str(), sim.totals().requests), ("failed", 1), "{answer:?}");
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_completion_of_a_killed_worker_is_never_sent_twice() {
    play(async |stage| {
        let sim = provider().await;
        let (worker, caller, id) = stalled_job(stage, &sim, &[]).await;
        worker.kill().await;
        let_leases_run_out(stage).await;
        assert_eq!(job(stage).await, ("queued".to_owned(), 1));
        let gateway = Gateway::start(stage, &sim).await;
        let (state, status, ..) = answered(stage, caller, id).await;
        assert_eq!((state.as_str(), sim.totals().requests), ("failed", 1), "{status:?}");
        assert_eq!(stage.requests().await.expired, 1, "the operator's loss, and listed");
        gateway.stop().await;
    })
    .await;
}
