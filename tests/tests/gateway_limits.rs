//! At the limit: refused in OpenAI's words before anything is sent, clamped so that it cannot be passed.

use octroi_tests::cast::Caller;
use octroi_tests::client::{Client, Reply, chat};
use octroi_tests::gateway::{Gateway, provider};
use octroi_tests::stage::{Stage, play};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::task::JoinSet;

const CHAT: &str = "/v1/chat/completions";

async fn customer(stage: &Stage, gateway: &Gateway, tokens: i64) -> (Caller, Client) {
    let caller = stage.sign_up_with(&[("account", "", "tokens", "month", tokens, 0)]).await;
    let key = stage.make_key(caller, json!([])).await;
    (caller, gateway.client.with(&key.secret))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_refusal_says_whose_limit_how_much_until_when_and_where_to_upgrade() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let pages = json!({ "upgrade_url": "https://example.com/plans", "top_up_url": "https://example.com/packs" });
        let set = sqlx::query("select octroi_private.set_billing_settings($1)").bind(&pages);
        set.execute(&stage.pool).await.unwrap();
        let (caller, client) = customer(stage, &gateway, 70).await;
        assert_eq!(client.post(CHAT, &chat(json!({ "max_completion_tokens": 20 }))).await.status, 200);
        let used = stage.balance(caller, "tokens", "month").await.used;
        let before = sim.requests().len();

        let reply = client.post(CHAT, &chat(json!({}))).await;
        assert_eq!(sim.requests().len(), before, "nothing is sent upstream");
        reply.assert_openai_error(429);
        let body = reply.json();
        let error = &body["error"];
        assert_eq!((error["type"].as_str(), error["code"].as_str()), (Some("insufficient_quota"), Some("quota_exceeded")));
        assert!(error["message"].as_str().unwrap().starts_with(
            "You exceeded your current quota, please check your plan and billing details. This account's limit of 70 tokens a month"
        ));
        let quota = &error["quota"];
        assert_eq!(quota["limit"], 70);
        assert_eq!((&quota["used"], &quota["reserved"], &quota["remaining"]), (&json!(used), &json!(0), &json!(70 - used)));
        assert_eq!((&quota["unit"], &quota["scope"]), (&json!("tokens"), &json!("account")));
        assert_eq!((&quota["upgrade_url"], &quota["topup_url"]), (&pages["upgrade_url"], &pages["top_up_url"]));
        assert!(error["message"].as_str().unwrap().ends_with(" Get more at https://example.com/plans. A shorter input needs less."));
        let at = |name: &str| OffsetDateTime::parse(quota[name].as_str().unwrap(), &Rfc3339).unwrap();
        let left = (at("period_end") - OffsetDateTime::now_utc()).whole_seconds();
        assert!(left > 60 && reply.header("retry-after").is_none(), "no client is to sleep for {left} s");
        assert_eq!(reply.header("x-quota-reset"), quota["period_end"].as_str());
        assert!(at("period_start") <= OffsetDateTime::now_utc());
        assert_eq!(reply.header("x-should-retry"), Some("false"));
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_clamped_to_what_is_left_and_never_passes_it() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let (caller, client) = customer(stage, &gateway, 200).await;
        let text = "Tell me a long story. [[output_tokens=5000]]";
        let body = chat(json!({ "messages": [{ "role": "user", "content": text }] }));
        let reply = client.post(CHAT, &body).await;
        assert_eq!(
            (reply.status.as_u16(), reply.json()["choices"][0]["finish_reason"].as_str()),
            (200, Some("length"))
        );
        let limit = sim.requests()[0].json()["max_completion_tokens"].as_i64().unwrap();
        assert!((16..200).contains(&limit), "{limit}");
        assert_eq!(
            reply.header("x-quota-remaining"),
            Some((200 - stage.balance(caller, "tokens", "month").await.used).to_string().as_str())
        );
        assert_eq!(reply.header("x-ratelimit-limit-tokens"), Some("200"));
        while client.post(CHAT, &body).await.status == 200 {}
        let balance = stage.balance(caller, "tokens", "month").await;
        assert!(balance.used <= 200 && balance.reserved == 0, "{balance:?}");
        stage.assert_billed_as_by(&sim).await;
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_at_the_limit_gets_exactly_what_is_left() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let (caller, client) = customer(stage, &gateway, 2_000).await;
        let mut clients = JoinSet::new();
        for _ in 0..48 {
            let client = client.clone();
            clients.spawn(async move {
                let text = "Long. [[output_tokens=900]]";
                let body = chat(json!({ "max_completion_tokens": 150, "messages": [{ "role": "user", "content": text }] }));
                client.post(CHAT, &body).await
            });
        }
        let replies: Vec<Reply> = clients.join_all().await;
        let served = replies.iter().filter(|reply| reply.status == 200).count();
        replies.iter().filter(|reply| reply.status != 200).for_each(|reply| reply.assert_openai_error(429));
        assert!(served > 0 && served < replies.len(), "{served} of {}", replies.len());
        assert_eq!(sim.totals().requests, served as u64);
        assert!(stage.balance(caller, "tokens", "month").await.used <= 2_000);
        stage.assert_billed_as_by(&sim).await;
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_limit_has_its_own_code() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        for (limit, code) in [
            (("member", "", "requests", "day", 0, 0), "member_budget_reached"),
            (("api_key", "", "tokens", "month", 0, 0), "key_budget_reached"),
            (("model", "gpt-5.4-mini", "tokens", "month", 0, 0), "model_budget_reached"),
            (("account", "", "cost", "month", 0, 0), "spend_cap_reached"),
            (("account", "", "tokens", "lifetime", 0, 0), "quota_exceeded"),
        ] {
            let caller = stage.sign_up_with(&[limit]).await;
            let client = gateway.client.with(&stage.make_key(caller, json!([])).await.secret);
            let reply = client.post(CHAT, &chat(json!({}))).await;
            reply.assert_openai_error(429);
            assert_eq!(reply.code(), code);
            assert_eq!(reply.header("x-should-retry"), Some("false"));
            let never_resets = limit.3 == "lifetime";
            assert_eq!(reply.header("x-quota-reset").is_none(), never_resets, "{reply:?}");
            assert_eq!(reply.json()["error"]["quota"]["period_end"].is_null(), never_resets);
        }
        assert!(sim.requests().is_empty());
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_call_again_under_its_key_is_answered_from_the_books() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let (caller, client) = customer(stage, &gateway, 10_000).await;
        for stream in [false, true] {
            let (key, body) = (format!("order-{stream}"), chat(json!({ "stream": stream })));
            let first = client.post_keyed(CHAT, &body, &key).await;
            assert_eq!(first.status, 200);
            let (used, sent) = (stage.balance(caller, "tokens", "month").await.used, sim.requests().len());
            for _ in 0..3 {
                let again = client.post_keyed(CHAT, &body, &key).await;
                assert_eq!(
                    (again.status, &again.body, again.usage_id()),
                    (first.status, &first.body, first.usage_id())
                );
                assert_eq!(again.header("content-type"), first.header("content-type"));
                assert_eq!(again.header("idempotent-replayed"), Some("true"));
            }
            let other = client.post_keyed(CHAT, &chat(json!({ "stream": stream, "seed": 7 })), &key).await;
            other.assert_openai_error(409);
            assert_eq!(other.json()["error"]["type"], "idempotency_error");
            assert_eq!(other.header("x-should-retry"), Some("false"));
            assert_eq!(
                (stage.balance(caller, "tokens", "month").await.used, sim.requests().len()),
                (used, sent)
            );
        }
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_in_flight_is_not_sent_twice() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let (_, client) = customer(stage, &gateway, 10_000).await;
        sim.fault(octroi_sim::openai::FaultKind::StallBeforeHeaders { for_ms: None }).unwrap();
        let (first, body) = (client.clone(), chat(json!({})));
        let call = tokio::spawn(async move { first.post_keyed(CHAT, &chat(json!({})), "same").await });
        sim.held(1).await.unwrap();
        let twin = client.post_keyed(CHAT, &body, "same").await;
        twin.assert_openai_error(409);
        assert_eq!(twin.code(), "request_in_progress");
        assert!(twin.header("retry-after").is_some());
        sim.release();
        assert_eq!(call.await.unwrap().status, 200);
        assert_eq!(client.post_keyed(CHAT, &body, "same").await.header("idempotent-replayed"), Some("true"));
        assert_eq!(sim.totals().requests, 1);
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_call_may_be_made_again_under_its_key() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let (caller, client) = customer(stage, &gateway, 5).await;
        let body = chat(json!({ "max_completion_tokens": 20 }));
        client.post_keyed(CHAT, &body, "later").await.assert_openai_error(429);
        stage.grant(caller, "top_up", 1_000, None).await;
        assert_eq!(client.post_keyed(CHAT, &body, "later").await.status, 200);
        sim.fault(octroi_sim::openai::FaultKind::Status {
            status: 500,
            code: None,
            retry_after_seconds: None,
        })
        .unwrap();
        assert_eq!(client.post_keyed(CHAT, &body, "broken").await.status, 503);
        assert_eq!(client.post_keyed(CHAT, &body, "broken").await.status, 200);
        gateway.stop().await;
    })
    .await;
}
