//! Ten thousand calls, each voided and charged at once; and nudges that nobody should believe.

use std::sync::Arc;

use octroi_tests::cast::{Caller, act_as};
use octroi_tests::client::chat;
use octroi_tests::deadline::eventually;
use octroi_tests::gateway::{Gateway, provider};
use octroi_tests::seed::Dice;
use octroi_tests::stage::{Stage, play};
use octroi_tests::verbs::{Call, Usage, try_reserve_many, try_settle_many};
use serde_json::json;
use sqlx::PgPool;
use tokio::task::JoinSet;
use uuid::Uuid;

const CALLS: usize = 10_000;
const BATCH: usize = 250;
/// Calls that one statement of a racer decides over: few, so that the two sides cross in every possible way.
const BITE: usize = 4;
const RACERS: u64 = 8;

async fn reserve_all(stage: &Stage, caller: Caller) -> Vec<Uuid> {
    let mut ids = Vec::with_capacity(CALLS);
    while ids.len() < CALLS {
        let calls: Vec<Call> = (0..BATCH).map(|_| Call::new(caller, 1, 1)).collect();
        let verdicts = try_reserve_many(&stage.pool, &calls).await.unwrap();
        assert!(verdicts.iter().all(|verdict| verdict.is_granted()), "there is room for all");
        ids.extend(calls.iter().map(|call| call.request_id));
    }
    ids
}

fn shuffled(ids: &[Uuid], lane: u64) -> Vec<Uuid> {
    let mut dice = Dice::new(lane);
    let mut ids = ids.to_vec();
    for last in (1..ids.len()).rev() {
        ids.swap(last, dice.below(last as u64 + 1) as usize);
    }
    ids
}

/// Voids calls, in an order of its own; how many it voided.
async fn void(pool: PgPool, ids: Arc<Vec<Uuid>>, lane: u64) -> usize {
    let mut won = 0;
    for bite in shuffled(&ids, lane).chunks(BITE) {
        let reasons = vec!["void".to_owned(); bite.len()];
        let outcomes: Vec<String> =
            sqlx::query_scalar("select outcome from octroi_private.release_many($1, $2)")
                .bind(bite)
                .bind(reasons)
                .fetch_all(&pool)
                .await
                .unwrap();
        won += outcomes.iter().filter(|outcome| *outcome == "released").count();
    }
    won
}

/// Charges calls, in an order of its own; how many it charged.
async fn dispatch(pool: PgPool, ids: Arc<Vec<Uuid>>, lane: u64) -> usize {
    let mut won = 0;
    for bite in shuffled(&ids, lane).chunks(BITE) {
        let usages: Vec<Usage> = bite.iter().map(|id| Usage::new(*id, 1, 1)).collect();
        let outcomes = try_settle_many(&pool, &usages).await.unwrap();
        won += outcomes.iter().filter(|outcome| outcome.outcome == "settled").count();
    }
    won
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_voids_against_dispatch_have_one_winner_each() {
    play(async |stage| {
        let caller = stage.sign_up_with(&[("account", "", "tokens", "month", 1_000_000, 0)]).await;
        let ids = reserve_all(stage, caller).await;
        let mut racers = JoinSet::new();
        for lane in 0..RACERS {
            // each call has exactly one racer on either side
            let share = |first: usize| -> Arc<Vec<Uuid>> {
                let of_lane = ids.iter().skip(first).step_by(RACERS as usize / 2);
                Arc::new(of_lane.copied().collect())
            };
            let (pool, mine) = (stage.pool.clone(), share(lane as usize / 2));
            match lane % 2 {
                0 => racers.spawn(void(pool, mine, lane)),
                _ => racers.spawn(dispatch(pool, mine, lane)),
            };
        }
        let won: usize = racers.join_all().await.into_iter().sum();
        assert_eq!(won, CALLS, "each call was voided or charged, and none both");
        let (settled, released, open): (i64, i64, i64) = sqlx::query_as(
            "select count(*) filter (where state = 'settled'), count(*) filter (where state = 'released'),
                    count(*) filter (where state = 'open')
               from octroi_private.request where account_id = $1",
        )
        .bind(caller.account_id)
        .fetch_one(&stage.pool)
        .await
        .unwrap();
        assert_eq!((settled + released, open), (CALLS as i64, 0));
        assert!(settled > 0 && released > 0, "both sides won some: {settled} and {released}");
        let balance = stage.balance(caller, "tokens", "month").await;
        assert_eq!((balance.used, balance.reserved), (settled * 2, 0), "what was voided is not charged");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_forged_nudges_runs_no_job_and_stops_none() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let caller = stage.sign_up_with(&[("account", "", "tokens", "month", 1_000_000, 0)]).await;
        let mut stranger = stage.connect().await;
        sqlx::raw_sql("set role anon").execute(&mut stranger).await.unwrap();
        let payloads =
            [String::new(), r#"{"kind": "complete_request", "args": {}}"#.to_owned(), "x".repeat(7_999)];
        for number in 0..1_000 {
            sqlx::query("select pg_notify('octroi_job', $1)")
                .bind(&payloads[number % payloads.len()])
                .execute(&mut stranger)
                .await
                .unwrap();
        }
        let jobs: i64 =
            sqlx::query_scalar("select count(*) from octroi_private.job where kind = 'complete_request'")
                .fetch_one(&stage.pool)
                .await
                .unwrap();
        assert_eq!(jobs, 0, "a nudge makes no job");
        // One that is too long fails for whoever sent it, and for nobody else.
        let too_long = sqlx::query("select pg_notify('octroi_job', $1)").bind("x".repeat(8_000));
        assert!(too_long.execute(&mut stranger).await.is_err());

        let mut transaction = stage.pool.begin().await.unwrap();
        act_as(&mut transaction, caller.user_id).await;
        let id: Uuid = sqlx::query_scalar("select octroi.request_completion($1)")
            .bind(chat(json!({})))
            .fetch_one(&mut *transaction)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        eventually("the completion is made", async || {
            let mut transaction = stage.pool.begin().await.unwrap();
            act_as(&mut transaction, caller.user_id).await;
            let state: String = sqlx::query_scalar("select state from octroi.completion($1)")
                .bind(id)
                .fetch_one(&mut *transaction)
                .await
                .unwrap();
            assert_ne!(state, "failed", "{:?}", stage.database);
            (state == "done").then_some(())
        })
        .await;
        gateway.stop().await;
    })
    .await;
}
