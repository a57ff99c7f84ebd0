//! The customer pays, or does not.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod stripe_support;

use octroi_sim::stripe::{Behaviour, Completion};
use serde_json::{Value, json};
use stripe_shared::{
    CheckoutSession, CheckoutSessionPaymentStatus, CheckoutSessionStatus, Event, Invoice, Price,
    SubscriptionStatus,
};
use stripe_support::{DAY, JANUARY_31, Nothing, Shop, customer, get, post};
use stripe_types::List;

fn with(pays_with: Behaviour) -> Completion {
    Completion { pays_with, email: Some("ada@example.com".to_owned()), ..Completion::default() }
}

fn pack_form(pack: &Price) -> Value {
    json!({
        "mode": "payment",
        "success_url": "https://app.example/done",
        "cancel_url": "https://app.example/plans",
        "client_reference_id": "request-7",
        "line_items": [{ "price": pack.id.as_str(), "quantity": 1 }],
        "payment_intent_data": { "metadata": { "octroi": "top-up" } },
    })
}

async fn session(shop: &Shop, id: &str) -> CheckoutSession {
    get(&shop.client, &format!("/checkout/sessions/{id}"), json!({})).ok().await
}

async fn kinds(shop: &Shop) -> Vec<String> {
    let events: List<Event> = get(&shop.client, "/events", json!({ "limit": 100 })).ok().await;
    events.data.iter().rev().map(|event| event.type_.to_string()).collect()
}

#[tokio::test]
async fn somebody_new_subscribes_by_card() {
    let shop = Shop::open().await;
    let form = json!({
        "mode": "subscription",
        "success_url": "https://app.example/done?session={CHECKOUT_SESSION_ID}",
        "line_items": [{ "price": shop.monthly.id.as_str(), "quantity": 2 }, { "price": shop.overage.id.as_str() }],
        "subscription_data": { "metadata": { "octroi_account": "7" }, "billing_mode": { "type": "flexible" } },
    });
    let open: CheckoutSession = post(&shop.client, "/checkout/sessions", form).ok().await;
    assert!(open.url.unwrap().ends_with(open.id.as_str()));
    assert_eq!((open.amount_total, open.customer.is_none()), (Some(1_800), true));
    shop.sim.complete(open.id.as_str(), &with(Behaviour::Pays)).unwrap();
    let done = session(&shop, open.id.as_str()).await;
    assert_eq!(
        (done.status, done.payment_status),
        (Some(CheckoutSessionStatus::Complete), CheckoutSessionPaymentStatus::Paid)
    );
    assert!(done.url.is_none());
    let subscription = shop.subscription(done.subscription.unwrap().id().as_str()).await;
    assert_eq!(
        (subscription.status, subscription.metadata["octroi_account"].as_str()),
        (SubscriptionStatus::Active, "7")
    );
    assert_eq!(shop.sim.books().customers[0].charged, 1_800);
    let kinds = kinds(&shop).await;
    assert_eq!(kinds.last().unwrap(), "checkout.session.completed");
    for kind in ["customer.created", "customer.subscription.created", "invoice.paid", "invoice_payment.paid"]
    {
        assert_eq!(kinds.iter().filter(|known| *known == kind).count(), 1, "{kind}");
    }
    assert!(shop.sim.complete(open.id.as_str(), &with(Behaviour::Pays)).is_err(), "nobody pays twice");
}

#[tokio::test]
async fn a_pack_is_paid_once_and_leads_back_to_its_session() {
    let shop = Shop::open().await;
    let open: CheckoutSession = post(&shop.client, "/checkout/sessions", pack_form(&shop.pack)).ok().await;
    shop.sim.complete(open.id.as_str(), &with(Behaviour::Pays)).unwrap();
    let done = session(&shop, open.id.as_str()).await;
    assert_eq!(
        (done.payment_status, done.client_reference_id.as_deref()),
        (CheckoutSessionPaymentStatus::Paid, Some("request-7"))
    );
    let intent = done.payment_intent.unwrap().id().to_string();
    let found: List<CheckoutSession> =
        get(&shop.client, "/checkout/sessions", json!({ "payment_intent": intent })).ok().await;
    assert_eq!(found.data[0].id, open.id);
}

#[tokio::test]
async fn a_declined_card_leaves_the_customer_on_the_page() {
    let shop = Shop::open().await;
    let open: CheckoutSession = post(&shop.client, "/checkout/sessions", pack_form(&shop.pack)).ok().await;
    shop.sim.complete(open.id.as_str(), &with(Behaviour::Declines)).unwrap();
    let still = session(&shop, open.id.as_str()).await;
    assert_eq!(
        (still.status, still.payment_status),
        (Some(CheckoutSessionStatus::Open), CheckoutSessionPaymentStatus::Unpaid)
    );
    shop.sim.complete(open.id.as_str(), &with(Behaviour::Pays)).unwrap();
    assert_eq!(session(&shop, open.id.as_str()).await.payment_status, CheckoutSessionPaymentStatus::Paid);
}

#[tokio::test]
async fn a_bank_debit_completes_the_session_and_is_paid_or_fails_days_later() {
    for (paid, kind) in
        [(true, "checkout.session.async_payment_succeeded"), (false, "checkout.session.async_payment_failed")]
    {
        let shop = Shop::open().await;
        let open: CheckoutSession =
            post(&shop.client, "/checkout/sessions", pack_form(&shop.pack)).ok().await;
        shop.sim.complete(open.id.as_str(), &with(Behaviour::Delayed)).unwrap();
        let done = session(&shop, open.id.as_str()).await;
        assert_eq!(
            (done.status, done.payment_status),
            (Some(CheckoutSessionStatus::Complete), CheckoutSessionPaymentStatus::Unpaid)
        );
        shop.go_to(JANUARY_31 + 5 * DAY).await;
        let intent = done.payment_intent.unwrap().id().to_string();
        shop.sim.settle_payment(&intent, paid).unwrap();
        let expected =
            if paid { CheckoutSessionPaymentStatus::Paid } else { CheckoutSessionPaymentStatus::Unpaid };
        assert_eq!(session(&shop, open.id.as_str()).await.payment_status, expected);
        assert_eq!(kinds(&shop).await.last().unwrap(), kind);
        assert!(shop.sim.settle_payment(&intent, paid).is_err(), "the bank decides once");
    }
}

#[tokio::test]
async fn a_subscription_by_bank_debit_is_active_before_its_invoice_is_paid() {
    let shop = Shop::open().await;
    let ada = customer(&shop.client).await;
    let open = shop.checkout(&ada, &[&shop.monthly]).await;
    shop.sim.complete(open.id.as_str(), &with(Behaviour::Delayed)).unwrap();
    let done = session(&shop, open.id.as_str()).await;
    let id = done.subscription.unwrap().id().to_string();
    assert_eq!(shop.subscription(&id).await.status, SubscriptionStatus::Active);
    let books = shop.sim.books();
    assert_eq!((books.invoices[0].status, books.invoices[0].paid), ("open", 0));
    let form = json!({ "expand": ["payments"] });
    let invoice: Invoice =
        get(&shop.client, &format!("/invoices/{}", books.invoices[0].invoice), form).ok().await;
    let payment = invoice.payments.unwrap().data.remove(0).payment.payment_intent.unwrap().id().to_string();
    shop.sim.settle_payment(&payment, false).unwrap();
    assert_eq!(shop.subscription(&id).await.status, SubscriptionStatus::PastDue);
    assert_eq!(kinds(&shop).await.last().unwrap(), "checkout.session.async_payment_failed");
}

#[tokio::test]
async fn a_session_expires_by_itself_or_when_told_and_then_nobody_can_pay() {
    let shop = Shop::open().await;
    let mut form = pack_form(&shop.pack);
    form["expires_at"] = json!(JANUARY_31 + 1_800);
    let short: CheckoutSession = post(&shop.client, "/checkout/sessions", form.clone()).ok().await;
    shop.go_to(JANUARY_31 + 1_800).await;
    assert_eq!(session(&shop, short.id.as_str()).await.status, Some(CheckoutSessionStatus::Expired));
    assert!(shop.sim.complete(short.id.as_str(), &with(Behaviour::Pays)).is_err());
    form["expires_at"] = json!(JANUARY_31 + 1_800 + 60);
    assert_eq!(post(&shop.client, "/checkout/sessions", form.clone()).refusal().await.0, 400, "too soon");
    form.as_object_mut().unwrap().remove("expires_at");
    let told: CheckoutSession = post(&shop.client, "/checkout/sessions", form).ok().await;
    let expire = format!("/checkout/sessions/{}/expire", told.id);
    post(&shop.client, &expire, json!({})).ok::<CheckoutSession>().await;
    assert_eq!(post(&shop.client, &expire, json!({})).refusal().await.0, 400);
}

#[tokio::test]
async fn a_session_that_could_not_be_paid_is_not_made() {
    let shop = Shop::open().await;
    let refused = async |change: fn(&mut Value)| {
        let mut form = pack_form(&shop.pack);
        change(&mut form);
        post(&shop.client, "/checkout/sessions", form).refusal().await.0
    };
    assert_eq!(refused(|form| form["line_items"][0]["price"] = json!("price_none")).await, 400);
    assert_eq!(refused(|form| form["line_items"][0]["quantity"] = json!(-1)).await, 400);
    assert_eq!(refused(|form| form["mode"] = json!("subscription")).await, 400);
    assert_eq!(refused(|form| form["success_url"] = json!("")).await, 400);
    assert_eq!(refused(|form| form["customer"] = json!("cus_none")).await, 400);
    assert_eq!(refused(|form| form["client_reference_id"] = json!("x".repeat(201))).await, 400);
    let inactive = format!("/prices/{}", shop.pack.id);
    post(&shop.client, &inactive, json!({ "active": false })).ok::<Price>().await;
    assert_eq!(refused(|_| {}).await, 400);
}

#[tokio::test]
async fn refunds_come_in_parts_and_not_beyond_what_was_paid() {
    let shop = Shop::open().await;
    let ada = customer(&shop.client).await;
    let mut form = pack_form(&shop.pack);
    form["customer"] = json!(ada.id.as_str());
    let open: CheckoutSession = post(&shop.client, "/checkout/sessions", form).ok().await;
    let done = shop.sim.complete(open.id.as_str(), &with(Behaviour::Pays)).unwrap();
    let intent = done["payment_intent"].as_str().unwrap();
    for amount in [200, 100] {
        post(&shop.client, "/refunds", json!({ "payment_intent": intent, "amount": amount }))
            .ok::<Nothing>()
            .await;
    }
    let (status, ..) =
        post(&shop.client, "/refunds", json!({ "payment_intent": intent, "amount": 201 })).refusal().await;
    assert_eq!(status, 400);
    post(&shop.client, "/refunds", json!({ "payment_intent": intent })).ok::<Nothing>().await;
    let (_, code, _) = post(&shop.client, "/refunds", json!({ "payment_intent": intent })).refusal().await;
    assert_eq!(code, "charge_already_refunded");
    let books = shop.sim.books();
    assert_eq!((books.customers[0].charged, books.customers[0].refunded), (500, 500));
}

#[tokio::test]
async fn a_dispute_takes_the_money_and_gives_it_back_if_it_is_won() {
    for (won, disputed) in [(true, 0), (false, 500)] {
        let shop = Shop::open().await;
        let ada = customer(&shop.client).await;
        let mut form = pack_form(&shop.pack);
        form["customer"] = json!(ada.id.as_str());
        form["expand"] = json!(["payment_intent"]);
        let open: CheckoutSession = post(&shop.client, "/checkout/sessions", form).ok().await;
        shop.sim.complete(open.id.as_str(), &with(Behaviour::Pays)).unwrap();
        let charges: List<stripe_shared::Charge> =
            get(&shop.client, "/charges", json!({ "customer": ada.id.as_str() })).ok().await;
        let charge = charges.data[0].id.as_str();
        let dispute = shop.sim.dispute(charge, None).unwrap();
        assert_eq!(shop.sim.books().customers[0].disputed, 500);
        assert_eq!(
            post(&shop.client, "/refunds", json!({ "charge": charge })).refusal().await.1,
            "charge_disputed"
        );
        shop.sim.close_dispute(&dispute, won).unwrap();
        assert_eq!(shop.sim.books().customers[0].disputed, disputed);
        assert!(kinds(&shop).await.ends_with(&["charge.dispute.closed".to_owned()]));
    }
}
