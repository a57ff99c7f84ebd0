//! A hold is not a use: calls that only others hold back wait their turn, and are told to come again at the worst.

use std::time::{Duration, Instant};

use octroi_sim::openai::{FaultKind, Handle};
use octroi_tests::cast::Caller;
use octroi_tests::child::Worker;
use octroi_tests::client::{Client, Reply, asking, chat};
use octroi_tests::deadline::eventually;
use octroi_tests::gateway::{Gateway, provider};
use octroi_tests::stage::{Stage, play};
use serde_json::{Value, json};

const CHAT: &str = "/v1/chat/completions";

async fn set_wait(stage: &Stage, caller: Caller, seconds: i16) {
    sqlx::query(
        "update octroi_private.plan_version as v set hold_wait_seconds = $2 from octroi_private.subscription as s
         where s.plan_version_id = v.id and s.account_id = $1 and s.ended_at is null",
    )
    .bind(caller.account_id)
    .bind(seconds)
    .execute(&stage.pool)
    .await
    .unwrap();
}

/// A call that holds nearly everything, stalled at the provider.
async fn hold_up(client: &Client, sim: &Handle) -> tokio::task::JoinHandle<Reply> {
    sim.fault(FaultKind::StallBeforeHeaders { for_ms: None }).unwrap();
    let client = client.clone();
    let call = tokio::spawn(async move { client.post(CHAT, &chat(json!({}))).await });
    sim.held(1).await.unwrap();
    call
}

/// Done when so many calls wait, in all workers.
async fn waiting(stage: &Stage, calls: i64) {
    eventually("so many calls wait", async || {
        let now: i64 = sqlx::query_scalar("select count(*) from octroi_private.waiting_call")
            .fetch_one(&stage.pool)
            .await
            .unwrap();
        (now == calls).then_some(())
    })
    .await;
}

async fn ticket_until(stage: &Stage) -> time::OffsetDateTime {
    let query = sqlx::query_scalar("select max(waits_until) from octroi_private.waiting_call");
    query.fetch_one(&stage.pool).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_call_holds_never_shortens_an_answer() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let (_, client) = gateway.customer(stage, 4_300).await;
        let holder = hold_up(&client, &sim).await;
        let waiter = client.clone();
        let waits = tokio::spawn(async move { waiter.post(CHAT, &asking(300, json!({}))).await });
        waiting(stage, 1).await;
        assert_eq!(sim.requests().len(), 1, "it is not sent before it has room");
        sim.release();
        assert_eq!(holder.await.unwrap().status, 200);
        let reply = waits.await.unwrap();
        assert_eq!(reply.json()["choices"][0]["finish_reason"], "stop");
        assert_eq!(reply.json()["usage"]["completion_tokens"], 300);
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_for_which_no_room_comes_is_told_when_to_come_again() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let (caller, client) = gateway.customer(stage, 4_300).await;
        set_wait(stage, caller, 4).await;
        let holder = hold_up(&client, &sim).await;
        let reply = client.post(CHAT, &asking(300, json!({}))).await;
        reply.assert_openai_error(429);
        assert_eq!((reply.code(), reply.header("x-should-retry")), ("quota_held".to_owned(), Some("true")));
        assert_eq!(reply.json()["error"]["type"], "rate_limit_exceeded");
        let retry_after: u64 = reply.header("retry-after").unwrap().parse().unwrap();
        assert!((4..=60).contains(&retry_after), "what it waits for has lasted 4 s: {retry_after}");
        let message = reply.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains("held by 1 call,") && !message.contains("http"), "{message}");
        sim.release();
        assert_eq!(holder.await.unwrap().status, 200);
        assert_eq!(client.post(CHAT, &asking(300, json!({}))).await.status, 200);
        set_wait(stage, caller, 0).await;
        waiting(stage, 0).await;
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_and_a_worker_that_stops_leave_the_queue() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let (_, client) = gateway.customer(stage, 4_300).await;
        let holder = hold_up(&client, &sim).await;
        let leaver = client.clone();
        let leaves = tokio::spawn(async move { leaver.post(CHAT, &asking(300, json!({}))).await });
        waiting(stage, 1).await;
        leaves.abort();
        waiting(stage, 0).await;
        let stayer = client.clone();
        let stays = tokio::spawn(async move { stayer.post(CHAT, &asking(300, json!({}))).await });
        waiting(stage, 1).await;
        gateway.tell_to_stop();
        let told = stays.await.unwrap();
        told.assert_openai_error(503);
        assert_eq!(told.code(), "shutting_down");
        sim.release();
        assert_eq!(holder.await.unwrap().status, 200);
        gateway.stopped().await;
        waiting(stage, 0).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn room_freed_by_another_worker_is_noticed_at_once() {
    play(async |stage| {
        let sim = provider().await;
        let (here, there) = (Gateway::start(stage, &sim).await, Gateway::start(stage, &sim).await);
        let (caller, client) = here.customer(stage, 4_300).await;
        let elsewhere = there.client.with(&stage.make_key(caller, json!([])).await.secret);
        let holder = hold_up(&client, &sim).await;
        let waits = tokio::spawn(async move { elsewhere.post(CHAT, &asking(300, json!({}))).await });
        waiting(stage, 1).await;
        sim.release();
        assert_eq!(holder.await.unwrap().status, 200);
        let freed_at = Instant::now();
        assert_eq!(waits.await.unwrap().status, 200);
        assert!(freed_at.elapsed() < Duration::from_millis(900), "{:?}", freed_at.elapsed());
        here.stop().await;
        there.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queued_completion_without_room_is_made_later_and_does_not_fail() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let (caller, client) = gateway.customer(stage, 4_300).await;
        // As long as a plan can let a call wait: its job does not stay for it.
        set_wait(stage, caller, 60).await;
        let holder = hold_up(&client, &sim).await;
        let id: uuid::Uuid = sqlx::query_scalar(
            "with asked as (
               insert into octroi_private.completion (account_id, user_id, endpoint, request, created_at, expires_at)
               values ($1, $2, 'chat.completions', $3, now(), now() + interval '1 hour') returning id
             ), queued as (
               insert into octroi_private.job (kind, args, run_at)
               select 'complete_request', jsonb_build_object('completion_id', id), now() from asked
             )
             select id from asked",
        )
        .bind(caller.account_id)
        .bind(caller.user_id)
        .bind(asking(300, json!({})))
        .fetch_one(&stage.pool)
        .await
        .unwrap();
        eventually("the job has been put off", async || {
            sqlx::query_scalar::<_, bool>(
                "select state = 'queued' and attempt > 0 from octroi_private.job where kind = 'complete_request'",
            )
            .fetch_one(&stage.pool)
            .await
            .unwrap()
            .then_some(())
        })
        .await;
        sim.release();
        assert_eq!(holder.await.unwrap().status, 200);
        eventually("the completion is made", async || {
            sqlx::query_scalar::<_, bool>(
                "select finished_at is not null and error is null from octroi_private.completion where id = $1",
            )
            .bind(id)
            .fetch_one(&stage.pool)
            .await
            .unwrap()
            .then_some(())
        })
        .await;
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_came_first_is_served_first_however_much_they_ask_for() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let (_, client) = gateway.customer(stage, 4_300).await;
        let holder = hold_up(&client, &sim).await;
        // No two of them fit beside each other, and the small ones fit where the large ones do not.
        let sizes = [3_700, 2_300, 3_900, 2_200, 3_800, 2_400];
        let mut calls = Vec::new();
        for (place, size) in (1..).zip(sizes) {
            let (client, body) = (client.clone(), asking(20, json!({ "max_completion_tokens": size })));
            calls.push(tokio::spawn(async move { client.post(CHAT, &body).await }));
            waiting(stage, place).await;
        }
        sim.release();
        assert_eq!(holder.await.unwrap().status, 200);
        for call in calls {
            assert_eq!(call.await.unwrap().status, 200);
        }
        let sent = sim.requests();
        let size = |body: &[u8]| {
            let body: Value = serde_json::from_slice(body).unwrap();
            body["max_completion_tokens"].as_u64().unwrap()
        };
        let served: Vec<u64> = sent[1..].iter().map(|request| size(&request.body)).collect();
        assert_eq!(served, sizes);
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_places_of_a_worker_that_died_hold_nobody_up() {
    play(async |stage| {
        let sim = provider().await;
        let dies = Worker::start(stage, &sim, &[]).await;
        let gateway = Gateway::start(stage, &sim).await;
        let (caller, client) = gateway.customer(stage, 4_300).await;
        let holder = hold_up(&client, &sim).await;
        let doomed = dies.client.with(&stage.make_key(caller, json!([])).await.secret);
        let waits = tokio::spawn(async move {
            doomed.request(http::Method::POST, CHAT).json(&asking(300, json!({}))).send().await
        });
        waiting(stage, 1).await;
        // Longer than a ticket stands by itself: its worker keeps it.
        let taken_until = ticket_until(stage).await;
        eventually("the place is kept", async || (ticket_until(stage).await > taken_until).then_some(()))
            .await;
        dies.kill().await;
        assert!(waits.await.unwrap().is_err());
        sim.release();
        assert_eq!(holder.await.unwrap().status, 200);
        let began = Instant::now();
        assert_eq!(client.post(CHAT, &asking(300, json!({}))).await.status, 200);
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        gateway.stop().await;
    })
    .await;
}
