//! Many callers of one account at once: their holds together are far more than what they use, and what they use is what
//! counts.

use std::time::{Duration, Instant};

use octroi_tests::client::{Client, Reply, asking};
use octroi_tests::gateway::{Gateway, provider};
use octroi_tests::stage::play;
use serde_json::{Value, json};
use tokio::task::JoinSet;

const CHAT: &str = "/v1/chat/completions";
/// The wait that a plan allows unless it says otherwise.
const HOLD_WAIT: Duration = Duration::from_secs(20);

/// Sends all at once; each answer with the time it took.
async fn all_at_once(client: &Client, bodies: Vec<Value>) -> Vec<(Reply, Duration)> {
    let mut calls = JoinSet::new();
    for body in bodies {
        let client = client.clone();
        calls.spawn(async move {
            let began = Instant::now();
            (client.post(CHAT, &body).await, began.elapsed())
        });
    }
    calls.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_chats_without_a_limit_of_their_own_are_all_answered() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let (caller, client) = gateway.customer(stage, 100_000).await;
        let bodies = (0..16).map(|_| asking(600, json!({ "model": "gpt-5.6-luna" }))).collect();
        for (reply, took) in all_at_once(&client, bodies).await {
            assert_eq!(reply.status, 200, "{reply:?}");
            assert_eq!(
                reply.header("x-output-limit"),
                Some("16384"),
                "never the model's 128,000 by accident"
            );
            assert_eq!(reply.header("x-output-bound"), Some("default"));
            assert_eq!(reply.json()["choices"][0]["finish_reason"], "stop");
            assert!(took < HOLD_WAIT);
        }
        assert_eq!(stage.balance(caller, "tokens", "month").await.reserved, 0);
        stage.assert_billed_as_by(&sim).await;
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_uses_up_a_plan_before_anybody_is_refused_for_use() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let (caller, client) = gateway.customer(stage, 10_000).await;
        let (mut refused, mut used_at_refusal) = (Vec::new(), i64::MAX);
        // Each round asks for 1,000 and uses 80 to 300, until the plan has no more.
        for round in 0..4_u64 {
            let bodies = (0..48_u64)
                .map(|number| {
                    asking(80 + (round * 48 + number) * 97 % 221, json!({ "max_completion_tokens": 1_000 }))
                })
                .collect();
            for (reply, took) in all_at_once(&client, bodies).await {
                assert!(took < HOLD_WAIT + Duration::from_secs(5), "{took:?}");
                if reply.status != 200 {
                    reply.assert_openai_error(429);
                    refused.push(reply.code());
                    let used = reply.json()["error"]["quota"]["used"].as_i64().unwrap();
                    used_at_refusal = used_at_refusal.min(used);
                }
            }
        }
        assert!(!refused.is_empty() && refused.iter().all(|code| code == "quota_exceeded"), "{refused:?}");
        assert!(used_at_refusal >= 9_500, "{used_at_refusal} of 10,000 were used before the first refusal");
        let used = stage.balance(caller, "tokens", "month").await.used;
        assert!(used <= 10_000, "{used} of 10,000 were used");
        stage.assert_billed_as_by(&sim).await;
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_that_ask_for_far_more_than_they_use_are_answered_one_after_the_other() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let (caller, client) = gateway.customer(stage, 8_000).await;
        let one = all_at_once(&client, vec![asking(200, json!({ "max_completion_tokens": 128_000 }))]).await;
        assert_eq!(one[0].0.status, 200);
        let each = stage.balance(caller, "tokens", "month").await.used;
        let affordable = usize::try_from(8_000 / each).unwrap();
        let bodies =
            (1..affordable).map(|_| asking(200, json!({ "max_completion_tokens": 128_000 }))).collect();
        let replies = all_at_once(&client, bodies).await;
        let answered = 1 + replies.iter().filter(|(reply, _)| reply.status == 200).count();
        assert!(answered * 100 >= affordable * 95, "{answered} of {affordable} were answered");
        assert!(stage.balance(caller, "tokens", "month").await.used <= 8_000);
        gateway.stop().await;
    })
    .await;
}
