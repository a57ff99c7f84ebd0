//! Webhooks: signed, repeated, reordered, lost, and found again.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod stripe_support;

use octroi_sim::stripe::{
    DeliveryState, Options, Order, Settings, WebhookFault, WebhookFaultKind, WebhookMatch, Webhooks,
};
use serde_json::json;
use stripe_billing::BillingMeterEvent;
use stripe_shared::{Event, Invoice, InvoiceStatus};
use stripe_support::receiver::Receiver;
use stripe_support::{DAY, HOUR, JANUARY_31, Shop, customer, get};
use stripe_types::List;
use stripe_webhook::{Webhook, WebhookError};

const FEBRUARY_29: i64 = JANUARY_31 + 29 * DAY;
const SECRET: &str = "whsec_in_force";
const ROLLED: &str = "whsec_before";

fn telling(receiver: &Receiver) -> Options {
    Options {
        webhook_url: Some(receiver.url.clone()),
        webhook_secrets: vec![SECRET.to_owned()],
        // One at a time, so that a test can say what came when.
        settings: Settings { webhook_concurrency: 1, ..Settings::default() },
        ..Options::default()
    }
}

async fn open(receiver: &Receiver) -> Shop {
    let shop = Shop::open_with(telling(receiver)).await;
    shop.sim.delivered().await.unwrap();
    shop
}

async fn undelivered(shop: &Shop) -> Vec<String> {
    let form = json!({ "delivery_success": false, "limit": 100 });
    let events: List<Event> = get(&shop.client, "/events", form).ok().await;
    events.data.iter().map(|event| event.type_.to_string()).collect()
}

#[tokio::test]
async fn every_event_arrives_signed_with_every_secret_in_force() {
    let receiver = Receiver::open().await;
    let shop = open(&receiver).await;
    shop.sim.set_webhook_secrets(&[SECRET.to_owned(), ROLLED.to_owned()]);
    customer(&shop.client).await;
    shop.sim.delivered().await.unwrap();
    let last = receiver.arrived().pop().unwrap();
    assert_eq!(last.event()["type"], "customer.created");
    for secret in [SECRET, ROLLED] {
        Webhook::construct_event(&last.body, &last.signature, secret).unwrap();
    }
    let stranger = Webhook::construct_event(&last.body, &last.signature, "whsec_nobody");
    assert!(matches!(stranger, Err(WebhookError::BadSignature)));
    assert_eq!(undelivered(&shop).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_is_not_taken_comes_again_on_stripe_s_schedule() {
    let receiver = Receiver::open().await;
    let shop = open(&receiver).await;
    receiver.answer(&[500, 302]);
    customer(&shop.client).await;
    shop.sim.delivered().await.unwrap();
    assert_eq!(undelivered(&shop).await, ["customer.created"]);
    shop.go_to(JANUARY_31 + 300).await;
    shop.go_to(JANUARY_31 + 300 + 1_800).await;
    let arrived = receiver.arrived();
    let ids: Vec<_> = arrived.iter().rev().take(3).map(|one| one.event()["id"].clone()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "the same event three times");
    assert_eq!(undelivered(&shop).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_delivery_that_is_never_taken_is_given_up_after_three_days() {
    let receiver = Receiver::open().await;
    let shop = open(&receiver).await;
    receiver.answer(&[500; 20]);
    customer(&shop.client).await;
    shop.sim.delivered().await.unwrap();
    shop.go_to(JANUARY_31 + 4 * DAY).await;
    let last = shop.sim.deliveries().pop().unwrap();
    assert_eq!((last.state, last.attempts, last.status), (DeliveryState::GivenUp, 10, Some(500)));
    assert_eq!(undelivered(&shop).await, ["customer.created"]);
}

#[tokio::test]
async fn held_webhooks_go_in_any_order_and_as_often_as_told() {
    let receiver = Receiver::open().await;
    let shop = open(&receiver).await;
    let before = receiver.arrived().len();
    shop.sim.set(Settings { webhooks: Webhooks::Hold, ..shop.sim.settings() });
    let (ada, bob) = (customer(&shop.client).await, customer(&shop.client).await);
    shop.sim.delivered().await.unwrap();
    assert_eq!(receiver.arrived().len(), before);
    assert_eq!(shop.sim.release_webhooks(&Order::Reversed, 1), 2);
    shop.sim.delivered().await.unwrap();
    let names: Vec<_> =
        receiver.arrived()[before..].iter().map(|one| one.event()["data"]["object"]["id"].clone()).collect();
    let (ada, bob) = (json!(ada.id.as_str()), json!(bob.id.as_str()));
    assert_eq!(names, [bob.clone(), ada.clone(), bob, ada]);
}

#[tokio::test]
async fn events_of_one_second_are_told_apart_by_nothing_but_their_ids() {
    let receiver = Receiver::open().await;
    let shop = open(&receiver).await;
    shop.subscriber(&[&shop.monthly]).await;
    shop.sim.delivered().await.unwrap();
    let moments: Vec<_> = receiver.arrived().iter().map(|one| one.event()["created"].clone()).collect();
    assert!(moments.len() > 10 && moments.iter().rev().take(10).all(|at| *at == json!(JANUARY_31)));
}

#[tokio::test]
async fn faults_drop_delay_double_and_forge_the_deliveries_they_are_meant_for() {
    let receiver = Receiver::open().await;
    let shop = open(&receiver).await;
    let before = receiver.arrived().len();
    let of = |kind: &str, fault| {
        WebhookFault::from(fault).on(WebhookMatch { kind: Some(kind.to_owned()), endpoint: None })
    };
    let faults = [
        of("invoice.created", WebhookFaultKind::Drop),
        of("invoice.paid", WebhookFaultKind::Duplicate { copies: 2 }),
        of("customer.subscription.*", WebhookFaultKind::ForgedSignature),
        of("charge.succeeded", WebhookFaultKind::StaleSignature { seconds: 301 }),
        of("customer.created", WebhookFaultKind::Delay { ms: 50 }),
    ];
    for fault in faults {
        shop.sim.webhook_fault(fault).unwrap();
    }
    shop.subscriber(&[&shop.monthly]).await;
    shop.sim.delivered().await.unwrap();
    let arrived = &receiver.arrived()[before..];
    let of_kind = |kind: &str| arrived.iter().filter(|one| one.event()["type"] == kind).collect::<Vec<_>>();
    assert_eq!(of_kind("invoice.created").len(), 0);
    assert_eq!(of_kind("invoice.paid").len(), 3);
    let check = |kind: &str| {
        let one = of_kind(kind)[0];
        Webhook::construct_event(&one.body, &one.signature, SECRET)
    };
    assert!(matches!(check("customer.subscription.created"), Err(WebhookError::BadSignature)));
    assert!(matches!(check("charge.succeeded"), Err(WebhookError::BadTimestamp(_))));
    assert!(check("customer.created").is_ok());
    assert_eq!(undelivered(&shop).await, ["invoice.created"]);
}

#[tokio::test]
async fn four_days_of_lost_webhooks_can_be_listed_and_sent_again() {
    let receiver = Receiver::open().await;
    let shop = open(&receiver).await;
    shop.sim.set(Settings { webhooks: Webhooks::Drop, ..shop.sim.settings() });
    let before = receiver.arrived().len();
    shop.subscriber(&[&shop.monthly]).await;
    shop.go_to(JANUARY_31 + 4 * DAY).await;
    assert_eq!(receiver.arrived().len(), before);
    let form = json!({ "delivery_success": false, "types": ["customer.subscription.*", "invoice.paid"] });
    let lost: List<Event> = get(&shop.client, "/events", form).ok().await;
    assert_eq!(lost.data.len(), 3, "created, updated, paid");
    shop.sim.set(Settings { webhooks: Webhooks::Send, ..shop.sim.settings() });
    for event in &lost.data {
        assert_eq!(shop.sim.resend(event.id.as_str()), 1);
    }
    shop.sim.delivered().await.unwrap();
    assert_eq!(receiver.arrived().len(), before + 3);
}

#[tokio::test]
async fn a_draft_s_hour_begins_when_its_webhook_is_taken() {
    let receiver = Receiver::open().await;
    let shop = open(&receiver).await;
    let (_, subscription) = shop.subscriber(&[&shop.monthly]).await;
    shop.sim.delivered().await.unwrap();
    shop.sim
        .webhook_fault(
            WebhookFault::from(WebhookFaultKind::Hold)
                .on(WebhookMatch { kind: Some("invoice.created".to_owned()), endpoint: None }),
        )
        .unwrap();
    shop.go_to(FEBRUARY_29 + 10 * HOUR).await;
    let form = json!({ "subscription": subscription.id.as_str(), "limit": 1 });
    let latest = async || -> Invoice {
        let mut list: List<Invoice> = get(&shop.client, "/invoices", form.clone()).ok().await;
        list.data.remove(0)
    };
    assert_eq!(latest().await.status, Some(InvoiceStatus::Draft), "Stripe waits for the endpoint");
    shop.sim.release_webhooks(&Order::AsHappened, 0);
    shop.sim.delivered().await.unwrap();
    shop.go_to(FEBRUARY_29 + 11 * HOUR - 1).await;
    assert_eq!(latest().await.status, Some(InvoiceStatus::Draft));
    shop.go_to(FEBRUARY_29 + 11 * HOUR).await;
    assert_eq!(latest().await.status, Some(InvoiceStatus::Paid));
}

#[tokio::test]
async fn a_draft_whose_webhook_is_never_taken_becomes_final_after_three_days() {
    let receiver = Receiver::open().await;
    let shop = open(&receiver).await;
    shop.subscriber(&[&shop.monthly]).await;
    shop.sim.set(Settings { webhooks: Webhooks::Drop, ..shop.sim.settings() });
    shop.go_to(FEBRUARY_29 + 72 * HOUR - 1).await;
    assert_eq!(shop.sim.books().invoices.pop().unwrap().status, "draft");
    shop.go_to(FEBRUARY_29 + 72 * HOUR).await;
    assert_eq!(shop.sim.books().invoices.pop().unwrap().status, "paid");
}

#[tokio::test]
async fn a_meter_s_errors_arrive_thin_and_are_fetched() {
    let receiver = Receiver::open().await;
    let shop = open(&receiver).await;
    let ada = customer(&shop.client).await;
    shop.usage(&ada, "u-1", 5, JANUARY_31).ok::<BillingMeterEvent>().await;
    shop.sim.reject_meter_event("u-1", "meter_event_customer_not_found").unwrap();
    shop.sim.delivered().await.unwrap();
    let thin = receiver.arrived().pop().unwrap().event();
    assert_eq!((&thin["object"], &thin["data"]), (&json!("v2.core.event"), &json!(null)));
    assert_eq!(thin["related_object"]["id"], shop.meter.id.as_str());
    let url = format!("{}/v2/core/events/{}", shop.sim.url, thin["id"].as_str().unwrap());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let whole = client.get(url).bearer_auth(stripe_support::KEY).send().await.unwrap();
    let whole: serde_json::Value = whole.json().await.unwrap();
    let sample = &whole["data"]["reason"]["error_types"][0]["sample_errors"][0];
    assert_eq!(sample["request"]["identifier"], "u-1");
    assert!(receiver.kinds().contains(&"customer.created".to_owned()));
}
