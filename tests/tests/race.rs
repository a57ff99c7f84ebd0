//! Thirty-two clients at once: what is granted is exactly what fits, at every commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use octroi_tests::cast::Caller;
use octroi_tests::deadline::within;
use octroi_tests::seed::Dice;
use octroi_tests::stage::{Stage, play};
use octroi_tests::verbs::{Call, Usage, Verdict, reserve, settle, try_reserve_many, try_settle_many};
use sqlx::PgPool;
use tokio::task::JoinSet;
use uuid::Uuid;

const CLIENTS: u64 = 32;

/// Looks at every balance again and again, from a connection of its own, until told to stop; counts its looks.
fn watch(stage: &Stage) -> (Arc<AtomicBool>, tokio::task::JoinHandle<u64>) {
    let stop = Arc::new(AtomicBool::new(false));
    let (stopped, pool) = (Arc::clone(&stop), stage.pool.clone());
    let watcher = tokio::spawn(async move {
        let mut looks = 0;
        while !stopped.load(Ordering::Relaxed) || looks == 0 {
            let (overshot, leaked): (i64, i64) = sqlx::query_as(
                "select (select count(*) from octroi_private.balance where used + reserved > granted + overage),
                   (select count(*) from octroi_private.integrity)",
            )
            .fetch_one(&pool)
            .await
            .unwrap();
            assert_eq!((overshot, leaked), (0, 0), "seen at some commit");
            looks += 1;
        }
        looks
    });
    (stop, watcher)
}

async fn all(clients: JoinSet<i64>) -> i64 {
    within("the race", clients.join_all()).await.into_iter().sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_account_grants_exactly_what_fits() {
    play(async |stage| {
        let caller = stage.sign_up_with(&[("account", "", "tokens", "month", 1_000, 0)]).await;
        let (stop, watcher) = watch(stage);
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            let pool = stage.pool.clone();
            clients.spawn(async move {
                let mut granted = 0;
                for _ in 0..40 {
                    granted += i64::from(reserve(&pool, &Call::new(caller, 3, 4)).await.is_granted());
                }
                granted
            });
        }
        assert_eq!(all(clients).await, 1_000 / 7, "calls of 7 tokens fit into 1,000");
        stop.store(true, Ordering::Relaxed);
        assert!(watcher.await.unwrap() > 0);
        assert_eq!(stage.balance(caller, "tokens", "month").await.reserved, 1_000 / 7 * 7);
    })
    .await;
}

/// Reserves, then settles or releases, as dice fall; the tokens charged.
async fn spend(pool: PgPool, callers: Arc<Vec<Caller>>, lane: u64) -> i64 {
    let mut dice = Dice::new(lane);
    let mut charged = 0;
    for _ in 0..25 {
        let call = Call::new(*dice.pick(&callers), dice.below(20) as i64, dice.below(60) as i64);
        let verdict = reserve(&pool, &call).await;
        if !verdict.is_granted() {
            continue;
        }
        if dice.below(4) == 0 {
            octroi_tests::verbs::release(&pool, call.request_id).await;
            continue;
        }
        let output = dice.below(verdict.output_tokens.unwrap() as u64 + 10) as i64;
        let outcome = settle(&pool, &Usage::new(call.request_id, call.input_tokens, output)).await;
        assert_eq!(outcome.outcome, "settled");
        charged += outcome.total_tokens.unwrap() - outcome.overrun_tokens.unwrap();
    }
    charged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_accounts_spend_within_their_limits() {
    play(async |stage| {
        let mut callers = Vec::new();
        for _ in 0..8 {
            let limits = [
                ("account", "", "tokens", "month", 900, 100),
                ("account", "", "requests", "day", 60, 0),
                ("member", "", "cost", "lifetime", 400_000, 0),
            ];
            callers.push(stage.sign_up_with(&limits).await);
        }
        let callers = Arc::new(callers);
        let (stop, watcher) = watch(stage);
        let mut clients = JoinSet::new();
        for lane in 0..CLIENTS {
            clients.spawn(spend(stage.pool.clone(), Arc::clone(&callers), lane));
        }
        let charged = all(clients).await;
        stop.store(true, Ordering::Relaxed);
        assert!(watcher.await.unwrap() > 0);
        let mut used = 0;
        for caller in callers.iter() {
            used += stage.balance(*caller, "tokens", "month").await.used;
        }
        assert_eq!(used, charged, "what the clients were told is what the books say");
    })
    .await;
}

/// Tries again for as long as the rules change under the batch, which nothing else may stop.
async fn reserve_again(pool: &PgPool, calls: &[Call]) -> Vec<Verdict> {
    loop {
        match try_reserve_many(pool, calls).await {
            Ok(verdicts) => return verdicts,
            Err(error) => {
                assert_eq!(error.as_database_error().unwrap().code().as_deref(), Some("40001"), "{error}")
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_over_many_accounts_never_deadlock_while_rules_change() {
    play(async |stage| {
        let mut callers = Vec::new();
        for _ in 0..6 {
            callers.push(stage.sign_up_with(&[("account", "", "tokens", "month", 50_000, 0)]).await);
        }
        let callers = Arc::new(callers);
        let mut clients = JoinSet::new();
        for lane in 0..8 {
            let (pool, callers) = (stage.pool.clone(), Arc::clone(&callers));
            clients.spawn(async move {
                let mut dice = Dice::new(lane);
                let mut granted = 0;
                for _ in 0..30 {
                    let calls: Vec<Call> = (0..12).map(|_| Call::new(*dice.pick(&callers), 5, 20)).collect();
                    let verdicts = reserve_again(&pool, &calls).await;
                    let usages: Vec<Usage> = verdicts
                        .iter()
                        .filter(|verdict| verdict.is_granted())
                        .map(|verdict| Usage::new(verdict.request_id, 5, dice.below(20) as i64))
                        .collect();
                    granted += usages.len() as i64;
                    try_settle_many(&pool, &usages).await.unwrap();
                }
                granted
            });
        }
        let (pool, changed) = (stage.pool.clone(), Arc::clone(&callers));
        clients.spawn(async move {
            let mut dice = Dice::new(99);
            for amount in 1..200 {
                sqlx::query("select octroi_private.add_grant($1, 'tokens', $2, 'promo', 'race', octroi_private.now() + interval '60 ms')")
                    .bind(dice.pick(&changed).account_id)
                    .bind(amount)
                    .execute(&pool)
                    .await
                    .unwrap();
            }
            0
        });
        assert_eq!(all(clients).await, 8 * 30 * 12, "every call fits");
        // The last grants may have expired without anybody looking.
        for caller in callers.iter() {
            reserve(&stage.pool, &Call::new(*caller, 1, 1)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grants_that_expire_while_they_are_drawn_never_deadlock() {
    play(async |stage| {
        let caller = stage.sign_up_with(&[("account", "", "tokens", "month", 10, 0)]).await;
        let mut clients = JoinSet::new();
        for lane in 0..16 {
            let pool = stage.pool.clone();
            clients.spawn(async move {
                let mut dice = Dice::new(lane);
                for _ in 0..40 {
                    let (amount, lasts_ms) = (100 + dice.below(100) as i64, (40 + dice.below(40)) as f64);
                    let granted = sqlx::query("select octroi_private.add_grant($1, 'tokens', $2, 'promo', 'race', octroi_private.now() + make_interval(secs => $3 / 1000))")
                        .bind(caller.account_id)
                        .bind(amount)
                        .bind(lasts_ms)
                        .execute(&pool)
                        .await;
                    // On a busy machine its time may be over before it begins.
                    if let Err(error) = granted {
                        assert_eq!(error.as_database_error().unwrap().code().as_deref(), Some("23514"), "{error}");
                    }
                    let call = Call::new(caller, 1, 30);
                    if reserve_again(&pool, std::slice::from_ref(&call)).await[0].is_granted() {
                        settle(&pool, &Usage::new(call.request_id, 1, 25)).await;
                    }
                }
                0
            });
        }
        all(clients).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_twins_under_one_key_are_one_grant() {
    play(async |stage| {
        // No limit: then no lock on a balance keeps the twins apart, and the unique key has to.
        for limits in [&[("account", "", "tokens", "month", 1_000, 0)][..], &[][..]] {
            let caller = stage.sign_up_with(limits).await;
            for round in 0..10 {
                let mut clients = JoinSet::new();
                for _ in 0..16 {
                    let pool = stage.pool.clone();
                    let call = Call::new(caller, 1, 9).keyed(&format!("round-{round}"), 7);
                    clients.spawn(async move { reserve(&pool, &call).await });
                }
                let verdicts = within("the twins", clients.join_all()).await;
                let granted: Vec<Uuid> = verdicts
                    .iter()
                    .filter(|verdict| verdict.is_granted())
                    .map(|verdict| verdict.request_id)
                    .collect();
                assert_eq!(granted.len(), 1, "{verdicts:#?}");
                for verdict in &verdicts {
                    assert!(
                        verdict.is_granted() || (verdict.verdict == "replayed" && verdict.reason() == "open")
                    );
                    assert_eq!(verdict.request_id, granted[0], "a replay names the first request");
                }
            }
            assert_eq!(
                stage.balances(caller).await.iter().map(|b| b.reserved).sum::<i64>(),
                limits.len() as i64 * 100
            );
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settle_release_and_expiry_at_once_have_one_winner() {
    play(async |stage| {
        let caller = stage.sign_up_with(&[("account", "", "tokens", "month", 100_000, 0)]).await;
        for _ in 0..30 {
            let call = Call::new(caller, 10, 90);
            reserve(&stage.pool, &call).await;
            stage.let_pass(time::Duration::seconds(661)).await;
            let id = call.request_id;
            let usage = Usage::new(id, 10, 5);
            let (settled, again, released, _) = tokio::join!(
                settle(&stage.pool, &usage),
                settle(&stage.pool, &usage),
                octroi_tests::verbs::release(&stage.pool, id),
                octroi_tests::verbs::expire_due(&stage.pool),
            );
            let outcomes = (settled.outcome.as_str(), again.outcome.as_str(), released.as_str());
            let expected = matches!(
                outcomes,
                ("settled" | "settled_late", "replayed", "conflict")
                    | ("replayed", "settled" | "settled_late", "conflict")
                    | ("conflict", "conflict", "released")
            );
            assert!(expected, "{outcomes:?}");
        }
    })
    .await;
}
