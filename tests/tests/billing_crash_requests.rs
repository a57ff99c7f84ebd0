//! kill -9 around every call that a customer's or an operator's request leads to: it is carried out once.

use octroi_tests::cast::Caller;
use octroi_tests::child::Worker;
use octroi_tests::shop::{RETURN_URL, Shop, session_of};
use octroi_tests::stage::play;
use octroi_tests::template;
use octroi_worker::cli::{PlansCommand, StripeCommand};
use octroi_worker::commands::Command;
use time::Duration;
use uuid::Uuid;

/// A request whose worker dies at `endpoint`, and which the next one ends.
async fn ask_and_die(
    (shop, caller): (&Shop<'_>, Caller),
    worker: Worker,
    at: (&str, bool),
    function: &str,
) -> (Worker, Option<String>) {
    let mut id = Uuid::nil();
    let next = shop.die_at(worker, at, async || id = shop.call(caller, function).await.unwrap()).await;
    let answer = shop.answer(caller, id).await;
    assert_eq!(answer.state, "done", "{at:?} {function}");
    shop.quiet().await;
    (next, answer.url)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_with_the_period_and_taking_it_back() {
    play(async |stage| {
        let shop = Shop::open(stage).await;
        let mut worker = shop.hire_mortal().await;
        let caller = stage.sign_up("quin").await;
        shop.subscribe(caller, "basic", "month").await;
        for committed in [false, true] {
            let at = ("subscriptions.update", committed);
            let cancel = "cancel_subscription(true)";
            (worker, _) = ask_and_die((&shop, caller), worker, at, cancel).await;
            assert!(shop.is_ending(caller).await, "{committed}");
            (worker, _) = ask_and_die((&shop, caller), worker, at, "resume_subscription()").await;
            assert!(!shop.is_ending(caller).await, "{committed}");
        }
        let opens = format!("open_portal('{RETURN_URL}')");
        for committed in [false, true] {
            let at = ("billingPortal.sessions.create", committed);
            let (next, url) = ask_and_die((&shop, caller), worker, at, &opens).await;
            worker = next;
            assert!(url.is_some_and(|url| url.starts_with("http")), "{committed}");
        }
        assert_eq!(shop.paid_by(caller).await, 900);
        assert!(shop.reconcile().await);
        worker.kill().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_at_once() {
    play(async |stage| {
        let shop = Shop::open(stage).await;
        let mut worker = shop.hire_mortal().await;
        for committed in [false, true] {
            let caller = stage.sign_up("rosa").await;
            shop.subscribe(caller, "basic", "month").await;
            let at = ("subscriptions.cancel", committed);
            (worker, _) = ask_and_die((&shop, caller), worker, at, "cancel_subscription(false)").await;
            shop.let_pass(Duration::hours(2)).await;
            assert_eq!(shop.plan_of(caller).await, "free", "{committed}");
            assert_eq!(shop.paid_by(caller).await, 900, "{committed}");
            let invoices = shop.invoices_of(caller).await;
            assert!(invoices.iter().all(|invoice| invoice.status == "paid"), "{committed}");
        }
        assert!(shop.reconcile().await);
        worker.kill().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_downgrade_that_waits_and_taking_it_back() {
    play(async |stage| {
        let shop = Shop::open(stage).await;
        let mut worker = shop.hire_mortal().await;
        let caller = stage.sign_up("sven").await;
        shop.subscribe(caller, "premium", "month").await;
        for committed in [false, true] {
            for endpoint in ["subscriptionSchedules.create", "subscriptionSchedules.update"] {
                let at = (endpoint, committed);
                let change = "change_plan('basic', 'month')";
                (worker, _) = ask_and_die((&shop, caller), worker, at, change).await;
                let at = ("subscriptionSchedules.release", committed);
                (worker, _) = ask_and_die((&shop, caller), worker, at, "resume_subscription()").await;
            }
        }
        let at = ("subscriptionSchedules.create", true);
        (worker, _) = ask_and_die((&shop, caller), worker, at, "change_plan('basic', 'month')").await;
        shop.let_pass(Duration::days(32)).await;
        assert_eq!(shop.plan_of(caller).await, "basic");
        assert_eq!(shop.paid_by(caller).await, 4_900 + 900);
        assert!(shop.reconcile().await);
        worker.kill().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_top_up_s_checkout() {
    play(async |stage| {
        let shop = Shop::open(stage).await;
        let mut worker = shop.hire_mortal().await;
        let caller = stage.sign_up("tess").await;
        shop.subscribe(caller, "basic", "month").await;
        let customer = shop.customer_of(caller).await.unwrap();
        for (committed, bought) in [(false, 1), (true, 2)] {
            let at = ("checkout.sessions.create", committed);
            let buy = format!("buy_top_up('tokens_100k', '{RETURN_URL}', '{RETURN_URL}')");
            let (next, url) = ask_and_die((&shop, caller), worker, at, &buy).await;
            worker = next;
            shop.pay(&session_of(&url.expect("a page to pay on")));
            shop.quiet().await;
            let sessions = shop.read_at_stripe(&format!("checkout/sessions?customer={customer}")).await;
            assert_eq!(sessions["data"].as_array().unwrap().len(), 1 + bought, "{committed}");
            assert_eq!(
                shop.left(caller).await,
                100_000 * (1 + i64::try_from(bought).unwrap()),
                "{committed}"
            );
        }
        assert!(shop.reconcile().await);
        worker.kill().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkout_that_takes_the_place_of_another() {
    play(async |stage| {
        let shop = Shop::open(stage).await;
        let mut worker = shop.hire_mortal().await;
        let caller = stage.sign_up("uma").await;
        shop.check_out(caller, "basic", "month").await;
        let customer = shop.customer_of(caller).await.unwrap();
        for (committed, plan) in [(false, "premium"), (true, "basic")] {
            let at = ("checkout.sessions.expire", committed);
            let start = format!("start_checkout('{plan}', 'month', '{RETURN_URL}', '{RETURN_URL}')");
            (worker, _) = ask_and_die((&shop, caller), worker, at, &start).await;
            let sessions = shop.read_at_stripe(&format!("checkout/sessions?customer={customer}")).await;
            let sessions = sessions["data"].as_array().unwrap();
            let open = sessions.iter().filter(|session| session["status"] == "open").count();
            assert_eq!(open, 1, "only the last one can be paid: {committed}");
        }
        worker.kill().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_of_the_plans() {
    play(async |stage| {
        let shop = Shop::open_empty(stage).await;
        let file = template::checkout().join("plans.toml");
        let arguments = ["plans", "push", "--file", file.to_str().unwrap()];
        for endpoint in ["products.create", "billing.meters.create", "prices.create"] {
            for committed in [false, true] {
                shop.run_to_death(&arguments, (endpoint, committed)).await;
            }
        }
        shop.push_plans().await;
        let (agrees, said) = shop.run_plans(&PlansCommand::Check { file }).await;
        assert!(agrees, "{said}");
        assert_listed(
            &shop,
            [("products", "id", 4), ("billing/meters", "event_name", 2), ("prices", "lookup_key", 8)],
        )
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_of_what_has_changed() {
    play(async |stage| {
        let shop = Shop::open(stage).await;
        // Somebody has the version that is sold no more, so its prices are looked after.
        let caller = stage.sign_up("vito").await;
        stage.assign(caller, "basic").await;
        let text = std::fs::read_to_string(template::checkout().join("plans.toml")).unwrap();
        let text =
            text.replace("month = 900", "month = 1000").replace("name = \"Basic\"", "name = \"Basics\"");
        let file = std::env::temp_dir().join(format!("octroi-plans-{}.toml", Uuid::new_v4()));
        std::fs::write(&file, text).unwrap();
        let arguments = ["plans", "push", "--file", file.to_str().unwrap()];
        for endpoint in ["products.update", "prices.create", "prices.update"] {
            for committed in [false, true] {
                shop.run_to_death(&arguments, (endpoint, committed)).await;
            }
        }
        let (done, said) = shop.run_plans(&PlansCommand::Push { file: file.clone(), dry_run: false }).await;
        assert!(done, "{said}");
        let (agrees, said) = shop.run_plans(&PlansCommand::Check { file: file.clone() }).await;
        std::fs::remove_file(file).unwrap();
        assert!(agrees, "{said}");
        // Basic's second version: two prices, and a meter with its price.
        assert_listed(
            &shop,
            [("products", "id", 4), ("billing/meters", "event_name", 3), ("prices", "lookup_key", 11)],
        )
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_endpoint() {
    play(async |stage| {
        let shop = Shop::open(stage).await;
        let arguments = ["stripe", "endpoint", "https://octroi.example/stripe-webhook"];
        for committed in [false, true] {
            shop.run_to_death(&arguments, ("webhookEndpoints.create", committed)).await;
        }
        let (variables, mut said) = (shop.variables(), Vec::new());
        let command = StripeCommand::Endpoint { url: arguments[2].to_owned() };
        assert!(Command::new(&variables, &mut said).unwrap().at_stripe(&command).await.unwrap());
        let said = String::from_utf8(said).unwrap();
        assert!(said.contains("its secret stands in Stripe's dashboard"), "{said}");
        assert_eq!(shop.calls("webhookEndpoints.create"), 2, "once in vain, once for good");
    })
    .await;
}

/// So many of each are at Stripe, and none of them twice.
async fn assert_listed(shop: &Shop<'_>, expected: [(&str, &str, usize); 3]) {
    for (list, named_by, expected) in expected {
        let listed = shop.read_at_stripe(&format!("{list}?limit=100")).await;
        let listed = listed["data"].as_array().unwrap();
        let mut names: Vec<_> =
            listed.iter().map(|found| found[named_by].as_str().unwrap_or_default()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!((names.len(), listed.len()), (expected, expected), "{list}: {names:?}");
    }
}
