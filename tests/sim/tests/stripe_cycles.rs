//! Billing cycles: what is billed when, what becomes of it, and how it ends.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod stripe_support;

use octroi_sim::stripe::{Advance, AfterRetries, Behaviour, InvoiceBooks, Settings};
use serde_json::json;
use stripe_billing::BillingMeterEvent;
use stripe_shared::{Invoice, InvoiceStatus, Subscription, SubscriptionStatus};
use stripe_support::{DAY, HOUR, JANUARY_31, Nothing, Shop, delete, get, post};
use stripe_types::List;

/// 29 February and 31 March, where months from 31 January end.
const FEBRUARY_29: i64 = JANUARY_31 + 29 * DAY;
const MARCH_31: i64 = JANUARY_31 + 60 * DAY;

fn last_invoice(shop: &Shop) -> InvoiceBooks {
    shop.sim.books().invoices.pop().unwrap()
}

async fn draft(shop: &Shop, subscription: &Subscription) -> Invoice {
    let form = json!({ "subscription": subscription.id.as_str(), "status": "draft" });
    let mut drafts: List<Invoice> = get(&shop.client, "/invoices", form).ok().await;
    assert_eq!(drafts.data.len(), 1);
    drafts.data.remove(0)
}

#[tokio::test]
async fn a_month_ends_with_an_hour_in_which_late_usage_still_counts() {
    let shop = Shop::open().await;
    let (ada, subscription) = shop.subscriber(&[&shop.monthly, &shop.overage]).await;
    shop.usage(&ada, "a", 1_000, JANUARY_31 + 60).ok::<BillingMeterEvent>().await;
    let stop =
        shop.sim.advance(Advance { to: Some(MARCH_31), step: true, ..Advance::default() }).await.unwrap();
    assert_eq!(
        (stop.clock.now, stop.reached),
        (FEBRUARY_29, false),
        "the clock stops where something happens"
    );
    let invoice = draft(&shop, &subscription).await;
    assert_eq!((invoice.total, invoice.automatically_finalizes_at), (902, Some(FEBRUARY_29 + HOUR)));
    shop.usage(&ada, "late", 1, FEBRUARY_29 - 1).ok::<BillingMeterEvent>().await;
    shop.usage(&ada, "next period", 5_000, FEBRUARY_29).ok::<BillingMeterEvent>().await;
    assert_eq!(draft(&shop, &subscription).await.total, 904);
    shop.go_to(FEBRUARY_29 + HOUR).await;
    let books = last_invoice(&shop);
    assert_eq!((books.status, books.paid, books.billing_reason), ("paid", 904, "subscription_cycle"));
    let usage = books.lines.iter().find(|line| line.metered).unwrap();
    assert_eq!((usage.quantity, usage.start, usage.end), (1_001, JANUARY_31, FEBRUARY_29));
    shop.usage(&ada, "too late", 9, FEBRUARY_29 - 1).ok::<BillingMeterEvent>().await;
    shop.go_to(MARCH_31 + HOUR).await;
    let usage = last_invoice(&shop).lines.into_iter().find(|line| line.metered).unwrap();
    assert_eq!(
        (usage.quantity, usage.end),
        (5_000, MARCH_31),
        "the 31st comes back, what came too late does not"
    );
}

#[tokio::test]
async fn a_draft_that_is_held_waits_for_ever_and_goes_on_when_told() {
    let shop = Shop::open().await;
    let (_, subscription) = shop.subscriber(&[&shop.monthly]).await;
    shop.go_to(FEBRUARY_29).await;
    let id = draft(&shop, &subscription).await.id.unwrap();
    let path = format!("/invoices/{id}");
    post(&shop.client, &path, json!({ "auto_advance": false })).ok::<Invoice>().await;
    shop.go_to(FEBRUARY_29 + 10 * DAY).await;
    assert_eq!(draft(&shop, &subscription).await.id.unwrap(), id);
    post(&shop.client, &path, json!({ "auto_advance": true })).ok::<Invoice>().await;
    shop.go_to(FEBRUARY_29 + 10 * DAY + HOUR).await;
    assert_eq!(last_invoice(&shop).status, "paid");
    let refused = post(&shop.client, &format!("{path}/finalize"), json!({})).refusal().await;
    assert_eq!((refused.0, refused.1.as_str()), (400, "invoice_not_editable"));
}

#[tokio::test]
async fn a_yearly_plan_bills_its_overage_every_month() {
    let shop = Shop::open().await;
    let (ada, subscription) = shop.subscriber(&[&shop.yearly, &shop.overage]).await;
    let ends: Vec<i64> = subscription.items.data.iter().map(|item| item.current_period_end).collect();
    assert_eq!(ends, [JANUARY_31 + 366 * DAY, FEBRUARY_29]);
    shop.usage(&ada, "a", 10_000, JANUARY_31 + 60).ok::<BillingMeterEvent>().await;
    shop.go_to(FEBRUARY_29 + HOUR).await;
    let books = last_invoice(&shop);
    assert_eq!((books.total, books.lines.len()), (20, 1), "the year is paid, the month's usage is due");
    shop.go_to(JANUARY_31 + 366 * DAY + HOUR).await;
    assert_eq!(shop.sim.books().invoices.len(), 13, "the first one and twelve months");
    let books = last_invoice(&shop);
    assert_eq!((books.total, books.lines.len()), (9_000, 2), "month and year end together");
    let renewed = shop.subscription(subscription.id.as_str()).await;
    assert_eq!(renewed.items.data[0].current_period_start, JANUARY_31 + 366 * DAY);
}

#[tokio::test]
async fn the_end_of_a_mixed_subscription_s_period_is_the_first_of_its_items() {
    let shop = Shop::open().await;
    let (_, subscription) = shop.subscriber(&[&shop.yearly, &shop.overage]).await;
    let path = format!("/subscriptions/{}", subscription.id);
    let ends: Subscription = post(&shop.client, &path, json!({ "cancel_at_period_end": true })).ok().await;
    assert_eq!(ends.cancel_at, Some(FEBRUARY_29));
    post(&shop.client, &path, json!({ "cancel_at_period_end": false })).ok::<Subscription>().await;
    let ends: Subscription = post(&shop.client, &path, json!({ "cancel_at": "max_period_end" })).ok().await;
    assert_eq!(ends.cancel_at, Some(JANUARY_31 + 366 * DAY));
}

#[tokio::test]
async fn cancelled_at_its_end_a_subscription_bills_its_last_usage() {
    let shop = Shop::open().await;
    let (ada, subscription) = shop.subscriber(&[&shop.monthly, &shop.overage]).await;
    let path = format!("/subscriptions/{}", subscription.id);
    post(&shop.client, &path, json!({ "cancel_at_period_end": true })).ok::<Subscription>().await;
    shop.usage(&ada, "a", 2_500, JANUARY_31 + 60).ok::<BillingMeterEvent>().await;
    shop.go_to(FEBRUARY_29).await;
    let ended = shop.subscription(subscription.id.as_str()).await;
    assert_eq!((ended.status, ended.ended_at), (SubscriptionStatus::Canceled, Some(FEBRUARY_29)));
    assert_eq!((last_invoice(&shop).status, last_invoice(&shop).total), ("draft", 6));
    shop.go_to(MARCH_31).await;
    assert_eq!(
        (last_invoice(&shop).status, shop.sim.books().invoices.len()),
        ("paid", 2),
        "and nothing follows"
    );
}

#[tokio::test]
async fn cancelled_at_once_a_subscription_bills_its_usage_only_if_asked_to() {
    for (invoice_now, invoices) in [(true, 2), (false, 1)] {
        let shop = Shop::open().await;
        let (ada, subscription) = shop.subscriber(&[&shop.monthly, &shop.overage]).await;
        shop.usage(&ada, "a", 2_500, JANUARY_31 + 1).ok::<BillingMeterEvent>().await;
        shop.go_to(JANUARY_31 + DAY).await;
        let form = json!({ "invoice_now": invoice_now });
        let path = format!("/subscriptions/{}", subscription.id);
        let ended: Subscription = delete(&shop.client, &path, form.clone()).ok().await;
        assert_eq!(ended.status, SubscriptionStatus::Canceled);
        shop.go_to(JANUARY_31 + 2 * DAY).await;
        assert_eq!(shop.sim.books().invoices.len(), invoices);
        assert_eq!(delete(&shop.client, &path, form).refusal().await.0, 404);
    }
}

#[tokio::test]
async fn a_renewal_that_fails_is_tried_again_and_paid_late() {
    let shop = Shop::open().await;
    let (ada, subscription) = shop.subscriber(&[&shop.monthly]).await;
    let id = subscription.id.as_str();
    fall_behind(&shop, ada.id.as_str(), id).await;
    shop.go_to(FEBRUARY_29 + HOUR).await;
    assert_eq!(shop.subscription(id).await.status, SubscriptionStatus::PastDue);
    shop.sim.set_payment_method(ada.id.as_str(), Behaviour::Pays).unwrap();
    shop.go_to(FEBRUARY_29 + HOUR + 3 * DAY).await;
    assert_eq!(shop.subscription(id).await.status, SubscriptionStatus::Active);
    assert_eq!(last_invoice(&shop).status, "paid");
}

/// The customer's only method declines from now on.
async fn fall_behind(shop: &Shop, customer: &str, subscription: &str) {
    shop.sim.set_payment_method(customer, Behaviour::Declines).unwrap();
    let without = json!({ "default_payment_method": "" });
    post(&shop.client, &format!("/subscriptions/{subscription}"), without).ok::<Subscription>().await;
}

#[tokio::test]
async fn what_follows_the_last_try_is_the_account_s_choice() {
    let choices = [
        (AfterRetries::Cancel, SubscriptionStatus::Canceled),
        (AfterRetries::Unpaid, SubscriptionStatus::Unpaid),
        (AfterRetries::PastDue, SubscriptionStatus::PastDue),
    ];
    for (after_payment_retries, status) in choices {
        let shop = Shop::open().await;
        shop.sim.set(Settings { after_payment_retries, ..Settings::default() });
        let (ada, subscription) = shop.subscriber(&[&shop.monthly]).await;
        fall_behind(&shop, ada.id.as_str(), subscription.id.as_str()).await;
        shop.go_to(FEBRUARY_29 + HOUR + 15 * DAY).await;
        assert_eq!(shop.subscription(subscription.id.as_str()).await.status, status);
        shop.go_to(MARCH_31 + HOUR).await;
        let expected = if status == SubscriptionStatus::Unpaid { "draft" } else { "open" };
        assert_eq!(last_invoice(&shop).status, expected, "{after_payment_retries:?}");
    }
}

#[tokio::test]
async fn a_trial_costs_nothing_until_it_ends() {
    let shop = Shop::open().await;
    let ada = stripe_support::customer(&shop.client).await;
    shop.sim.set_payment_method(ada.id.as_str(), Behaviour::Pays).unwrap();
    let form = json!({
        "customer": ada.id.as_str(),
        "items": [{ "price": shop.monthly.id.as_str() }, { "price": shop.overage.id.as_str() }],
        "trial_period_days": 14,
    });
    let subscription: Subscription = post(&shop.client, "/subscriptions", form).ok().await;
    assert_eq!((subscription.status, last_invoice(&shop).total), (SubscriptionStatus::Trialing, 0));
    shop.usage(&ada, "free", 50_000, JANUARY_31 + 1).ok::<BillingMeterEvent>().await;
    shop.go_to(JANUARY_31 + 14 * DAY + HOUR).await;
    let subscription = shop.subscription(subscription.id.as_str()).await;
    assert_eq!(subscription.status, SubscriptionStatus::Active);
    assert_eq!((last_invoice(&shop).total, last_invoice(&shop).status), (900, "paid"));
    assert_eq!(subscription.items.data[0].current_period_start, JANUARY_31 + 14 * DAY);
}

#[tokio::test]
async fn a_trial_without_a_payment_method_can_end_in_a_pause() {
    let shop = Shop::open().await;
    let ada = stripe_support::customer(&shop.client).await;
    let form = json!({
        "customer": ada.id.as_str(),
        "items": [{ "price": shop.monthly.id.as_str() }],
        "trial_period_days": 14,
        "trial_settings": { "end_behavior": { "missing_payment_method": "pause" } },
    });
    let subscription: Subscription = post(&shop.client, "/subscriptions", form).ok().await;
    shop.go_to(JANUARY_31 + 30 * DAY).await;
    assert_eq!(shop.subscription(subscription.id.as_str()).await.status, SubscriptionStatus::Paused);
    shop.sim.set_payment_method(ada.id.as_str(), Behaviour::Pays).unwrap();
    let path = format!("/subscriptions/{}/resume", subscription.id);
    let resumed: Subscription = post(&shop.client, &path, json!({})).ok().await;
    assert_eq!((resumed.status, last_invoice(&shop).total), (SubscriptionStatus::Active, 900));
}

#[tokio::test]
async fn a_first_invoice_that_nobody_pays_expires_within_a_day() {
    let shop = Shop::open().await;
    let ada = stripe_support::customer(&shop.client).await;
    shop.sim.set_payment_method(ada.id.as_str(), Behaviour::InsufficientFunds).unwrap();
    let form = json!({ "customer": ada.id.as_str(), "items": [{ "price": shop.monthly.id.as_str() }] });
    let subscription: Subscription = post(&shop.client, "/subscriptions", form.clone()).ok().await;
    assert_eq!(subscription.status, SubscriptionStatus::Incomplete);
    shop.go_to(JANUARY_31 + 23 * HOUR).await;
    let expired = shop.subscription(subscription.id.as_str()).await;
    assert_eq!((expired.status, last_invoice(&shop).status), (SubscriptionStatus::IncompleteExpired, "void"));
    let mut strict = form;
    strict["payment_behavior"] = json!("error_if_incomplete");
    let (status, code, _) = post(&shop.client, "/subscriptions", strict).refusal().await;
    assert_eq!((status, code.as_str()), (402, "card_declined"));
}

#[tokio::test]
async fn a_pause_of_the_collection_keeps_the_drafts_and_ends_when_it_was_to() {
    let shop = Shop::open().await;
    let (_, subscription) = shop.subscriber(&[&shop.monthly]).await;
    let pause = json!({ "pause_collection": { "behavior": "keep_as_draft", "resumes_at": MARCH_31 - DAY } });
    let path = format!("/subscriptions/{}", subscription.id);
    let paused: Subscription = post(&shop.client, &path, pause).ok().await;
    assert_eq!((paused.status, paused.pause_collection.is_some()), (SubscriptionStatus::Active, true));
    shop.go_to(FEBRUARY_29 + DAY).await;
    assert_eq!((last_invoice(&shop).status, last_invoice(&shop).auto_advance), ("draft", false));
    shop.go_to(MARCH_31 + HOUR).await;
    assert_eq!(last_invoice(&shop).status, "paid");
    assert!(shop.subscription(subscription.id.as_str()).await.pause_collection.is_none());
}

#[tokio::test]
async fn an_open_invoice_can_be_voided_or_written_off_and_each_only_once() {
    let shop = Shop::open().await;
    let (ada, subscription) = shop.subscriber(&[&shop.monthly]).await;
    fall_behind(&shop, ada.id.as_str(), subscription.id.as_str()).await;
    shop.go_to(FEBRUARY_29 + HOUR).await;
    let path = format!("/invoices/{}", last_invoice(&shop).invoice);
    let gone: Invoice = post(&shop.client, &format!("{path}/mark_uncollectible"), json!({})).ok().await;
    assert_eq!(gone.status, Some(InvoiceStatus::Uncollectible));
    let gone: Invoice = post(&shop.client, &format!("{path}/void"), json!({})).ok().await;
    assert_eq!(gone.status, Some(InvoiceStatus::Void));
    assert_eq!(post(&shop.client, &format!("{path}/void"), json!({})).refusal().await.0, 400);
    assert_eq!(post(&shop.client, &format!("{path}/pay"), json!({})).refusal().await.0, 400);
    assert_eq!(delete(&shop.client, &path, json!({})).refusal().await.0, 400);
    assert_eq!(shop.subscription(subscription.id.as_str()).await.status, SubscriptionStatus::Active);
}

#[tokio::test]
async fn a_deleted_customer_s_subscriptions_end_at_once() {
    let shop = Shop::open().await;
    let (ada, subscription) = shop.subscriber(&[&shop.monthly]).await;
    let path = format!("/customers/{}", ada.id);
    delete(&shop.client, &path, json!({})).ok::<Nothing>().await;
    assert_eq!(shop.subscription(subscription.id.as_str()).await.status, SubscriptionStatus::Canceled);
    let form = json!({ "customer": ada.id.as_str(), "items": [{ "price": shop.monthly.id.as_str() }] });
    assert_eq!(post(&shop.client, "/subscriptions", form).refusal().await.1, "resource_missing");
}
