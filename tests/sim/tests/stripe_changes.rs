//! A subscription changes its price: at once, when it is paid, or from the next period on.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod stripe_support;

use octroi_sim::stripe::{Behaviour, InvoiceBooks};
use serde_json::{Value, json};
use stripe_billing::BillingMeterEvent;
use stripe_shared::{
    Customer, Price, Subscription, SubscriptionSchedule, SubscriptionScheduleStatus, SubscriptionStatus,
};
use stripe_support::{DAY, HOUR, JANUARY_31, Nothing, Shop, post};

const FEBRUARY_29: i64 = JANUARY_31 + 29 * DAY;
/// Half of the month that ends on 29 February.
const HALF: i64 = JANUARY_31 + 29 * DAY / 2;

fn last_invoice(shop: &Shop) -> InvoiceBooks {
    shop.sim.books().invoices.pop().unwrap()
}

fn to(subscription: &Subscription, price: &Price, more: Value) -> Value {
    let mut form =
        json!({ "items": [{ "id": subscription.items.data[0].id.as_str(), "price": price.id.as_str() }] });
    form.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    form
}

fn price_of(subscription: &Subscription) -> &str {
    subscription.items.data[0].price.id.as_str()
}

#[tokio::test]
async fn an_upgrade_is_invoiced_at_once_for_the_rest_of_the_period() {
    let shop = Shop::open().await;
    let (_, subscription) = shop.subscriber(&[&shop.monthly, &shop.overage]).await;
    shop.go_to(HALF).await;
    let form = to(&subscription, &shop.premium, json!({ "proration_behavior": "always_invoice" }));
    let path = format!("/subscriptions/{}", subscription.id);
    let changed: Subscription = post(&shop.client, &path, form).ok().await;
    assert_eq!(price_of(&changed), shop.premium.id.as_str());
    assert_eq!(changed.items.data[0].current_period_end, FEBRUARY_29, "the period is the same");
    let books = last_invoice(&shop);
    let amounts: Vec<i64> = books.lines.iter().map(|line| line.amount).collect();
    assert_eq!((books.status, books.billing_reason), ("paid", "subscription_update"));
    assert_eq!(amounts, [-450, 2450], "half of 9.00 back, half of 49.00 due");
    shop.go_to(FEBRUARY_29 + HOUR).await;
    assert_eq!(last_invoice(&shop).total, 4_900);
}

#[tokio::test]
async fn prorations_wait_for_the_next_invoice_unless_there_are_to_be_none() {
    for (behavior, total) in [("create_prorations", 4_900 + 2_000), ("none", 4_900)] {
        let shop = Shop::open().await;
        let (_, subscription) = shop.subscriber(&[&shop.monthly]).await;
        shop.go_to(HALF).await;
        let form = to(&subscription, &shop.premium, json!({ "proration_behavior": behavior }));
        post(&shop.client, &format!("/subscriptions/{}", subscription.id), form).ok::<Subscription>().await;
        assert_eq!(shop.sim.books().invoices.len(), 1);
        shop.go_to(FEBRUARY_29 + HOUR).await;
        assert_eq!(last_invoice(&shop).total, total, "{behavior}");
    }
}

#[tokio::test]
async fn another_interval_begins_a_new_period_and_bills_it_at_once() {
    let shop = Shop::open().await;
    let (_, subscription) = shop.subscriber(&[&shop.monthly]).await;
    shop.go_to(HALF).await;
    let form = to(&subscription, &shop.yearly, json!({ "proration_behavior": "always_invoice" }));
    let path = format!("/subscriptions/{}", subscription.id);
    let changed: Subscription = post(&shop.client, &path, form).ok().await;
    assert_eq!((changed.billing_cycle_anchor, changed.items.data[0].current_period_start), (HALF, HALF));
    assert_eq!(last_invoice(&shop).total, 9_000 - 450);
}

#[tokio::test]
async fn a_credit_larger_than_the_debit_stays_with_the_customer() {
    let shop = Shop::open().await;
    let (ada, subscription) = shop.subscriber(&[&shop.premium]).await;
    shop.go_to(HALF).await;
    let form = to(&subscription, &shop.monthly, json!({ "proration_behavior": "always_invoice" }));
    post(&shop.client, &format!("/subscriptions/{}", subscription.id), form).ok::<Subscription>().await;
    assert_eq!((last_invoice(&shop).total, last_invoice(&shop).status), (-2_000, "paid"));
    let credit =
        || shop.sim.books().customers.into_iter().find(|of| of.customer == ada.id.as_str()).unwrap().credit;
    assert_eq!(credit(), 2_000);
    shop.go_to(FEBRUARY_29 + HOUR).await;
    assert_eq!((last_invoice(&shop).total, last_invoice(&shop).paid, credit()), (900, 0, 1_100));
}

#[tokio::test]
async fn a_metered_item_that_goes_bills_what_it_counted_unless_there_is_to_be_nothing() {
    for (behavior, billed) in [("create_prorations", 6), ("none", 0)] {
        let shop = Shop::open().await;
        let (ada, subscription) = shop.subscriber(&[&shop.monthly, &shop.overage]).await;
        shop.usage(&ada, "a", 2_500, JANUARY_31 + 60).ok::<BillingMeterEvent>().await;
        shop.go_to(HALF).await;
        let metered = subscription.items.data[1].id.as_str();
        let form = json!({ "items": [{ "id": metered, "deleted": true }], "proration_behavior": behavior });
        post(&shop.client, &format!("/subscriptions/{}", subscription.id), form).ok::<Subscription>().await;
        shop.go_to(FEBRUARY_29 + HOUR).await;
        assert_eq!(last_invoice(&shop).total, 900 + billed, "{behavior}");
    }
}

/// The upgrade of somebody whose method declines from now on, to be made once it is paid.
async fn unpaid_upgrade(shop: &Shop, customer: &Customer, subscription: &Subscription) -> Value {
    let declining = shop.sim.set_payment_method(customer.id.as_str(), Behaviour::Declines).unwrap();
    let path = format!("/subscriptions/{}", subscription.id);
    post(&shop.client, &path, json!({ "default_payment_method": declining })).ok::<Subscription>().await;
    let more = json!({ "proration_behavior": "always_invoice", "payment_behavior": "pending_if_incomplete" });
    to(subscription, &shop.premium, more)
}

#[tokio::test]
async fn a_change_that_waits_for_its_payment_is_made_once_it_is_paid() {
    let shop = Shop::open().await;
    let (ada, subscription) = shop.subscriber(&[&shop.monthly]).await;
    let path = format!("/subscriptions/{}", subscription.id);
    let form = unpaid_upgrade(&shop, &ada, &subscription).await;
    let waiting: Subscription = post(&shop.client, &path, form.clone()).ok().await;
    assert_eq!(
        (price_of(&waiting), waiting.status.clone()),
        (shop.monthly.id.as_str(), SubscriptionStatus::Active)
    );
    let wanted = waiting.pending_update.unwrap().subscription_items.unwrap();
    assert_eq!(wanted[0].price.id, shop.premium.id);
    let paying = shop.sim.set_payment_method(ada.id.as_str(), Behaviour::Pays).unwrap();
    let pay = format!("/invoices/{}/pay", last_invoice(&shop).invoice);
    post(&shop.client, &pay, json!({ "payment_method": paying })).ok::<Nothing>().await;
    let changed = shop.subscription(subscription.id.as_str()).await;
    assert_eq!((price_of(&changed), changed.pending_update.is_none()), (shop.premium.id.as_str(), true));
    let mut with_more = form;
    with_more["metadata"] = json!({ "a": "b" });
    assert_eq!(post(&shop.client, &path, with_more).refusal().await.0, 400);
}

#[tokio::test]
async fn a_change_that_nobody_pays_is_forgotten_after_23_hours() {
    let shop = Shop::open().await;
    let (ada, subscription) = shop.subscriber(&[&shop.monthly]).await;
    let path = format!("/subscriptions/{}", subscription.id);
    let form = unpaid_upgrade(&shop, &ada, &subscription).await;
    post(&shop.client, &path, form).ok::<Subscription>().await;
    shop.go_to(JANUARY_31 + 23 * HOUR).await;
    let same = shop.subscription(subscription.id.as_str()).await;
    assert_eq!((price_of(&same), same.pending_update.is_none()), (shop.monthly.id.as_str(), true));
    assert_eq!((last_invoice(&shop).status, same.status), ("void", SubscriptionStatus::Active));
}

async fn scheduled(shop: &Shop, subscription: &Subscription, next: Value) -> SubscriptionSchedule {
    let made = json!({ "from_subscription": subscription.id.as_str() });
    let schedule: SubscriptionSchedule = post(&shop.client, "/subscription_schedules", made).ok().await;
    let now = &schedule.phases[0];
    let items: Vec<Value> = now
        .items
        .iter()
        .map(|item| match item.quantity {
            Some(quantity) => json!({ "price": item.price.id().as_str(), "quantity": quantity }),
            None => json!({ "price": item.price.id().as_str() }),
        })
        .collect();
    let form = json!({ "end_behavior": "release", "phases": [
        { "start_date": now.start_date, "end_date": now.end_date, "items": items },
        { "items": next, "proration_behavior": "none", "duration": { "interval": "month", "interval_count": 1 } },
    ] });
    post(&shop.client, &format!("/subscription_schedules/{}", schedule.id), form).ok().await
}

#[tokio::test]
async fn a_downgrade_comes_with_the_next_period_and_the_old_usage_is_still_billed() {
    let shop = Shop::open().await;
    let (ada, subscription) = shop.subscriber(&[&shop.premium, &shop.overage]).await;
    shop.usage(&ada, "a", 2_500, JANUARY_31 + 60).ok::<BillingMeterEvent>().await;
    let next = json!([{ "price": shop.monthly.id.as_str(), "quantity": 1 }]);
    let schedule = scheduled(&shop, &subscription, next).await;
    assert_eq!(schedule.current_phase.unwrap().end_date, FEBRUARY_29);
    let id = subscription.id.as_str();
    let (status, ..) =
        post(&shop.client, &format!("/subscriptions/{id}"), json!({ "cancel_at_period_end": true }))
            .refusal()
            .await;
    assert_eq!(status, 400, "its end is the schedule's business");
    shop.go_to(FEBRUARY_29).await;
    let changed = shop.subscription(id).await;
    assert_eq!((price_of(&changed), changed.items.data.len()), (shop.monthly.id.as_str(), 1));
    assert_eq!(
        last_invoice(&shop).total,
        900 + 6,
        "what comes at the new price, what was used at the old one"
    );
    shop.go_to(JANUARY_31 + 60 * DAY + HOUR).await;
    assert!(shop.subscription(id).await.schedule.is_none(), "released at the end of its last phase");
    assert_eq!((last_invoice(&shop).total, last_invoice(&shop).status), (900, "paid"));
}

#[tokio::test]
async fn a_released_schedule_changes_nothing_any_more() {
    let shop = Shop::open().await;
    let (_, subscription) = shop.subscriber(&[&shop.premium]).await;
    let next = json!([{ "price": shop.monthly.id.as_str(), "quantity": 1 }]);
    let schedule = scheduled(&shop, &subscription, next).await;
    let path = format!("/subscription_schedules/{}/release", schedule.id);
    let released: SubscriptionSchedule = post(&shop.client, &path, json!({})).ok().await;
    assert_eq!(released.status, SubscriptionScheduleStatus::Released);
    assert_eq!(post(&shop.client, &path, json!({})).refusal().await.0, 400);
    shop.go_to(FEBRUARY_29 + HOUR).await;
    assert_eq!(last_invoice(&shop).total, 4_900);
    assert!(shop.subscription(subscription.id.as_str()).await.schedule.is_none());
}
