//! Deleting oneself after a million calls: forgotten in the time of a click, whoever asks finds nothing, and the rows go
//! after it, without one of anybody else's.

use std::time::Instant;

use octroi_tests::cast::{Caller, act_as};
use octroi_tests::stage::{Stage, play};
use octroi_tests::verbs::{Call, Usage, reserve, settle};
use uuid::Uuid;

const CALLS: i64 = 1_000_000;
/// How long being forgotten may take, in milliseconds, on a machine that does other things too; `make bench` measures it.
const FORGOTTEN_MS_MAX: u128 = 500;

async fn call_once(stage: &Stage, caller: Caller) {
    let call = Call::new(caller, 10, 10);
    assert!(reserve(&stage.pool, &call).await.is_granted());
    settle(&stage.pool, &Usage::new(call.request_id, 10, 10)).await;
}

/// Whose calls are left, and how many.
async fn calls(stage: &Stage) -> Vec<(Uuid, i64)> {
    sqlx::query_as("select user_id, count(*) from octroi_private.usage_event group by 1 order by 2 desc")
        .fetch_all(&stage.pool)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_million_calls_are_forgotten_at_once_and_removed_to_the_last() {
    play(async |stage| {
        let [caller, other] = [stage.sign_up("busy").await, stage.sign_up("other").await];
        call_once(stage, caller).await;
        call_once(stage, other).await;
        sqlx::query(include_str!("sql/copy_calls.sql"))
            .bind(caller.account_id)
            .bind(CALLS)
            .execute(&stage.pool)
            .await
            .unwrap();
        stage.run(include_str!("sql/sum_up_days.sql")).await;
        assert_eq!(calls(stage).await, [(caller.user_id, CALLS + 1), (other.user_id, 1)]);

        let began = Instant::now();
        let (receipt, _) = stage.delete_account_of(caller).await;
        let took = began.elapsed().as_millis();
        assert!(took < FORGOTTEN_MS_MAX, "being forgotten took {took} ms");

        // The rows are still there, and nobody sees them.
        assert_eq!(calls(stage).await, [(caller.user_id, CALLS + 1), (other.user_id, 1)]);
        let mut transaction = stage.pool.begin().await.unwrap();
        act_as(&mut transaction, caller.user_id).await;
        let seen: bool = sqlx::query_scalar("select exists (select from octroi.usage)")
            .fetch_one(&mut *transaction)
            .await
            .unwrap();
        assert!(!seen, "an old token sees no call");
        drop(transaction);

        assert_eq!(stage.remove_usage(receipt).await, CALLS + 1, "their calls");
        assert_eq!(calls(stage).await, [(other.user_id, 1)]);
        assert!(stage.is_erased(receipt).await);
        let days: Vec<Uuid> = sqlx::query_scalar("select distinct user_id from octroi_private.usage_daily")
            .fetch_all(&stage.pool)
            .await
            .unwrap();
        assert_eq!(days, [other.user_id], "nor a sum of them");
    })
    .await;
}
