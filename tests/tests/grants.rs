//! Quota on top of a plan: drawn after it, in the documented order, and gone when it expires.

use octroi_tests::cast::Caller;
use octroi_tests::stage::{Stage, play};
use octroi_tests::verbs::{Call, Usage, reserve, settle, try_reserve_many, try_settle_many};
use time::Duration;
use uuid::Uuid;

const MONTHLY: (&str, &str, &str, &str, i64, i64) = ("account", "", "tokens", "month", 100, 0);

async fn use_tokens(stage: &Stage, caller: Caller, tokens: i64) {
    let call = Call::new(caller, tokens, 0);
    assert!(reserve(&stage.pool, &call).await.is_granted(), "{tokens} tokens fit");
    settle(&stage.pool, &Usage::new(call.request_id, tokens, 0)).await;
}

async fn drawn(stage: &Stage, grants: &[Uuid]) -> Vec<i64> {
    let mut drawn = Vec::new();
    for grant in grants {
        let query = sqlx::query_scalar("select drawn::bigint from octroi_private.quota_grant where id = $1")
            .bind(grant);
        drawn.push(query.fetch_one(&stage.pool).await.unwrap());
    }
    drawn
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grants_are_drawn_after_the_plan_in_the_documented_order() {
    play(async |stage| {
        let caller = stage.sign_up_with(&[MONTHLY]).await;
        let soon = Some(stage.now().await + Duration::days(2));
        let late = Some(stage.now().await + Duration::days(9));
        // Made in an order that is not the order of drawing.
        let top_up = stage.grant(caller, "top_up", 10, None).await;
        let promo_late = stage.grant(caller, "promo", 10, late).await;
        let promo_soon = stage.grant(caller, "promo", 10, soon).await;
        let rollover = stage.grant(caller, "rollover", 10, None).await;
        let order = [rollover, promo_soon, promo_late, top_up];
        use_tokens(stage, caller, 100).await;
        assert_eq!(drawn(stage, &order).await, [0, 0, 0, 0], "the plan first");
        for (tokens, expected) in
            [(7, [7, 0, 0, 0]), (7, [10, 4, 0, 0]), (17, [10, 10, 10, 1]), (9, [10, 10, 10, 10])]
        {
            use_tokens(stage, caller, tokens).await;
            assert_eq!(drawn(stage, &order).await, expected);
        }
        assert!(!reserve(&stage.pool, &Call::new(caller, 1, 0)).await.is_granted());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_draws_what_the_same_calls_draw_one_by_one() {
    play(async |stage| {
        let (single, batched) = (stage.sign_up_with(&[MONTHLY]).await, stage.sign_up_with(&[MONTHLY]).await);
        let sizes = [60, 30, 25, 5, 20];
        let grants = [
            stage.grant(single, "promo", 30, None).await,
            stage.grant(single, "top_up", 30, None).await,
            stage.grant(batched, "promo", 30, None).await,
            stage.grant(batched, "top_up", 30, None).await,
        ];
        for size in sizes {
            use_tokens(stage, single, size).await;
        }
        let calls = sizes.map(|size| Call::new(batched, size, 0));
        try_reserve_many(&stage.pool, &calls).await.unwrap();
        let usages: Vec<Usage> = calls.iter().map(|call| Usage::new(call.request_id, call.input_tokens, 0)).collect();
        try_settle_many(&stage.pool, &usages).await.unwrap();
        assert_eq!(drawn(stage, &grants).await, [30, 10, 30, 10]);
        let draws = "select w.amount::bigint from octroi_private.quota_draw as w join octroi_private.quota_grant as g on g.id = w.grant_id
                     where g.account_id = $1 order by w.request_id, g.kind";
        let of = async |caller: Caller| -> Vec<i64> {
            sqlx::query_scalar(draws).bind(caller.account_id).fetch_all(&stage.pool).await.unwrap()
        };
        assert_eq!(of(single).await, of(batched).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_left_of_a_grant_is_lost_when_it_expires() {
    play(async |stage| {
        let caller = stage.sign_up_with(&[MONTHLY]).await;
        let expires_at = Some(stage.now().await + Duration::hours(1));
        let grant = stage.grant(caller, "promo", 50, expires_at).await;
        use_tokens(stage, caller, 110).await;
        assert_eq!(stage.my_quota(caller).await[0].granted, 150);
        stage.let_pass(Duration::hours(2)).await;
        assert!(!reserve(&stage.pool, &Call::new(caller, 1, 0)).await.is_granted());
        assert_eq!(drawn(stage, &[grant]).await, [10]);
        let quota = &stage.my_quota(caller).await[0];
        assert_eq!((quota.granted, quota.used), (110, 110));
        stage.let_pass(Duration::days(32)).await;
        assert_eq!(stage.my_quota(caller).await[0].granted, 100);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_that_expires_under_an_open_hold_is_not_spent_twice() {
    play(async |stage| {
        let caller = stage.sign_up_with(&[MONTHLY]).await;
        let expires_at = Some(stage.now().await + Duration::minutes(5));
        stage.grant(caller, "promo", 50, expires_at).await;
        let held = Call::new(caller, 150, 0);
        assert!(reserve(&stage.pool, &held).await.is_granted());
        stage.let_pass(Duration::minutes(6)).await;
        assert!(!reserve(&stage.pool, &Call::new(caller, 1, 0)).await.is_granted());
        settle(&stage.pool, &Usage::new(held.request_id, 20, 0)).await;
        assert!(
            !reserve(&stage.pool, &Call::new(caller, 81, 0)).await.is_granted(),
            "80 are left of the plan's 100"
        );
        use_tokens(stage, caller, 80).await;
        assert!(!reserve(&stage.pool, &Call::new(caller, 1, 0)).await.is_granted());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undrawn_grant_serves_the_next_month_too() {
    play(async |stage| {
        let caller = stage.sign_up_with(&[MONTHLY]).await;
        stage.grant(caller, "top_up", 50, None).await;
        use_tokens(stage, caller, 120).await;
        stage.let_pass(Duration::days(32)).await;
        use_tokens(stage, caller, 130).await;
        assert!(
            !reserve(&stage.pool, &Call::new(caller, 1, 0)).await.is_granted(),
            "100 of the plan, 30 of the grant"
        );
        let used: Vec<i64> = stage.balances(caller).await.iter().map(|balance| balance.used).collect();
        assert_eq!(used, [120, 130]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_is_usable_the_moment_it_is_there_and_starts_when_it_says() {
    play(async |stage| {
        let caller = stage.sign_up_with(&[MONTHLY]).await;
        use_tokens(stage, caller, 100).await;
        assert!(!reserve(&stage.pool, &Call::new(caller, 1, 0)).await.is_granted());
        stage.grant(caller, "top_up", 5, None).await;
        use_tokens(stage, caller, 5).await;
        sqlx::query(
            "insert into octroi_private.quota_grant (account_id, meter, kind, amount, starts_at, reason)
             values ($1, 'tokens', 'promo', 7, octroi_private.now() + interval '1 hour', 'later')",
        )
        .bind(caller.account_id)
        .execute(&stage.pool)
        .await
        .unwrap();
        assert!(!reserve(&stage.pool, &Call::new(caller, 1, 0)).await.is_granted());
        stage.let_pass(Duration::hours(2)).await;
        use_tokens(stage, caller, 7).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn overage_is_used_after_every_grant() {
    play(async |stage| {
        let caller = stage.sign_up_with(&[("account", "", "tokens", "month", 100, 40)]).await;
        let grant = stage.grant(caller, "top_up", 50, None).await;
        use_tokens(stage, caller, 170).await;
        assert_eq!(drawn(stage, &[grant]).await, [50]);
        use_tokens(stage, caller, 20).await;
        assert!(!reserve(&stage.pool, &Call::new(caller, 1, 0)).await.is_granted());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_held_over_a_months_end_is_not_spent_again() {
    play(async |stage| {
        let caller = stage.sign_up_with(&[MONTHLY]).await;
        let grant = stage.grant(caller, "top_up", 50, None).await;
        stage.let_pass(Duration::days(27)).await;
        let resets_at: time::OffsetDateTime = sqlx::query_scalar(
            "select p.resets_at from octroi_private.subscription as s
             cross join lateral octroi_private.period_bounds('month', s.anchor_at, octroi_private.now()) as p
             where s.account_id = $1 and s.ended_at is null",
        )
        .bind(caller.account_id)
        .fetch_one(&stage.pool)
        .await
        .unwrap();
        stage.travel_to(resets_at - Duration::seconds(5)).await;
        let held = Call::new(caller, 150, 0);
        assert!(reserve(&stage.pool, &held).await.is_granted());
        stage.travel_to(resets_at + Duration::seconds(5)).await;
        assert!(
            !reserve(&stage.pool, &Call::new(caller, 101, 0)).await.is_granted(),
            "the grant is held by last month"
        );
        use_tokens(stage, caller, 100).await;
        settle(&stage.pool, &Usage::new(held.request_id, 130, 0)).await;
        assert_eq!(drawn(stage, &[grant]).await, [30]);
    })
    .await;
}
