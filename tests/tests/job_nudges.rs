//! Who is told of a new job: a worker that stands by, at once, and nobody else; and no job is missed in between.

use octroi_tests::deadline::{eventually, within};
use octroi_tests::stage::{Stage, play};
use sqlx::postgres::PgListener;
use sqlx::{Executor, PgConnection};

const ADD: &str = "insert into octroi_private.job (kind, args) values ('complete_request', '{}')";
const STAND_BY: &str = "select octroi_private.stand_by_for_jobs()";

/// How many nudges have come. Notifications arrive in order, so those before one of our own are all there are.
async fn nudges(stage: &Stage, listener: &mut PgListener) -> usize {
    stage.pool.execute("notify octroi_test_probe").await.unwrap();
    let mut heard = 0;
    while within("a notification", listener.recv()).await.unwrap().channel() != "octroi_test_probe" {
        heard += 1;
    }
    heard
}

async fn listening(stage: &Stage) -> PgListener {
    let mut listener = PgListener::connect_with(&stage.pool).await.unwrap();
    listener.listen_all(["octroi_job", "octroi_test_probe"]).await.unwrap();
    listener
}

async fn jobs_to_claim(stage: &Stage) -> i64 {
    sqlx::query_scalar("select count(*) from octroi_private.claim_jobs('w', '{complete_request}', 100, 60)")
        .fetch_one(&stage.pool)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_are_announced_while_a_worker_stands_by_and_not_before_or_after() {
    play(async |stage| {
        let mut listener = listening(stage).await;
        stage.pool.execute(ADD).await.unwrap();
        assert_eq!(nudges(stage, &mut listener).await, 0, "nobody stands by");

        let mut worker = stage.pool.acquire().await.unwrap();
        worker.execute(STAND_BY).await.unwrap();
        for _ in 0..3 {
            stage.pool.execute(ADD).await.unwrap();
        }
        assert_eq!(nudges(stage, &mut listener).await, 3);

        worker.execute("select octroi_private.stop_standing_by()").await.unwrap();
        stage.pool.execute(ADD).await.unwrap();
        assert_eq!(nudges(stage, &mut listener).await, 0, "it is busy, and looks again by itself");
        assert_eq!(jobs_to_claim(stage).await, 5);
    })
    .await;
}

async fn is_waiting(stage: &Stage, pid: i32) -> Option<()> {
    let waits: bool = sqlx::query_scalar(
        "select exists (select from pg_locks where pid = $1 and locktype = 'advisory' and not granted)",
    )
    .bind(pid)
    .fetch_one(&stage.pool)
    .await
    .unwrap();
    waits.then_some(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_was_not_announced_is_committed_before_a_worker_stands_by() {
    play(async |stage| {
        let mut listener = listening(stage).await;
        let mut slow = stage.pool.begin().await.unwrap();
        slow.execute(ADD).await.unwrap();

        let mut worker = stage.pool.acquire().await.unwrap();
        let pid: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut *worker).await.unwrap();
        let standing_by = async {
            let connection: &mut PgConnection = &mut worker;
            connection.execute(STAND_BY).await.unwrap();
            jobs_to_claim(stage).await
        };
        let meanwhile = async {
            eventually("the worker waits", async || is_waiting(stage, pid).await).await;
            stage.pool.execute(ADD).await.unwrap();
            assert_eq!(nudges(stage, &mut listener).await, 1, "a worker that waits to stand by is told");
            assert_eq!(jobs_to_claim(stage).await, 1);
            slow.commit().await.unwrap();
        };
        let (found, ()) = tokio::join!(standing_by, meanwhile);
        assert_eq!(found, 1, "the last look finds what nobody announced");
        assert_eq!(nudges(stage, &mut listener).await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_is_read_on_from_the_last_job_claimed() {
    play(async |stage| {
        for _ in 0..5 {
            stage.pool.execute(ADD).await.unwrap();
        }
        let claim = "select id from octroi_private.claim_jobs('w', '{complete_request}', 2, 60, $1, $2)";
        let ids: Vec<i64> = sqlx::query_scalar("select id from octroi_private.job order by id")
            .fetch_all(&stage.pool)
            .await
            .unwrap();
        let (run_at, id): (time::OffsetDateTime, i64) =
            sqlx::query_as("select run_at, id from octroi_private.job order by id offset 1 limit 1")
                .fetch_one(&stage.pool)
                .await
                .unwrap();
        let query = sqlx::query_scalar(claim).bind(run_at).bind(id);
        let mut next: Vec<i64> = query.fetch_all(&stage.pool).await.unwrap();
        next.sort_unstable();
        assert_eq!(next, ids[2..4], "the third and fourth");
        assert_eq!(jobs_to_claim(stage).await, 3, "the first two still stand at the front");
    })
    .await;
}
