//! How requests are let in, repeated, refused and lost.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod stripe_support;

use octroi_sim::stripe::{Advance, Fault, FaultKind, FaultMatch, Handle};
use reqwest::StatusCode;
use serde_json::{Value, json};
use stripe::StripeError;
use stripe_shared::Customer;
use stripe_support::{DAY, KEY, Nothing, customer, get, post, start};
use stripe_types::List;

fn named(email: &str) -> Value {
    json!({ "email": email })
}

fn on(endpoint: &str, kind: FaultKind) -> Fault {
    Fault::from(kind).on(FaultMatch { endpoint: Some(endpoint.to_owned()), ..FaultMatch::default() })
}

fn customers(sim: &Handle) -> usize {
    sim.books().customers.len()
}

#[tokio::test]
async fn only_the_key_and_the_pinned_version_are_let_in() {
    let (sim, _) = start().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = |key: Option<&str>, version: &str| {
        let request = client.get(format!("{}/v1/customers", sim.url)).header("stripe-version", version);
        match key {
            Some(key) => request.bearer_auth(key).send(),
            None => request.send(),
        }
    };
    assert_eq!(ask(None, "2026-09-30.endive").await.unwrap().status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        ask(Some("sk_test_other"), "2026-09-30.endive").await.unwrap().status(),
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(ask(Some(KEY), "2025-03-31.basil").await.unwrap().status(), StatusCode::BAD_REQUEST);
    let answer = ask(Some(KEY), "2026-09-30.endive").await.unwrap();
    assert_eq!(answer.headers()["stripe-version"], "2026-09-30.endive");
    assert!(answer.headers()["request-id"].to_str().unwrap().starts_with("req_"));
    let basic =
        client.get(format!("{}/v1/customers", sim.url)).basic_auth(KEY, Some("")).send().await.unwrap();
    assert_eq!(basic.status(), StatusCode::OK);
}

#[tokio::test]
async fn what_the_stand_in_does_not_know_is_refused_in_stripe_s_words() {
    let (_sim, client) = start().await;
    let refusal = async |path: &str, form: Value| post(&client, path, form).refusal().await;
    let (status, code, message) = refusal("/customers", json!({ "emial": "a" })).await;
    assert_eq!((status, code.as_str()), (400, "parameter_unknown"));
    assert_eq!(message, "Received unknown parameter: emial");
    assert_eq!(refusal("/products", json!({})).await.1, "parameter_missing");
    assert_eq!(refusal("/customers/cus_none", json!({ "name": "x" })).await.0, 404);
    assert_eq!(refusal("/tokens", json!({ "card": { "number": "4242424242424242" } })).await.0, 404);
    let (status, ..) = refusal("/customers", json!({ "email": "a@b.c", "expand": ["nothing"] })).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn lists_are_paged_both_ways() {
    let (_sim, client) = start().await;
    let mut made = Vec::new();
    for number in 0..5 {
        let one: Customer = post(&client, "/customers", named(&format!("{number}@example.com"))).ok().await;
        made.push(one.id.to_string());
    }
    let page = async |form: Value| -> (Vec<usize>, bool) {
        let page: List<Customer> = get(&client, "/customers", form).ok().await;
        let place = |one: &Customer| made.iter().position(|id| *id == one.id.as_str()).unwrap();
        (page.data.iter().map(place).collect(), page.has_more)
    };
    assert_eq!(page(json!({ "limit": 2 })).await, (vec![4, 3], true));
    assert_eq!(page(json!({ "limit": 2, "starting_after": made[3] })).await, (vec![2, 1], true));
    assert_eq!(page(json!({ "limit": 2, "starting_after": made[1] })).await, (vec![0], false));
    assert_eq!(page(json!({ "limit": 2, "ending_before": made[1] })).await, (vec![3, 2], true));
    assert_eq!(page(json!({ "limit": 9, "ending_before": made[2] })).await, (vec![4, 3], false));
}

#[tokio::test]
async fn a_repeated_key_gets_the_first_answer_for_a_day() {
    let (sim, client) = start().await;
    let first: Customer = post(&client, "/customers", named("a@example.com")).keyed("k").ok().await;
    let again: Customer = post(&client, "/customers", named("a@example.com")).keyed("k").ok().await;
    assert_eq!((first.id.as_str(), customers(&sim)), (again.id.as_str(), 1));
    let (status, _, message) = post(&client, "/customers", named("b@example.com")).keyed("k").refusal().await;
    assert_eq!(status, 400);
    assert!(message.starts_with("Keys for idempotent requests can only be used with the same parameters"));
    let elsewhere = post(&client, "/products", json!({ "name": "x" })).keyed("k").refusal().await;
    assert_eq!(elsewhere.0, 400);
    sim.advance(Advance { seconds: Some(DAY), ..Advance::default() }).await.unwrap();
    let later: Customer = post(&client, "/customers", named("b@example.com")).keyed("k").ok().await;
    assert_ne!(later.id, first.id);
}

#[tokio::test]
async fn a_refusal_of_the_parameters_does_not_use_the_key_up() {
    let (_sim, client) = start().await;
    post(&client, "/customers", json!({ "emial": "a" })).keyed("k").refusal().await;
    let _: Customer = post(&client, "/customers", named("a@example.com")).keyed("k").ok().await;
}

#[tokio::test]
async fn a_stored_500_comes_back_whether_or_not_anything_was_done() {
    let (sim, client) = start().await;
    for (kind, made) in [(FaultKind::ErrorAfterCommit, 1), (FaultKind::KeptError, 0)] {
        let before = customers(&sim);
        let key = format!("{kind:?}");
        sim.fault(on("customers.create", kind)).unwrap();
        for _ in 0..3 {
            let (status, ..) =
                post(&client, "/customers", named("a@example.com")).keyed(&key).refusal().await;
            assert_eq!(status, 500);
        }
        assert_eq!(customers(&sim) - before, made, "done once or not at all");
        let _: Customer =
            post(&client, "/customers", named("a@example.com")).keyed(&format!("{key}2")).ok().await;
    }
}

#[tokio::test]
async fn limits_and_locks_pass_without_using_the_key_up() {
    let (sim, client) = start().await;
    for (status, code) in [(429, "rate_limit"), (409, "lock_timeout"), (500, "")] {
        sim.fault(on("customers.*", FaultKind::Status { status, code: None, should_retry: Some(true) }))
            .unwrap();
        let key = format!("k{status}");
        let (got, named_code, _) =
            post(&client, "/customers", named("a@example.com")).keyed(&key).refusal().await;
        assert_eq!((got, named_code.as_str()), (status, code));
        let _: Customer = post(&client, "/customers", named("a@example.com")).keyed(&key).ok().await;
    }
}

#[tokio::test]
async fn a_key_is_in_use_while_its_request_runs() {
    let (sim, client) = start().await;
    sim.fault(FaultKind::Stall { committed: false, for_ms: None }).unwrap();
    let running = {
        let client = client.clone();
        tokio::spawn(async move {
            post(&client, "/customers", named("a@example.com")).keyed("k").ok::<Customer>().await
        })
    };
    sim.held(1).await.unwrap();
    let (status, code, _) = post(&client, "/customers", named("a@example.com")).keyed("k").refusal().await;
    assert_eq!((status, code.as_str()), (409, "idempotency_key_in_use"));
    sim.release();
    let made = running.await.unwrap();
    let again: Customer = post(&client, "/customers", named("a@example.com")).keyed("k").ok().await;
    assert_eq!(made.id, again.id);
}

#[tokio::test]
async fn whoever_gives_up_waiting_finds_what_was_done_under_the_key() {
    let (sim, client) = start().await;
    let lost = [
        FaultKind::Stall { committed: true, for_ms: Some(60_000) },
        FaultKind::HangUp { committed: true, reset: false },
        FaultKind::HangUp { committed: true, reset: true },
        FaultKind::CutAtByte { offset: 20 },
    ];
    for (number, kind) in lost.into_iter().enumerate() {
        sim.fault(kind).unwrap();
        let key = format!("k{number}");
        let ask = post(&client, "/customers", named("a@example.com")).keyed(&key);
        let answer =
            tokio::time::timeout(std::time::Duration::from_millis(300), ask.answer::<Nothing>()).await;
        assert!(!matches!(answer, Ok(Ok(_))), "no answer came");
        assert_eq!(customers(&sim), number + 1);
        let _: Customer = post(&client, "/customers", named("a@example.com")).keyed(&key).ok().await;
        assert_eq!(customers(&sim), number + 1, "the retry made nothing new");
    }
}

#[tokio::test]
async fn a_connection_that_ends_before_the_work_leaves_nothing() {
    let (sim, client) = start().await;
    for reset in [false, true] {
        sim.fault(FaultKind::HangUp { committed: false, reset }).unwrap();
        let answer = post(&client, "/customers", named("a@example.com")).keyed("k").answer::<Nothing>().await;
        assert!(matches!(answer, Err(StripeError::ClientError(_))), "{answer:?}");
    }
    sim.go_down().await.unwrap();
    assert!(post(&client, "/customers", named("a@example.com")).answer::<Nothing>().await.is_err());
    sim.come_back().await.unwrap();
    assert_eq!(customers(&sim), 0);
    customer(&client).await;
}

#[tokio::test]
async fn the_books_count_calls_and_the_requests_are_kept() {
    let (sim, client) = start().await;
    customer(&client).await;
    customer(&client).await;
    assert_eq!(sim.books().calls["customers.create"], 2);
    let request = &sim.requests()[0];
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/v1/customers"));
    assert_eq!(request.header("stripe-version"), Some("2026-09-30.endive"));
}
