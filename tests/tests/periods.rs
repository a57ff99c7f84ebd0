//! Months from an anchor, days in UTC, lifetimes: where usage counts, and when limits come back.

use octroi_tests::stage::{Stage, play};
use octroi_tests::verbs::{Call, Usage, reserve, settle};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

async fn bounds(
    stage: &Stage,
    period: &str,
    anchor: OffsetDateTime,
    at: OffsetDateTime,
) -> (OffsetDateTime, OffsetDateTime) {
    sqlx::query_as("select period_start, resets_at from octroi_private.period_bounds($1, $2, $3)")
        .bind(period)
        .bind(anchor)
        .bind(at)
        .fetch_one(&stage.pool)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_month_of_the_31st_ends_on_the_last_day_and_comes_back() {
    play(async |stage| {
        let anchor = datetime!(2027-01-31 10:00 UTC);
        let resets = [
            datetime!(2027-01-31 10:00 UTC),
            datetime!(2027-02-28 10:00 UTC),
            datetime!(2027-03-31 10:00 UTC),
            datetime!(2027-04-30 10:00 UTC),
            datetime!(2027-05-31 10:00 UTC),
        ];
        for pair in resets.windows(2) {
            for at in [pair[0], pair[0] + (pair[1] - pair[0]) / 2, pair[1] - Duration::microseconds(1)] {
                assert_eq!(bounds(stage, "month", anchor, at).await, (pair[0], pair[1]), "{at}");
            }
        }
        let leap = bounds(stage, "month", anchor, datetime!(2028-02-15 0:00 UTC)).await;
        assert_eq!(leap, (datetime!(2028-01-31 10:00 UTC), datetime!(2028-02-29 10:00 UTC)));
        let born_on_leap_day =
            bounds(stage, "month", datetime!(2028-02-29 0:00 UTC), datetime!(2029-02-28 12:00 UTC)).await;
        assert_eq!(born_on_leap_day, (datetime!(2029-02-28 0:00 UTC), datetime!(2029-03-29 0:00 UTC)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_instant_lies_in_exactly_one_month() {
    play(async |stage| {
        // Each day's end must be the next one's beginning, over a leap year, for every possible anchor day.
        let gaps: i64 = sqlx::query_scalar(
            "select count(*)
             from generate_series(0, 30) as d (day)
             cross join generate_series('2027-12-25'::timestamptz, '2029-04-02', interval '7 hours') as t (at)
             cross join lateral (select '2027-10-01 13:00+00'::timestamptz + make_interval(days => d.day) as at) as anchor
             cross join lateral octroi_private.period_bounds('month', anchor.at, t.at) as p
             cross join lateral octroi_private.period_bounds('month', anchor.at, p.resets_at) as n
             where not (p.period_start <= t.at and t.at < p.resets_at and n.period_start = p.resets_at)",
        )
        .fetch_one(&stage.pool)
        .await
        .unwrap();
        assert_eq!(gaps, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_counts_in_the_period_in_which_it_began() {
    play(async |stage| {
        stage.travel_to(datetime!(2027-01-31 10:00 UTC)).await;
        let caller = stage.sign_up_with(&[("account", "", "tokens", "month", 1_000, 0)]).await;
        stage.travel_to(datetime!(2027-02-28 09:59:50 UTC)).await;
        let over_the_edge = Call::new(caller, 100, 800);
        let verdict = reserve(&stage.pool, &over_the_edge).await;
        let early = datetime!(2027-02-28 10:00 UTC) - verdict.resets_at.unwrap();
        assert!(early.abs() < Duration::seconds(5), "the anchor is when the account was made");
        assert!(!reserve(&stage.pool, &Call::new(caller, 100, 800)).await.is_granted());

        stage.travel_to(datetime!(2027-02-28 10:00:10 UTC)).await;
        let fresh = Call::new(caller, 100, 800);
        assert!(reserve(&stage.pool, &fresh).await.is_granted(), "a new month");
        settle(&stage.pool, &Usage::new(over_the_edge.request_id, 100, 700)).await;
        settle(&stage.pool, &Usage::new(fresh.request_id, 100, 1)).await;
        let used: Vec<i64> = stage.balances(caller).await.iter().map(|balance| balance.used).collect();
        assert_eq!(used, [800, 101]);
        let event = stage.usage_event(over_the_edge.request_id).await;
        assert!(event.occurred_at < datetime!(2027-02-28 10:00 UTC));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn days_reset_at_utc_midnight_and_lifetimes_never() {
    play(async |stage| {
        stage.travel_to(datetime!(2027-03-14 23:00 UTC)).await;
        let limits =
            [("account", "", "requests", "day", 2, 0), ("account", "", "tokens", "lifetime", 100, 0)];
        let caller = stage.sign_up_with(&limits).await;
        for _ in 0..2 {
            let call = Call::new(caller, 10, 20);
            assert!(reserve(&stage.pool, &call).await.is_granted());
            settle(&stage.pool, &Usage::new(call.request_id, 10, 20)).await;
        }
        let refused = reserve(&stage.pool, &Call::new(caller, 10, 20)).await;
        assert_eq!((refused.reason(), refused.limit()), ("quota_exceeded", ("account", "requests", "day")));
        assert_eq!(refused.resets_at, Some(datetime!(2027-03-15 0:00 UTC)));
        assert!((3_580..=3_600).contains(&refused.retry_after_seconds.unwrap()));

        stage.travel_to(datetime!(2027-03-15 0:00:01 UTC)).await;
        let call = Call::new(caller, 10, 20);
        assert!(reserve(&stage.pool, &call).await.is_granted());
        settle(&stage.pool, &Usage::new(call.request_id, 10, 20)).await;
        let refused = reserve(&stage.pool, &Call::new(caller, 10, 20)).await;
        assert_eq!(refused.limit(), ("account", "tokens", "lifetime"));
        assert_eq!((refused.resets_at, refused.retry_after_seconds), (None, None), "waiting would not help");
        stage.let_pass(Duration::days(900)).await;
        assert!(!reserve(&stage.pool, &Call::new(caller, 10, 20)).await.is_granted());
    })
    .await;
}
