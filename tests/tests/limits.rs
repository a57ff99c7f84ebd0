//! Which limits bind a call, which one is named, and what a change of rules does at once.

use octroi_tests::cast::{Caller, execute};
use octroi_tests::stage::{Stage, play};
use octroi_tests::verbs::{Call, Usage, release, reserve, settle};
use serde_json::json;
use time::Duration;

async fn use_tokens(stage: &Stage, caller: Caller, tokens: i64) {
    let call = Call::new(caller, tokens, 0);
    assert!(reserve(&stage.pool, &call).await.is_granted());
    settle(&stage.pool, &Usage::new(call.request_id, tokens, 0)).await;
}

async fn reason(stage: &Stage, call: &Call) -> String {
    reserve(&stage.pool, call).await.reason().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_scope_and_meter_refuses_under_its_own_name() {
    play(async |stage| {
        let scopes = [
            ("account", "", "quota_exceeded"),
            ("member", "", "member_budget_reached"),
            ("api_key", "", "key_budget_reached"),
            ("model", "gpt-5.4-mini", "model_budget_reached"),
        ];
        // 30 tokens of input and none of output fit each of these once.
        for (meter, amount) in [("tokens", 40), ("requests", 1), ("cost", 30_000)] {
            for (scope, model, told) in scopes {
                for period in ["day", "month", "lifetime"] {
                    let caller = stage.sign_up_with(&[(scope, model, meter, period, amount, 0)]).await;
                    let caller = caller.with_key(&stage.make_key(caller, json!([])).await);
                    use_tokens(stage, caller, 30).await;
                    let refused = reserve(&stage.pool, &Call::new(caller, 30, 20)).await;
                    let told = if (scope, meter) == ("account", "cost") { "spend_cap_reached" } else { told };
                    assert_eq!((refused.verdict.as_str(), refused.reason()), ("refused", told));
                    assert_eq!(refused.limit(), (scope, meter, period));
                    let used = [("tokens", 30), ("requests", 1), ("cost", 22_500)]
                        .into_iter()
                        .find(|u| u.0 == meter);
                    assert_eq!((refused.granted, refused.used), (Some(amount), used.map(|u| u.1)));
                    assert_eq!(refused.remaining, Some(amount - used.unwrap().1));
                }
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_strictest_limit_is_named_and_clamps() {
    play(async |stage| {
        let limits = [
            ("account", "", "tokens", "month", 1_000, 0),
            ("account", "", "tokens", "day", 300, 0),
            ("member", "", "requests", "day", 50, 0),
        ];
        let caller = stage.sign_up_with(&limits).await;
        let call = Call::new(caller, 100, 5_000);
        let clamped = reserve(&stage.pool, &call).await;
        assert_eq!((clamped.output_tokens, clamped.hold_tokens), (Some(200), Some(300)));
        assert_eq!((clamped.limit(), clamped.remaining), (("account", "tokens", "day"), Some(0)));
        release(&stage.pool, call.request_id).await;

        let four = Call::new(caller, 100, 5_000).choices(4);
        let clamped = reserve(&stage.pool, &four).await;
        assert_eq!((clamped.output_tokens, clamped.hold_tokens), (Some(50), Some(300)), "50 for each choice");
        release(&stage.pool, four.request_id).await;

        use_tokens(stage, caller, 290).await;
        let refused = reserve(&stage.pool, &Call::new(caller, 1, 5_000)).await;
        assert_eq!(refused.limit(), ("account", "tokens", "day"), "nine tokens are no answer");
        assert!(
            reserve(&stage.pool, &Call::new(caller, 1, 9)).await.is_granted(),
            "unless nine are asked for"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_several_limits_refuse_the_last_to_reset_is_named() {
    play(async |stage| {
        let limits = [
            ("account", "", "tokens", "day", 100, 0),
            ("account", "", "tokens", "month", 100, 0),
            ("account", "", "requests", "day", 1, 0),
        ];
        let caller = stage.sign_up_with(&limits).await;
        use_tokens(stage, caller, 100).await;
        let refused = reserve(&stage.pool, &Call::new(caller, 10, 10)).await;
        assert_eq!(refused.limit(), ("account", "tokens", "month"), "waiting for the day would not help");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_without_limits_meters_and_never_refuses() {
    play(async |stage| {
        let caller = stage.sign_up_with(&[]).await;
        for _ in 0..5 {
            let call = Call::new(caller, 100_000, 16_384);
            let verdict = reserve(&stage.pool, &call).await;
            assert_eq!((verdict.output_tokens, verdict.scope), (Some(16_384), None));
            settle(&stage.pool, &Usage::new(call.request_id, 100_000, 7)).await;
        }
        assert_eq!(stage.usage_events().await.len(), 5);
        assert!(stage.balances(caller).await.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_plan_counts_at_once_and_keeps_what_was_used() {
    play(async |stage| {
        let caller = stage.sign_up_with(&[("account", "", "tokens", "month", 1_000, 0)]).await;
        use_tokens(stage, caller, 900).await;
        assert_eq!(reason(stage, &Call::new(caller, 200, 0)).await, "quota_exceeded");

        let larger = stage.make_plan(&[("account", "", "tokens", "month", 5_000, 0)]).await;
        stage.assign(caller, &larger).await;
        let quota = stage.my_quota(caller).await;
        assert_eq!((quota[0].granted, quota[0].used), (5_000, 900), "seen before the next call");
        use_tokens(stage, caller, 4_000).await;

        let smaller = stage.make_plan(&[("account", "", "tokens", "month", 100, 0)]).await;
        stage.assign(caller, &smaller).await;
        assert_eq!(reason(stage, &Call::new(caller, 1, 0)).await, "quota_exceeded");
        assert_eq!(stage.balance(caller, "tokens", "month").await.used, 4_900, "nothing is taken back");
        stage.let_pass(Duration::days(32)).await;
        use_tokens(stage, caller, 100).await;
        assert_eq!(reason(stage, &Call::new(caller, 1, 0)).await, "quota_exceeded");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_below_what_is_held_lets_nothing_more_through() {
    play(async |stage| {
        let caller = stage.sign_up_with(&[("account", "", "tokens", "month", 1_000, 0)]).await;
        use_tokens(stage, caller, 400).await;
        let held = Call::new(caller, 300, 0);
        reserve(&stage.pool, &held).await;
        stage.set_budget(caller, ("account", ""), "tokens", "month", 500).await;
        assert_eq!(
            reason(stage, &Call::new(caller, 1, 0)).await,
            "quota_held",
            "until the call that runs has ended"
        );
        assert_eq!(
            reason(stage, &Call::new(caller, 101, 0)).await,
            "quota_exceeded",
            "100 of 500 are not used"
        );
        assert_eq!(release(&stage.pool, held.request_id).await, "released");
        assert_eq!(reason(stage, &Call::new(caller, 101, 0)).await, "quota_exceeded", "100 of 500 are left");
        use_tokens(stage, caller, 100).await;
        assert_eq!(reason(stage, &Call::new(caller, 1, 0)).await, "quota_exceeded");
        assert_eq!(stage.my_quota(caller).await[0].granted, 500);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_set_in_the_middle_of_a_day_counts_all_of_it() {
    play(async |stage| {
        let caller = stage.sign_up_with(&[]).await;
        use_tokens(stage, caller, 60).await;
        stage.set_budget(caller, ("account", ""), "tokens", "day", 100).await;
        assert_eq!(reason(stage, &Call::new(caller, 41, 0)).await, "quota_exceeded");
        execute(&stage.pool, "delete from octroi_private.budget where account_id = $1", caller.account_id)
            .await;
        use_tokens(stage, caller, 30).await;
        stage.set_budget(caller, ("account", ""), "tokens", "day", 100).await;
        assert_eq!(reason(stage, &Call::new(caller, 11, 0)).await, "quota_exceeded", "90 were used, not 60");
        use_tokens(stage, caller, 10).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_without_a_right_are_refused_at_once() {
    play(async |stage| {
        let caller = stage.sign_up("owner").await;
        let stranger = stage.sign_up("stranger").await;
        let key = stage.make_key(caller, json!([])).await;
        let keyed = caller.with_key(&key);
        use_tokens(stage, keyed, 10).await;

        let foreign = Caller { user_id: stranger.user_id, ..caller };
        assert_eq!(reason(stage, &Call::new(foreign, 1, 16)).await, "not_a_member");
        let stolen = Caller { account_id: stranger.account_id, user_id: stranger.user_id, ..keyed };
        assert_eq!(reason(stage, &Call::new(stolen, 1, 16)).await, "key_revoked");
        assert_eq!(reason(stage, &Call::new(keyed, 1, 16).of("no-such-model")).await, "model_not_priced");
        let long = Call { input_tokens: 272_001, ..Call::new(keyed, 1, 16) };
        assert_eq!(reason(stage, &long).await, "input_too_long");

        let change = "update octroi_private.api_key set allowed_models = '{gpt-5.5}' where id = $1";
        execute(&stage.pool, change, key.id).await;
        assert_eq!(reason(stage, &Call::new(keyed, 1, 16)).await, "model_not_allowed");
        let change = "update octroi_private.api_key set allowed_models = null, expires_at = octroi_private.now() + interval '1 h' where id = $1";
        execute(&stage.pool, change, key.id).await;
        use_tokens(stage, keyed, 10).await;
        stage.let_pass(Duration::hours(2)).await;
        assert_eq!(reason(stage, &Call::new(keyed, 1, 16)).await, "key_expired");
        execute(&stage.pool, "update octroi_private.api_key set revoked_at = octroi_private.now() where id = $1", key.id).await;
        assert_eq!(reason(stage, &Call::new(keyed, 1, 16)).await, "key_revoked");
        execute(&stage.pool, "update octroi_private.account set status = 'suspended' where id = $1", caller.account_id).await;
        assert_eq!(reason(stage, &Call::new(caller, 1, 16)).await, "account_suspended");
        execute(&stage.pool, "delete from octroi_private.subscription where account_id = $1", stranger.account_id).await;
        assert_eq!(reason(stage, &Call::new(stranger, 1, 16)).await, "no_plan");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_user_can_do_nothing_more() {
    play(async |stage| {
        let caller = stage.sign_up("leaver").await;
        let keyed = caller.with_key(&stage.make_key(caller, json!([])).await);
        let open = Call::new(keyed, 10, 90);
        assert!(reserve(&stage.pool, &open).await.is_granted());
        execute(&stage.pool, "delete from auth.users where id = $1", caller.user_id).await;
        assert_eq!(reason(stage, &Call::new(keyed, 1, 16)).await, "not_a_member");
        // their calls under way are over; what one still uses is recorded, and charged to nobody
        assert_eq!(settle(&stage.pool, &Usage::new(open.request_id, 10, 1)).await.outcome, "settled_late");
    })
    .await;
}
