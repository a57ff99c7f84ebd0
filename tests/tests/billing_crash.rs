//! kill -9 around every call to Stripe: before it is carried out and after, and what it was for happens once.

use octroi_sim::stripe::Behaviour;
use octroi_tests::cast::Caller;
use octroi_tests::shop::{RETURN_URL, Shop};
use octroi_tests::stage::play;
use uuid::Uuid;

async fn request(shop: &Shop<'_>, caller: Caller, function: &str) -> Uuid {
    shop.call(caller, function).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkout_survives_death_at_every_call() {
    play(async |stage| {
        let shop = Shop::open(stage).await;
        let mut worker = shop.hire_mortal().await;
        for endpoint in ["customers.create", "checkout.sessions.create"] {
            for committed in [false, true] {
                let caller = stage.sign_up("lea").await;
                let before = shop.stripe.books().customers.len();
                let function = format!("start_checkout('basic', 'month', '{RETURN_URL}', '{RETURN_URL}')");
                let mut id = Uuid::nil();
                worker = shop
                    .die_at(worker, (endpoint, committed), async || {
                        id = request(&shop, caller, &function).await;
                    })
                    .await;
                assert_eq!(shop.answer(caller, id).await.state, "done", "{endpoint} {committed}");
                assert_eq!(shop.stripe.books().customers.len(), before + 1, "{endpoint} {committed}");
                let customer = shop.customer_of(caller).await.unwrap();
                let sessions = shop.read_at_stripe(&format!("checkout/sessions?customer={customer}")).await;
                assert_eq!(sessions["data"].as_array().unwrap().len(), 1, "{endpoint} {committed}");
            }
        }
        worker.kill().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_automatic_top_up_survives_death_at_every_call_and_is_charged_once() {
    play(async |stage| {
        let shop = Shop::open(stage).await;
        let mut worker = shop.hire_mortal().await;
        let caller = stage.sign_up("mia").await;
        shop.subscribe(caller, "basic", "month").await;
        assert!(shop.call::<bool>(caller, "set_auto_top_up('tokens_100k', 1, 1000000)").await.unwrap());
        let mut paid = 900;
        for endpoint in ["invoices.create", "invoiceItems.create", "invoices.finalizeInvoice", "invoices.pay"]
        {
            for committed in [false, true] {
                worker = shop
                    .die_at(worker, (endpoint, committed), async || {
                        assert!(shop.use_tokens(caller, 100_000).await, "all that is left");
                    })
                    .await;
                shop.quiet().await;
                paid += 500;
                assert_eq!(shop.paid_by(caller).await, paid, "{endpoint} {committed}");
            }
        }
        worker.kill().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_plan_survives_death_and_is_invoiced_once() {
    play(async |stage| {
        let shop = Shop::open(stage).await;
        let mut worker = shop.hire_mortal().await;
        for committed in [false, true] {
            let caller = stage.sign_up("nora").await;
            shop.subscribe(caller, "basic", "month").await;
            let mut id = Uuid::nil();
            worker = shop
                .die_at(worker, ("subscriptions.update", committed), async || {
                    id = request(&shop, caller, "change_plan('premium', 'month')").await;
                })
                .await;
            assert_eq!(shop.answer(caller, id).await.state, "done", "{committed}");
            shop.quiet().await;
            assert_eq!(shop.plan_of(caller).await, "premium", "{committed}");
            assert_eq!(shop.invoices_of(caller).await.len(), 2, "{committed}");
        }
        worker.kill().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_declined_automatic_top_up_is_taken_back_once() {
    play(async |stage| {
        let shop = Shop::open(stage).await;
        let mut worker = shop.hire_mortal().await;
        for committed in [false, true] {
            let caller = stage.sign_up("otto").await;
            shop.subscribe(caller, "basic", "month").await;
            shop.change_card(caller, Behaviour::InsufficientFunds).await;
            assert!(shop.call::<bool>(caller, "set_auto_top_up('tokens_100k', 20000, 5000)").await.unwrap());
            worker = shop
                .die_at(worker, ("invoices.voidInvoice", committed), async || {
                    assert!(shop.use_tokens(caller, 85_000).await);
                })
                .await;
            shop.quiet().await;
            let statuses: Vec<_> =
                shop.invoices_of(caller).await.iter().map(|invoice| invoice.status).collect();
            assert_eq!(statuses, ["paid", "void"], "{committed}");
            assert_eq!((shop.paid_by(caller).await, shop.left(caller).await), (900, 15_000), "{committed}");
        }
        worker.kill().await;
    })
    .await;
}
