//! What settling means: once, exactly, never above the hold, in the period where the call began.

use octroi_tests::stage::play;
use octroi_tests::verbs::{Call, Usage, expire_due, release, reserve, settle, try_settle_many};
use time::Duration;
use uuid::Uuid;

const MONTHLY: (&str, &str, &str, &str, i64, i64) = ("account", "", "tokens", "month", 1_000, 0);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_settled_call_returns_its_hold_and_is_charged_what_it_used() {
    play(async |stage| {
        let caller = stage.sign_up_with(&[MONTHLY]).await;
        let call = Call::new(caller, 100, 200);
        let verdict = reserve(&stage.pool, &call).await;
        assert!(verdict.is_granted());
        assert_eq!((verdict.hold_tokens, verdict.remaining), (Some(300), Some(700)));
        assert_eq!(stage.balance(caller, "tokens", "month").await.reserved, 300);

        let outcome = settle(&stage.pool, &Usage::new(call.request_id, 90, 50)).await;
        assert_eq!(outcome.outcome, "settled");
        assert_eq!(
            (outcome.total_tokens, outcome.overrun_tokens, outcome.remaining),
            (Some(140), Some(0), Some(860))
        );
        let balance = stage.balance(caller, "tokens", "month").await;
        assert_eq!((balance.used, balance.reserved), (140, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_settle_again_changes_nothing_and_another_is_a_conflict() {
    play(async |stage| {
        let caller = stage.sign_up_with(&[MONTHLY]).await;
        let call = Call::new(caller, 100, 200);
        reserve(&stage.pool, &call).await;
        let usage =
            Usage { cached_input_tokens: 30, reasoning_tokens: 7, ..Usage::new(call.request_id, 90, 50) };
        let first = settle(&stage.pool, &usage).await;
        let again = settle(&stage.pool, &usage).await;
        assert_eq!(again.outcome, "replayed");
        assert_eq!((again.total_tokens, again.cost_nano_usd), (first.total_tokens, first.cost_nano_usd));
        for other in [
            Usage { output_tokens: 51, ..usage.clone() },
            Usage { input_tokens: 89, ..usage.clone() },
            Usage { cached_input_tokens: 31, ..usage.clone() },
            Usage { reasoning_tokens: 8, ..usage.clone() },
        ] {
            assert_eq!(settle(&stage.pool, &other).await.outcome, "conflict", "{other:?}");
        }
        assert_eq!(release(&stage.pool, call.request_id).await, "conflict");
        assert_eq!(stage.balance(caller, "tokens", "month").await.used, 140);
        let raised = sqlx::query("select * from octroi_private.settle($1, 1, 1)")
            .bind(call.request_id)
            .execute(&stage.pool)
            .await
            .unwrap_err();
        assert_eq!(raised.as_database_error().unwrap().code().as_deref(), Some("OC010"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_released_and_doubled_calls_are_told_apart() {
    play(async |stage| {
        let caller = stage.sign_up_with(&[MONTHLY]).await;
        let unknown = Uuid::now_v7();
        assert_eq!(settle(&stage.pool, &Usage::new(unknown, 1, 1)).await.outcome, "unknown");
        assert_eq!(release(&stage.pool, unknown).await, "unknown");

        let released = Call::new(caller, 10, 20);
        reserve(&stage.pool, &released).await;
        assert_eq!(release(&stage.pool, released.request_id).await, "released");
        assert_eq!(release(&stage.pool, released.request_id).await, "replayed");
        assert_eq!(settle(&stage.pool, &Usage::new(released.request_id, 1, 1)).await.outcome, "conflict");

        let doubled = Call::new(caller, 10, 20);
        reserve(&stage.pool, &doubled).await;
        let usage = Usage::new(doubled.request_id, 10, 5);
        let outcomes = try_settle_many(&stage.pool, &[usage.clone(), usage]).await.unwrap();
        assert_eq!((outcomes[0].outcome.as_str(), outcomes[1].outcome.as_str()), ("settled", "replayed"));
        let balance = stage.balance(caller, "tokens", "month").await;
        assert_eq!((balance.used, balance.reserved), (15, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_settle_is_taken_within_what_is_left() {
    play(async |stage| {
        let caller = stage.sign_up_with(&[MONTHLY]).await;
        let late = Call::new(caller, 100, 500);
        reserve(&stage.pool, &late).await;
        stage.let_pass(Duration::seconds(661)).await;
        assert_eq!(expire_due(&stage.pool).await, 1);
        assert_eq!(expire_due(&stage.pool).await, 0, "once");
        assert_eq!(stage.balance(caller, "tokens", "month").await.reserved, 0);

        let other = Call::new(caller, 400, 500);
        assert!(reserve(&stage.pool, &other).await.is_granted(), "the expired hold is free again");
        let outcome = settle(&stage.pool, &Usage::new(late.request_id, 100, 300)).await;
        assert_eq!(outcome.outcome, "settled_late");
        assert_eq!((outcome.total_tokens, outcome.overrun_tokens), (Some(400), Some(300)), "100 were left");
        assert_eq!(settle(&stage.pool, &Usage::new(late.request_id, 100, 300)).await.outcome, "replayed");
        assert_eq!(stage.balance(caller, "tokens", "month").await.used, 100);
        settle(&stage.pool, &Usage::new(other.request_id, 400, 0)).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn usage_above_the_hold_is_recorded_and_not_charged() {
    play(async |stage| {
        let limits = [MONTHLY, ("account", "", "cost", "month", 1_000_000, 0)];
        let caller = stage.sign_up_with(&limits).await;
        let call = Call::new(caller, 100, 100);
        let verdict = reserve(&stage.pool, &call).await;
        let outcome = settle(&stage.pool, &Usage::new(call.request_id, 150, 900)).await;
        assert_eq!((outcome.total_tokens, outcome.overrun_tokens), (Some(1_050), Some(850)));
        let event = stage.usage_event(call.request_id).await;
        assert_eq!(event.cost_nano_usd - event.overrun_cost_nano_usd, verdict.hold_cost_nano_usd.unwrap());
        assert_eq!(event.cost_nano_usd, 150 * 750 + 900 * 4_500);
        assert_eq!(stage.balance(caller, "tokens", "month").await.used, 200);
        assert_eq!(stage.balance(caller, "cost", "month").await.used, verdict.hold_cost_nano_usd.unwrap());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_usage_the_hold_stands_in() {
    play(async |stage| {
        let caller = stage.sign_up_with(&[MONTHLY]).await;
        let call = Call::new(caller, 100, 50).choices(3);
        assert_eq!(reserve(&stage.pool, &call).await.hold_tokens, Some(250));
        let outcome = settle(&stage.pool, &Usage::unknown(call.request_id)).await;
        assert_eq!((outcome.total_tokens, outcome.overrun_tokens), (Some(250), Some(0)));
        assert_eq!(stage.usage_event(call.request_id).await.source, "hold");
        assert_eq!(settle(&stage.pool, &Usage::unknown(call.request_id)).await.outcome, "replayed");
        assert_eq!(settle(&stage.pool, &Usage::new(call.request_id, 100, 10)).await.outcome, "conflict");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pools_never_exceed_their_whole() {
    play(async |stage| {
        let caller = stage.sign_up_with(&[("account", "", "tokens", "month", 1_000_000, 0)]).await;
        let call = Call::new(caller, 100, 100);
        reserve(&stage.pool, &call).await;
        let usage = Usage {
            cached_input_tokens: 60,
            cache_write_tokens: 70,
            audio_input_tokens: 80,
            reasoning_tokens: 999,
            audio_output_tokens: 11,
            ..Usage::new(call.request_id, 100, 10)
        };
        settle(&stage.pool, &usage).await;
        let event = stage.usage_event(call.request_id).await;
        assert_eq!(
            (event.cached_input_tokens, event.cache_write_tokens, event.audio_input_tokens),
            (60, 40, 0)
        );
        assert_eq!((event.reasoning_tokens, event.audio_output_tokens), (10, 10));
        assert_eq!(settle(&stage.pool, &usage).await.outcome, "replayed", "what was sent, not what was kept");

        let negative = Call::new(caller, 100, 100);
        reserve(&stage.pool, &negative).await;
        let usage = Usage {
            cached_input_tokens: -5,
            reasoning_tokens: -1,
            ..Usage::new(negative.request_id, -3, -2)
        };
        assert_eq!(settle(&stage.pool, &usage).await.total_tokens, Some(0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_price_is_that_of_the_model_that_answered_rounded_once() {
    play(async |stage| {
        let caller = stage.sign_up_with(&[("account", "", "tokens", "month", 1_000_000, 0)]).await;
        // Micro-USD per million tokens: input, cached, written, audio in, output, audio out.
        let price: [i64; 6] = [150_001, 75_001, 150_003, 10_007, 600_007, 64_001];
        sqlx::query(
            "insert into octroi_private.model_price (model, valid, encoding, max_input_tokens, max_output_tokens, input_price,
               cached_input_price, cache_write_price, audio_input_price, output_price, audio_output_price, source)
             values ('dated-mini', '[2026-01-01,)', 'o200k_base', 1000, 1000, $1, $2, $3, $4, $5, $6, 'test')",
        )
        .bind(price[0]).bind(price[1]).bind(price[2]).bind(price[3]).bind(price[4]).bind(price[5])
        .execute(&stage.pool)
        .await
        .unwrap();
        let call = Call::new(caller, 100, 100).of("gpt-5.4");
        reserve(&stage.pool, &call).await;
        let usage = Usage {
            cached_input_tokens: 10,
            cache_write_tokens: 11,
            audio_input_tokens: 12,
            audio_output_tokens: 13,
            response_model: Some("dated-mini".to_owned()),
            ..Usage::new(call.request_id, 100, 50)
        };
        let cost = settle(&stage.pool, &usage).await.cost_nano_usd;
        let tokens = [67, 10, 11, 12, 37, 13];
        let pico_usd: i64 = price.iter().zip(tokens).map(|(price, tokens)| price * tokens).sum();
        assert_eq!(cost, Some((pico_usd + 999) / 1_000));

        // A dated name is answered at its model's price, and one that nobody knows at that of the model that was asked.
        for answering in ["gpt-5.4-mini-2026-03-17", "gpt-99-2099-01-01"] {
            let asked = Call::new(caller, 100, 100);
            reserve(&stage.pool, &asked).await;
            let usage = Usage { response_model: Some(answering.to_owned()), ..Usage::new(asked.request_id, 100, 50) };
            assert_eq!(settle(&stage.pool, &usage).await.cost_nano_usd, Some(100 * 750 + 50 * 4_500), "{answering}");
            assert_eq!(stage.usage_event(asked.request_id).await.response_model.as_deref(), Some(answering));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recorded_usage_is_a_fact_and_counts_once() {
    play(async |stage| {
        let caller = stage.sign_up_with(&[MONTHLY]).await;
        let id = Uuid::now_v7();
        let record = async |input: i64| {
            sqlx::query_as::<_, (String, i64)>(
                "select outcome, overrun_tokens from octroi_private.record_usage($1, $2, 'gpt-5.4-mini', $3, 100, p_request_id => $4)",
            )
            .bind(caller.account_id)
            .bind(caller.user_id)
            .bind(input)
            .bind(id)
            .fetch_one(&stage.pool)
            .await
        };
        assert_eq!(record(950).await.unwrap(), ("settled".to_owned(), 50));
        assert_eq!(record(950).await.unwrap(), ("replayed".to_owned(), 50));
        let error = record(951).await.unwrap_err();
        assert_eq!(error.as_database_error().unwrap().code().as_deref(), Some("OC010"));
        assert_eq!(stage.balance(caller, "tokens", "month").await.used, 1_000);

        let mut transaction = stage.pool.begin().await.unwrap();
        sqlx::query("select * from octroi_private.record_usage($1, $2, 'gpt-5.4-mini', 1, 1)")
            .bind(caller.account_id)
            .bind(caller.user_id)
            .execute(&mut *transaction)
            .await
            .unwrap();
        transaction.rollback().await.unwrap();
        assert_eq!(stage.usage_events().await.len(), 1, "usage belongs to its caller's transaction");
    })
    .await;
}
