//! Usage: what Stripe's meters take, when, and what they make of it.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod stripe_support;

use octroi_sim::stripe::{MeterEventState, Settings};
use serde_json::json;
use stripe_billing::{BillingMeterEvent, BillingMeterEventAdjustment, BillingMeterEventSummary};
use stripe_shared::Customer;
use stripe_support::{DAY, HOUR, JANUARY_31, Nothing, Shop, customer, get, post};
use stripe_types::List;

const MINUTE: i64 = 60;

async fn summaries(shop: &Shop, of: &Customer, window: Option<&str>) -> Vec<(i64, f64)> {
    let mut form = json!({ "customer": of.id.as_str(), "start_time": JANUARY_31 - DAY / 2, "end_time": JANUARY_31 + DAY / 2 });
    if let Some(window) = window {
        form["value_grouping_window"] = json!(window);
    }
    let path = format!("/billing/meters/{}/event_summaries", shop.meter.id);
    let listed: List<BillingMeterEventSummary> = get(&shop.client, &path, form).ok().await;
    listed.data.iter().map(|summary| (summary.start_time, summary.aggregated_value)).collect()
}

#[tokio::test]
async fn events_are_summed_raw_and_never_overwritten() {
    let shop = Shop::open().await;
    let ada = customer(&shop.client).await;
    for (identifier, value, at) in [("a", 5, 0), ("b", 7, 0), ("c", -2, MINUTE), ("d", 100, HOUR)] {
        shop.usage(&ada, identifier, value, JANUARY_31 - 2 * HOUR + at).ok::<BillingMeterEvent>().await;
    }
    assert_eq!(summaries(&shop, &ada, None).await, [(JANUARY_31 - DAY / 2, 110.0)]);
    let hours = [(JANUARY_31 - HOUR, 100.0), (JANUARY_31 - 2 * HOUR, 10.0)];
    assert_eq!(summaries(&shop, &ada, Some("hour")).await, hours, "newest first");
    let other = customer(&shop.client).await;
    assert_eq!(summaries(&shop, &other, None).await, []);
}

#[tokio::test]
async fn an_identifier_is_taken_once_a_day_and_counts_again_after_it() {
    let shop = Shop::open().await;
    let ada = customer(&shop.client).await;
    shop.usage(&ada, "a", 5, JANUARY_31).ok::<BillingMeterEvent>().await;
    shop.go_to(JANUARY_31 + DAY - 1).await;
    let (status, _, message) = shop.usage(&ada, "a", 5, JANUARY_31).refusal().await;
    assert_eq!((status, message.as_str()), (400, "An event already exists with identifier a."));
    shop.go_to(JANUARY_31 + DAY).await;
    shop.usage(&ada, "a", 5, JANUARY_31).ok::<BillingMeterEvent>().await;
    assert_eq!(shop.sim.books().meters[0].total, 10, "counted twice: Stripe has forgotten the first");
}

#[tokio::test]
async fn usage_is_neither_too_old_nor_ahead_nor_a_fraction_nor_anybody_s() {
    let shop = Shop::open().await;
    let ada = customer(&shop.client).await;
    for at in [JANUARY_31 - 35 * DAY, JANUARY_31 + 5 * MINUTE] {
        shop.usage(&ada, &format!("{at}"), 1, at).ok::<BillingMeterEvent>().await;
    }
    for at in [JANUARY_31 - 35 * DAY - 1, JANUARY_31 + 5 * MINUTE + 1] {
        assert_eq!(shop.usage(&ada, &format!("{at}"), 1, at).refusal().await.0, 400);
    }
    let event = async |name: &str, customer: &str, value: &str| {
        let payload = json!({ "stripe_customer_id": customer, "value": value });
        post(&shop.client, "/billing/meter_events", json!({ "event_name": name, "payload": payload }))
            .refusal()
            .await
            .0
    };
    assert_eq!(event("tokens", ada.id.as_str(), "1.5").await, 400);
    assert_eq!(event("tokens", "cus_none", "1").await, 400);
    assert_eq!(event("words", ada.id.as_str(), "1").await, 400);
    let long = "i".repeat(101);
    assert_eq!(shop.usage(&ada, &long, 1, JANUARY_31).refusal().await.0, 400);
    assert_eq!(shop.sim.meter_events().len(), 2);
}

#[tokio::test]
async fn two_calls_at_once_for_one_customer_and_meter_are_one_too_many() {
    let shop = Shop::open().await;
    shop.sim.set(Settings { meter_event_ms: 200, ..Settings::default() });
    let (ada, bob) = (customer(&shop.client).await, customer(&shop.client).await);
    let one = shop.usage(&ada, "a", 1, JANUARY_31).answer::<Nothing>();
    let two = shop.usage(&ada, "b", 1, JANUARY_31).answer::<Nothing>();
    let other = shop.usage(&bob, "c", 1, JANUARY_31).answer::<Nothing>();
    let (one, two, other) = tokio::join!(one, two, other);
    assert!(one.is_ok() != two.is_ok(), "one of them is refused");
    assert!(other.is_ok(), "another customer's meter is another matter");
    shop.usage(&ada, "d", 1, JANUARY_31).ok::<Nothing>().await;
}

#[tokio::test]
async fn an_event_can_be_cancelled_for_a_day() {
    let shop = Shop::open().await;
    let ada = customer(&shop.client).await;
    shop.usage(&ada, "a", 5, JANUARY_31).ok::<BillingMeterEvent>().await;
    shop.usage(&ada, "b", 7, JANUARY_31).ok::<BillingMeterEvent>().await;
    let cancel = |identifier: &str| {
        let form =
            json!({ "type": "cancel", "event_name": "tokens", "cancel": { "identifier": identifier } });
        post(&shop.client, "/billing/meter_event_adjustments", form)
    };
    cancel("a").ok::<BillingMeterEventAdjustment>().await;
    assert_eq!(cancel("a").refusal().await.0, 400);
    assert_eq!(shop.sim.books().meters[0].total, 7);
    shop.go_to(JANUARY_31 + DAY + 1).await;
    assert_eq!(cancel("b").refusal().await.0, 400);
}

#[tokio::test]
async fn accepted_is_not_yet_counted_while_stripe_lags_behind() {
    let shop = Shop::open().await;
    let ada = customer(&shop.client).await;
    shop.sim.set(Settings { hold_meter_events: true, ..Settings::default() });
    shop.usage(&ada, "a", 5, JANUARY_31).ok::<BillingMeterEvent>().await;
    assert_eq!(summaries(&shop, &ada, None).await, []);
    shop.sim.set(Settings::default());
    assert_eq!(summaries(&shop, &ada, None).await.len(), 1);
}

#[tokio::test]
async fn an_event_found_invalid_later_leaves_the_sums_and_is_reported_thinly() {
    let shop = Shop::open().await;
    let ada = customer(&shop.client).await;
    shop.usage(&ada, "a", 5, JANUARY_31).ok::<BillingMeterEvent>().await;
    shop.sim.reject_meter_event("a", "meter_event_customer_not_found").unwrap();
    assert_eq!(shop.sim.meter_events()[0].state, MeterEventState::Rejected);
    assert_eq!(summaries(&shop, &ada, None).await, []);
}

#[tokio::test]
async fn summaries_begin_and_end_on_whole_minutes() {
    let shop = Shop::open().await;
    let ada = customer(&shop.client).await;
    let path = format!("/billing/meters/{}/event_summaries", shop.meter.id);
    let ask = async |start: i64, end: i64| {
        let form = json!({ "customer": ada.id.as_str(), "start_time": start, "end_time": end });
        get(&shop.client, &path, form).answer::<List<BillingMeterEventSummary>>().await
    };
    assert!(ask(JANUARY_31, JANUARY_31 + MINUTE).await.is_ok());
    assert!(ask(JANUARY_31 + 1, JANUARY_31 + MINUTE).await.is_err());
    assert!(ask(JANUARY_31, JANUARY_31 + MINUTE - 1).await.is_err());
}

#[tokio::test]
async fn a_meter_s_event_name_is_its_own_until_it_is_deactivated() {
    let shop = Shop::open().await;
    let form = json!({ "display_name": "Again", "event_name": "tokens", "default_aggregation": { "formula": "sum" } });
    assert_eq!(post(&shop.client, "/billing/meters", form.clone()).refusal().await.0, 400);
    let path = format!("/billing/meters/{}/deactivate", shop.meter.id);
    post(&shop.client, &path, json!({})).ok::<Nothing>().await;
    let ada = customer(&shop.client).await;
    assert_eq!(shop.usage(&ada, "a", 1, JANUARY_31).refusal().await.0, 400);
    post(&shop.client, "/billing/meters", form).ok::<Nothing>().await;
}
