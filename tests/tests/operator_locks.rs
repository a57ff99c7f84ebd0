//! An operator's verb takes the account before anything of it, as calls and customers do: who holds the account never
//! waits for what the verb holds, so none of them waits in a circle.

use octroi_tests::deadline::eventually;
use octroi_tests::stage::{Stage, play};
use octroi_tests::verbs::{Call, Usage, reserve, settle};
use sqlx::{AssertSqlSafe, Connection};
use uuid::Uuid;

/// `{account}` and `{grant}` are a customer's.
const VERBS: [&str; 5] = [
    "octroi_private.end_grant('{grant}', 'given twice')",
    "octroi_private.give_grant('ticket-1', '{account}', 'tokens', 5, 'sorry')",
    "octroi_private.set_account_limit('{account}', 'tokens', 'day', 5, 'unpaid')",
    "octroi_private.assign_plan('{account}', 'basic')",
    "octroi_private.reopen_overage('{account}')",
];

/// What a verb may hold of an account while it waits for it: nothing.
const ROWS: [&str; 4] = ["balance", "quota_grant", "subscription", "account_limit"];

async fn waits_with_empty_hands(stage: &Stage, verb: &str) {
    let caller = stage.sign_up("customer").await;
    let call = Call::new(caller, 10, 10);
    assert!(reserve(&stage.pool, &call).await.is_granted());
    settle(&stage.pool, &Usage::new(call.request_id, 10, 10)).await;
    let grant: Uuid =
        sqlx::query_scalar("select octroi_private.add_grant($1, 'tokens', 5, 'promo', 'a present')")
            .bind(caller.account_id)
            .fetch_one(&stage.pool)
            .await
            .unwrap();
    let mut holder = stage.connect().await;
    let mut holding = holder.begin().await.unwrap();
    sqlx::query("select from octroi_private.account where id = $1 for no key update")
        .bind(caller.account_id)
        .execute(&mut *holding)
        .await
        .unwrap();

    let mut connection = stage.connect().await;
    let pid: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut connection).await.unwrap();
    let statement =
        verb.replace("{account}", &caller.account_id.to_string()).replace("{grant}", &grant.to_string());
    let running = tokio::spawn(async move {
        let query = sqlx::query(AssertSqlSafe(format!("select {statement}")));
        query.execute(&mut connection).await.map(drop).map_err(|error| error.to_string())
    });
    eventually("it waits for the account", async || {
        let query = sqlx::query_scalar("select cardinality(pg_blocking_pids($1)) > 0").bind(pid);
        let waits: bool = query.fetch_one(&stage.pool).await.unwrap();
        assert!(!running.is_finished(), "{verb} does not take the account");
        waits.then_some(())
    })
    .await;

    for table in ROWS {
        let query =
            format!("select from octroi_private.{table} where account_id = $1 for no key update nowait");
        let free = sqlx::query(AssertSqlSafe(query)).bind(caller.account_id).execute(&mut *holding).await;
        assert!(free.is_ok(), "{verb} waits for the account with rows of {table} in hand: {free:?}");
    }
    holding.commit().await.unwrap();
    assert_eq!(running.await.unwrap(), Ok(()), "{verb}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verb_of_an_operator_takes_the_account_before_anything_of_it() {
    play(async |stage| {
        for verb in VERBS {
            waits_with_empty_hands(stage, verb).await;
        }
        stage.assert_sound().await;
    })
    .await;
}
