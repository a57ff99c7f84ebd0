//! The queue's own rules, in SQL: leases, the fence, and where jobs end that fail for ever.

use octroi_tests::stage::{Stage, play};
use sqlx::Row;
use time::Duration;

type Claimed = Vec<(i64, i32)>;

async fn add(stage: &Stage, max_attempts: i32) -> i64 {
    sqlx::query_scalar(
        "insert into octroi_private.job (kind, args, max_attempts) values ('complete_request', '{}', $1) returning id",
    )
    .bind(max_attempts)
    .fetch_one(&stage.pool)
    .await
    .unwrap()
}

async fn claim(stage: &Stage, worker: &str, max: i32) -> Claimed {
    sqlx::query_as("select id, attempt from octroi_private.claim_jobs($1, '{complete_request}', $2, 60)")
        .bind(worker)
        .bind(max)
        .fetch_all(&stage.pool)
        .await
        .unwrap()
}

async fn finish(stage: &Stage, (id, attempt): (i64, i32), outcome: &str) -> bool {
    sqlx::query_scalar("select octroi_private.finish_job($1, $2, $3, 'said so', 0)")
        .bind(id)
        .bind(attempt)
        .bind(outcome)
        .fetch_one(&stage.pool)
        .await
        .unwrap()
}

async fn state(stage: &Stage, id: i64) -> String {
    let query = sqlx::query_scalar("select state from octroi_private.job where id = $1").bind(id);
    query.fetch_one(&stage.pool).await.unwrap()
}

async fn recover(stage: &Stage) -> i64 {
    sqlx::query_scalar("select octroi_private.recover_jobs(100)").fetch_one(&stage.pool).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_worker_cannot_finish_what_another_has_taken_over() {
    play(async |stage| {
        let id = add(stage, 10).await;
        let late = claim(stage, "late", 1).await[0];
        assert!(claim(stage, "other", 1).await.is_empty(), "leased");
        stage.let_pass(Duration::seconds(61)).await;
        assert_eq!(recover(stage).await, 1);
        let next = claim(stage, "next", 1).await[0];
        assert_eq!((next.0, next.1), (id, late.1 + 1));
        for outcome in ["done", "retry", "snooze", "cancel"] {
            assert!(!finish(stage, late, outcome).await, "fenced off");
        }
        let extended = sqlx::query("select octroi_private.extend_jobs(array[$1], array[$2], 60)")
            .bind(id)
            .bind(late.1)
            .fetch_all(&stage.pool)
            .await
            .unwrap();
        assert!(extended.is_empty());
        assert!(finish(stage, next, "done").await);
        assert!(!finish(stage, next, "done").await, "once");
        assert_eq!(state(stage, id).await, "done");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_heartbeat_keeps_a_lease() {
    play(async |stage| {
        let id = add(stage, 10).await;
        let mine = claim(stage, "mine", 1).await[0];
        for _ in 0..3 {
            stage.let_pass(Duration::seconds(50)).await;
            let extended = sqlx::query("select octroi_private.extend_jobs(array[$1], array[$2], 60)")
                .bind(id)
                .bind(mine.1)
                .fetch_all(&stage.pool)
                .await
                .unwrap();
            assert_eq!(extended.iter().map(|row| row.get::<i64, _>(0)).collect::<Vec<_>>(), [id]);
            assert_eq!(recover(stage).await, 0);
        }
        assert!(finish(stage, mine, "done").await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_fails_or_kills_for_ever_ends_among_the_dead() {
    play(async |stage| {
        let failing = add(stage, 3).await;
        for attempt in 1..=3 {
            let job = claim(stage, "w", 1).await[0];
            assert_eq!(job, (failing, attempt));
            assert!(finish(stage, job, "retry").await);
        }
        assert_eq!(state(stage, failing).await, "dead");
        let killing = add(stage, 2).await;
        for _ in 0..2 {
            assert_eq!(claim(stage, "w", 1).await[0].0, killing);
            stage.let_pass(Duration::seconds(61)).await;
            recover(stage).await;
        }
        assert_eq!(state(stage, killing).await, "dead");
        assert!(claim(stage, "w", 10).await.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_and_handing_back_burn_no_attempt() {
    play(async |stage| {
        let id = add(stage, 1).await;
        for _ in 0..3 {
            let job = claim(stage, "w", 1).await[0];
            assert!(finish(stage, job, "snooze").await);
            let job = claim(stage, "w", 1).await[0];
            sqlx::query("select octroi_private.release_jobs(array[$1], array[$2])")
                .bind(job.0)
                .bind(job.1)
                .execute(&stage.pool)
                .await
                .unwrap();
        }
        assert_eq!(state(stage, id).await, "queued");
        let job = claim(stage, "w", 1).await[0];
        assert!(finish(stage, job, "retry").await);
        assert_eq!(state(stage, id).await, "dead");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claims_at_once_never_share_a_job() {
    play(async |stage| {
        for _ in 0..200 {
            add(stage, 10).await;
        }
        let claims = futures_util::future::join_all((0..10).map(|worker| async move {
            let mut claimed = Vec::new();
            loop {
                let more = claim(stage, &format!("w{worker}"), 7).await;
                if more.is_empty() {
                    return claimed;
                }
                claimed.extend(more);
            }
        }));
        let mut all: Vec<(i64, i32)> = claims.await.into_iter().flatten().collect();
        all.sort_unstable();
        all.dedup_by_key(|job| job.0);
        assert_eq!(all.len(), 200);
        assert!(all.iter().all(|job| job.1 == 1));
    })
    .await;
}
