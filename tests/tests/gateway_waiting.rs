//! A hold is not a use: calls that only others hold back wait their turn, and are told to come again at the worst.

use std::time::{Duration, Instant};

use octroi_sim::openai::{FaultKind, Handle};
use octroi_tests::cast::Caller;
use octroi_tests::client::{Client, Reply, chat};
use octroi_tests::deadline::eventually;
use octroi_tests::gateway::{Gateway, provider};
use octroi_tests::stage::{Stage, play};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const CHAT: &str = "/v1/chat/completions";
/// The wait that a plan allows unless it says otherwise.
const HOLD_WAIT: Duration = Duration::from_secs(20);

async fn customer(stage: &Stage, gateway: &Gateway, tokens: i64) -> (Caller, Client) {
    let caller = stage.sign_up_with(&[("account", "", "tokens", "month", tokens, 0)]).await;
    let key = stage.make_key(caller, json!([])).await;
    (caller, gateway.client.with(&key.secret))
}

/// A chat whose answer has so many tokens.
fn asking(output_tokens: u64, more: Value) -> Value {
    let text = format!("Go on. [[output_tokens={output_tokens}]]");
    let body = chat(json!({ "messages": [{ "role": "user", "content": text }] }));
    octroi_tests::client::with(body, more)
}

/// Sends all at once; each answer with the time it took.
async fn all_at_once(client: &Client, bodies: Vec<Value>) -> Vec<(Reply, Duration)> {
    let mut calls = JoinSet::new();
    for body in bodies {
        let client = client.clone();
        calls.spawn(async move {
            let began = Instant::now();
            (client.post(CHAT, &body).await, began.elapsed())
        });
    }
    calls.join_all().await
}

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_chats_without_a_limit_of_their_own_are_all_answered() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let (caller, client) = customer(stage, &gateway, 100_000).await;
        let bodies = (0..16).map(|_| asking(600, json!({ "model": "gpt-5.6-luna" }))).collect();
        for (reply, took) in all_at_once(&client, bodies).await {
            assert_eq!(reply.status, 200, "{reply:?}");
            assert_eq!(
                reply.header("x-output-limit"),
                Some("16384"),
                "never the model's 128,000 by accident"
            );
            assert_eq!(reply.header("x-output-bound"), Some("default"));
            assert_eq!(reply.json()["choices"][0]["finish_reason"], "stop");
            assert!(took < HOLD_WAIT);
        }
        assert_eq!(stage.balance(caller, "tokens", "month").await.reserved, 0);
        stage.assert_billed_as_by(&sim).await;
        waiting(stage, 0).await;
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_uses_up_a_plan_before_anybody_is_refused_for_use() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let (caller, client) = customer(stage, &gateway, 10_000).await;
        let mut refused = Vec::new();
        // Each round asks for 1,000 and uses 80 to 300, until the plan has no more.
        for round in 0..4_u64 {
            let bodies = (0..48_u64)
                .map(|number| {
                    asking(80 + (round * 48 + number) * 97 % 221, json!({ "max_completion_tokens": 1_000 }))
                })
                .collect();
            for (reply, took) in all_at_once(&client, bodies).await {
                assert!(took < HOLD_WAIT + Duration::from_secs(5), "{took:?}");
                if reply.status != 200 {
                    reply.assert_openai_error(429);
                    refused.push(reply.code());
                }
            }
        }
        assert!(!refused.is_empty() && refused.iter().all(|code| code == "quota_exceeded"), "{refused:?}");
        let used = stage.balance(caller, "tokens", "month").await.used;
        assert!((9_500..=10_000).contains(&used), "{used} of 10,000 were used before the first refusal");
        stage.assert_billed_as_by(&sim).await;
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_that_ask_for_far_more_than_they_use_are_answered_one_after_the_other() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let (caller, client) = customer(stage, &gateway, 8_000).await;
        let one = all_at_once(&client, vec![asking(200, json!({ "max_completion_tokens": 128_000 }))]).await;
        assert_eq!(one[0].0.status, 200);
        let each = stage.balance(caller, "tokens", "month").await.used;
        let affordable = usize::try_from(8_000 / each).unwrap();
        let bodies =
            (1..affordable).map(|_| asking(200, json!({ "max_completion_tokens": 128_000 }))).collect();
        let replies = all_at_once(&client, bodies).await;
        let answered = 1 + replies.iter().filter(|(reply, _)| reply.status == 200).count();
        assert!(answered * 100 >= affordable * 95, "{answered} of {affordable} were answered");
        assert!(stage.balance(caller, "tokens", "month").await.used <= 8_000);
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_call_holds_never_shortens_an_answer() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let (_, client) = customer(stage, &gateway, 4_300).await;
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
        let (caller, client) = customer(stage, &gateway, 4_300).await;
        set_wait(stage, caller, 1).await;
        let holder = hold_up(&client, &sim).await;
        let reply = client.post(CHAT, &asking(300, json!({}))).await;
        reply.assert_openai_error(429);
        assert_eq!((reply.code(), reply.header("x-should-retry")), ("quota_held".to_owned(), Some("true")));
        assert_eq!(reply.json()["error"]["type"], "rate_limit_exceeded");
        let retry_after: u64 = reply.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&retry_after));
        let message = reply.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains("held by 1 call,") && !message.contains("http"), "{message}");
        sim.release();
        assert_eq!(holder.await.unwrap().status, 200);
        tokio::time::sleep(Duration::from_secs(retry_after)).await;
        assert_eq!(client.post(CHAT, &asking(300, json!({}))).await.status, 200, "the time it told was true");
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
        let (_, client) = customer(stage, &gateway, 4_300).await;
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
        let (caller, client) = customer(stage, &here, 4_300).await;
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
        let (caller, client) = customer(stage, &gateway, 4_300).await;
        set_wait(stage, caller, 0).await;
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
