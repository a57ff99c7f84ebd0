//! Somebody deletes themselves while something else is written about them: whoever comes first, nothing of them is left.

mod erasure_races;

use std::collections::BTreeSet;

use octroi_tests::cast::{Caller, act_as};
use octroi_tests::deadline::eventually;
use octroi_tests::stage::{Stage, play};
use octroi_tests::verbs::{Call, Usage, reserve, settle};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::task::JoinHandle;
use uuid::Uuid;

use erasure_races::{Act, BY_OTHERS, BY_USERS, Has, NO_ACTS};

/// How often both begin at once.
const ROUNDS: usize = 3;

/// Somebody who has what an act needs, and has made a call before, with the account they act for; and the act as a
/// statement.
async fn meet(stage: &Stage, (_, has, call): Act) -> (Caller, String) {
    let caller = stage.sign_up("canary").await;
    let more = match has {
        Has::Nothing | Has::Team | Has::Membership => None,
        Has::Plan => Some(json!({})),
        Has::EndingPlan => Some(json!({ "cancel_at_period_end": true })),
    };
    if let Some(more) = more {
        let query = sqlx::query("select public.pays_for_basic($1, $2)").bind(caller.user_id).bind(more);
        query.execute(&stage.pool).await.unwrap();
    }
    let key = stage.make_key(caller, json!([])).await;
    let earlier = Call::new(caller, 10, 10);
    assert!(reserve(&stage.pool, &earlier).await.is_granted());
    settle(&stage.pool, &Usage::new(earlier.request_id, 10, 10)).await;
    let (team, colleague, invitation, foreign_team): (Uuid, Uuid, Uuid, Uuid) =
        sqlx::query_as("select * from public.makes_teams($1)")
            .bind(caller.user_id)
            .fetch_one(&stage.pool)
            .await
            .unwrap();
    let named = [
        ("{user}", caller.user_id),
        ("{account}", caller.account_id),
        ("{key}", key.id),
        ("{id}", Uuid::now_v7()),
        ("{colleague}", colleague),
        ("{invitation}", invitation),
        // public.makes_teams says so
        ("{token}", caller.user_id),
    ];
    let call = call.replace("{hex_account}", &caller.account_id.simple().to_string());
    let call = named.iter().fold(call, |call, (name, id)| call.replace(name, &id.to_string()));
    let acts_for = match has {
        Has::Team => team,
        Has::Membership => foreign_team,
        Has::Nothing | Has::Plan | Has::EndingPlan => caller.account_id,
    };
    (Caller { account_id: acts_for, ..caller }, format!("select * from {call}"))
}

/// From here on the transaction is the caller's, for the account that they act for.
async fn act_for(transaction: &mut sqlx::PgTransaction<'_>, caller: Caller) {
    act_as(transaction, caller.user_id).await;
    sqlx::query("select set_config('octroi.account', $1, true)")
        .bind(caller.account_id.to_string())
        .execute(&mut **transaction)
        .await
        .unwrap();
}

/// Runs a statement in a transaction of its own, as a user or as the operator; its SQLSTATE when it fails.
fn go(
    mut connection: PgConnection,
    user: Option<Caller>,
    statement: String,
) -> JoinHandle<Result<(), String>> {
    tokio::spawn(async move {
        let mut transaction = connection.begin().await.unwrap();
        if let Some(caller) = user {
            act_for(&mut transaction, caller).await;
        }
        let query = sqlx::query(AssertSqlSafe(statement));
        let outcome = query.execute(&mut *transaction).await;
        if let Err(error) = outcome {
            return Err(error.as_database_error().unwrap().code().unwrap().into_owned());
        }
        transaction.commit().await.map_err(|error| error.to_string())
    })
}

/// Starts a statement, and returns when it has ended or waits for a lock; whether it waits.
async fn start(
    stage: &Stage,
    user: Option<Caller>,
    statement: String,
) -> (JoinHandle<Result<(), String>>, bool) {
    let mut connection = stage.connect().await;
    let pid: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut connection).await.unwrap();
    let running = go(connection, user, statement);
    let waits = eventually("it ends or waits", async || {
        let query = sqlx::query_scalar("select cardinality(pg_blocking_pids($1)) > 0").bind(pid);
        let waits: bool = query.fetch_one(&stage.pool).await.unwrap();
        (waits || running.is_finished()).then_some(waits)
    })
    .await;
    (running, waits)
}

const DELETE: &str = "select * from octroi.delete_my_account()";

/// Everything that the jobs of an erasure do here.
async fn remove_usage(stage: &Stage) {
    let receipts: Vec<Uuid> =
        sqlx::query_scalar("select distinct receipt_id from octroi_private.usage_removal")
            .fetch_all(&stage.pool)
            .await
            .unwrap();
    for receipt in receipts {
        stage.remove_usage(receipt).await;
    }
}

async fn assert_gone(stage: &Stage, caller: Caller, story: &str) {
    let left = stage.tables_naming(caller.user_id).await;
    assert!(left.is_empty(), "{story}: still named in {left:?}");
}

/// The act is done and not committed when the deletion begins.
async fn act_comes_first(stage: &Stage, act: Act, is_user: bool) {
    let (caller, statement) = meet(stage, act).await;
    let mut connection = stage.connect().await;
    let mut transaction = connection.begin().await.unwrap();
    if is_user {
        act_for(&mut transaction, caller).await;
    }
    let done = sqlx::query(AssertSqlSafe(statement)).execute(&mut *transaction).await;
    assert!(done.is_ok(), "{}: {done:?}", act.0);
    let (deletion, waits) = start(stage, Some(caller), DELETE.to_owned()).await;
    if !waits {
        remove_usage(stage).await;
    }
    transaction.commit().await.unwrap();
    assert_eq!(deletion.await.unwrap(), Ok(()), "{} and then the deletion", act.0);
    remove_usage(stage).await;
    assert_gone(stage, caller, &format!("{} and then the deletion", act.0)).await;
}

/// The deletion is done and not committed when the act begins.
async fn deletion_comes_first(stage: &Stage, act: Act, is_user: bool) {
    let (caller, statement) = meet(stage, act).await;
    let mut connection = stage.connect().await;
    let mut transaction = connection.begin().await.unwrap();
    act_as(&mut transaction, caller.user_id).await;
    sqlx::query(DELETE).execute(&mut *transaction).await.unwrap();
    let (acting, _) = start(stage, is_user.then_some(caller), statement).await;
    transaction.commit().await.unwrap();
    let outcome = acting.await.unwrap();
    assert!(!outcome.is_err_and(|code| code.starts_with("40")), "the deletion and then {}", act.0);
    remove_usage(stage).await;
    assert_gone(stage, caller, &format!("the deletion and then {}", act.0)).await;
}

/// Both begin, and whatever happens happens.
async fn both_at_once(stage: &Stage, act: Act, is_user: bool) {
    let (caller, statement) = meet(stage, act).await;
    let acting = go(stage.connect().await, is_user.then_some(caller), statement);
    let deletion = go(stage.connect().await, Some(caller), DELETE.to_owned());
    let outcome = acting.await.unwrap();
    assert!(!outcome.is_err_and(|code| code.starts_with("40")), "{} beside the deletion", act.0);
    assert_eq!(deletion.await.unwrap(), Ok(()), "the deletion beside {}", act.0);
    remove_usage(stage).await;
    assert_gone(stage, caller, &format!("{} beside the deletion", act.0)).await;
}

async fn every_way(stage: &Stage, acts: &[Act], is_user: bool) {
    sqlx::raw_sql(include_str!("sql/pays_for_basic.sql")).execute(&stage.pool).await.unwrap();
    sqlx::raw_sql(include_str!("sql/makes_teams.sql")).execute(&stage.pool).await.unwrap();
    // Everybody here owns a team already.
    sqlx::query("select octroi_private.set_team_settings('{\"max_owned_unpaid_teams\": 100}')")
        .execute(&stage.pool)
        .await
        .unwrap();
    for act in acts {
        act_comes_first(stage, *act, is_user).await;
        deletion_comes_first(stage, *act, is_user).await;
        for _ in 0..ROUNDS {
            both_at_once(stage, *act, is_user).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_somebody_asks_for_brings_them_back() {
    play(async |stage| {
        let there_are: Vec<String> = sqlx::query_scalar(
            "select p.proname::text from pg_proc as p
             where p.pronamespace = 'octroi'::regnamespace and p.provolatile = 'v'",
        )
        .fetch_all(&stage.pool)
        .await
        .unwrap();
        let known = BY_USERS.iter().chain(&BY_OTHERS).map(|act| act.0).chain(NO_ACTS);
        let known: BTreeSet<&str> = known.collect();
        let untried: Vec<&String> = there_are.iter().filter(|name| !known.contains(name.as_str())).collect();
        assert!(untried.is_empty(), "nobody tries {untried:?}");
        every_way(stage, &BY_USERS, true).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_is_written_about_somebody_brings_them_back() {
    play(async |stage| every_way(stage, &BY_OTHERS, false).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_owners_who_leave_at_once_neither_waits_for_ever() {
    play(async |stage| {
        for _ in 0..ROUNDS * 3 {
            let [ada, bea] = [stage.sign_up("ada").await, stage.sign_up("bea").await];
            // Each owns a team that the other would be left with.
            for (owner, member) in [(ada, bea), (bea, ada)] {
                let query = sqlx::query(
                    "with team as (
                       insert into octroi_private.account (kind, owner_user_id, name) values ('team', $1, 'Team')
                       returning id
                     )
                     insert into octroi_private.member (account_id, user_id, role)
                     select t.id, m.user_id, m.role from team as t
                     cross join (values ($1, 'owner'), ($2, 'member')) as m (user_id, role)",
                );
                query.bind(owner.user_id).bind(member.user_id).execute(&stage.pool).await.unwrap();
            }
            let leaving = [
                go(stage.connect().await, Some(ada), DELETE.to_owned()),
                go(stage.connect().await, Some(bea), DELETE.to_owned()),
            ];
            for one in leaving {
                assert_eq!(one.await.unwrap(), Ok(()));
            }
            remove_usage(stage).await;
            for one in [ada, bea] {
                assert_gone(stage, one, "two who leave").await;
            }
        }
        let open: i64 = sqlx::query_scalar("select count(*) from octroi_private.account where status <> 'closed'")
            .fetch_one(&stage.pool)
            .await
            .unwrap();
        assert_eq!(open, 0, "no team is left with nobody");
    })
    .await;
}
