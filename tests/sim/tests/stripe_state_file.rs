//! A restart of the stand-in: what customers bought is still there, and goes on.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod stripe_support;

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use octroi_sim::stripe::{Advance, Delivery, DeliveryState, Options, Settings, Webhooks, spawn};
use serde_json::{Value, json};
use stripe_billing::BillingMeterEvent;
use stripe_shared::{Customer, Price};
use stripe_support::receiver::Receiver;
use stripe_support::{DAY, HOUR, JANUARY_31, KEY, Shop, customer, get, post, start_with};
use uuid::Uuid;

const FEBRUARY_29: i64 = JANUARY_31 + 29 * DAY;

/// A directory of the test's own, which goes with it.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(Uuid::new_v4().to_string());
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("stripe.json")
    }

    fn options(&self) -> Options {
        Options { state_file: Some(self.file()), ..Options::default() }
    }

    fn telling(&self, receiver: &Receiver) -> Options {
        Options { webhook_url: Some(receiver.url.clone()), ..self.options() }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The same shop after a restart of the stand-in, on another port.
async fn again(shop: Shop, options: Options) -> Shop {
    shop.sim.stop().await.unwrap();
    let (sim, client) = start_with(options).await;
    Shop { sim, client, ..shop }
}

/// Everything the books say but the calls, which are of one run.
fn books(shop: &Shop) -> Value {
    let mut books = json!(shop.sim.books());
    books.as_object_mut().unwrap().remove("calls");
    books
}

#[tokio::test]
async fn what_was_bought_is_still_there_and_is_renewed() {
    let place = Place::new();
    let shop = Shop::open_with(place.options()).await;
    let (ada, subscription) = shop.subscriber(&[&shop.monthly, &shop.overage]).await;
    shop.usage(&ada, "a", 1_000, JANUARY_31 + 60).ok::<BillingMeterEvent>().await;
    shop.usage(&ada, "b", 1, JANUARY_31 + 60).ok::<BillingMeterEvent>().await;
    let (before, clock) = (books(&shop), shop.sim.clock());
    let sold = subscription.items.data[0].price.id.clone();

    let shop = again(shop, place.options()).await;
    assert_eq!(books(&shop), before);
    assert_eq!(shop.sim.clock(), clock, "the time, standing still, and what is due next");
    let still = shop.subscription(subscription.id.as_str()).await;
    assert_eq!(format!("{still:?}"), format!("{subscription:?}"));
    let price: Price = get(&shop.client, &format!("/prices/{sold}"), json!({})).ok().await;
    assert_eq!(format!("{price:?}"), format!("{:?}", subscription.items.data[0].price));
    let refused = shop.usage(&ada, "a", 5, JANUARY_31).refusal().await;
    assert_eq!(refused.2, "An event already exists with identifier a.");

    shop.go_to(FEBRUARY_29 + HOUR).await;
    let renewed = shop.sim.books().invoices.pop().unwrap();
    assert_eq!((renewed.status, renewed.billing_reason, renewed.paid), ("paid", "subscription_cycle", 904));
}

#[tokio::test]
async fn a_webhook_that_nobody_took_arrives_after_the_restart_where_the_receiver_is_now() {
    let (place, gone) = (Place::new(), Receiver::open().await);
    let shop = Shop::open_with(place.telling(&gone)).await;
    shop.sim.delivered().await.unwrap();
    gone.answer(&[500]);
    customer(&shop.client).await;
    shop.sim.delivered().await.unwrap();
    shop.sim.set(Settings { webhooks: Webhooks::Hold, ..shop.sim.settings() });
    customer(&shop.client).await;

    let here = Receiver::open().await;
    let shop = again(shop, place.telling(&here)).await;
    shop.go_to(JANUARY_31 + 300).await;
    assert_eq!(here.kinds(), ["customer.created"], "the failed one, at its next try");
    assert_eq!(shop.sim.settings().webhooks, Webhooks::Hold);
    assert_eq!(shop.sim.release_webhooks(&Default::default(), 0), 1);
    shop.sim.delivered().await.unwrap();
    assert_eq!(here.kinds(), ["customer.created", "customer.created"]);
    assert_eq!(gone.kinds().iter().filter(|kind| *kind == "customer.created").count(), 1);
}

#[tokio::test]
async fn a_webhook_that_was_under_way_is_sent_again() {
    let (place, receiver) = (Place::new(), Receiver::open().await);
    let settings = Settings { webhook_delay_ms: 3_600_000, ..Settings::default() };
    let shop = Shop::open_with(Options { settings, ..place.telling(&receiver) }).await;
    let sent = |one: &Delivery| one.state == DeliveryState::Sent;
    assert_eq!(
        shop.sim.deliveries().into_iter().filter(sent).count(),
        shop.sim.settings().webhook_concurrency
    );
    shop.sim.set(Settings { webhook_delay_ms: 0, ..shop.sim.settings() });

    let shop = again(shop, place.telling(&receiver)).await;
    let deliveries = shop.sim.delivered().await.unwrap();
    assert!(!deliveries.is_empty());
    assert_eq!(receiver.arrived().len(), deliveries.len());
    assert!(deliveries.iter().all(|delivery| delivery.attempts == 1));
}

#[tokio::test]
async fn a_request_that_was_answered_is_answered_the_same_for_a_day() {
    let place = Place::new();
    let shop = Shop::open_with(place.options()).await;
    let create = |shop: &Shop, name: &str| {
        let client = shop.client.clone();
        let form = json!({ "name": name });
        async move { post(&client, "/customers", form).keyed("k").answer::<Customer>().await }
    };
    let ada = create(&shop, "Ada").await.unwrap();
    let shop = again(shop, place.options()).await;
    assert_eq!(create(&shop, "Ada").await.unwrap().id, ada.id);
    assert!(create(&shop, "Bob").await.is_err(), "the key belongs to another request");
    assert_eq!(shop.sim.books().customers.len(), 1);
    shop.go_to(JANUARY_31 + DAY).await;
    let shop = again(shop, place.options()).await;
    assert!(create(&shop, "Bob").await.unwrap().id != ada.id);
}

#[tokio::test]
async fn a_clock_that_runs_ahead_goes_on_from_where_it_would_be() {
    let place = Place::new();
    let (sim, _) = start_with(place.options()).await;
    let ahead = sim.advance(Advance { seconds: Some(40 * DAY), ..Advance::default() }).await.unwrap();
    sim.stop().await.unwrap();
    let (sim, _) = start_with(place.options()).await;
    let clock = sim.clock();
    assert!(!clock.frozen && (0..HOUR).contains(&(clock.now - ahead.clock.now)));
}

#[tokio::test]
async fn a_crash_loses_only_the_last_moment() {
    let place = Place::new();
    let shop = Shop::open_with(place.options()).await;
    let ada = customer(&shop.client).await;
    let written = async {
        while !std::fs::read_to_string(place.file()).unwrap().contains(ada.id.as_str()) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), written).await.unwrap();
    drop(shop);
    let (sim, _) = start_with(place.options()).await;
    assert_eq!(sim.books().customers[0].customer, ada.id.as_str());
}

#[tokio::test]
async fn a_file_that_is_not_understood_is_refused_by_name_and_left_alone() {
    let place = Place::new();
    let (sim, _) = start_with(place.options()).await;
    sim.stop().await.unwrap();
    let whole = std::fs::read_to_string(place.file()).unwrap();
    let cut = whole[..whole.len() / 2].to_owned();
    let newer = whole.replacen("\"format\":1", "\"format\":2", 1);
    let cases = [(cut, "is damaged"), (newer, "has format 2"), ("{\"format\":1}".to_owned(), "is damaged")];
    for (content, reason) in cases {
        std::fs::write(place.file(), &content).unwrap();
        let message = spawn(place.options()).await.unwrap_err().to_string();
        let named = message.contains(&place.file().display().to_string());
        assert!(named && message.contains(reason) && message.contains("remove it"), "{message}");
        assert_eq!(std::fs::read_to_string(place.file()).unwrap(), content);
    }
    let nowhere = Options { state_file: Some(place.0.join("none/stripe.json")), ..Options::default() };
    assert!(spawn(nowhere).await.unwrap_err().to_string().starts_with("cannot write the state file"));
}

#[tokio::test]
async fn the_program_writes_its_file_when_it_is_told_to_end_for_its_owner_only() {
    let place = Place::new();
    let mut program = Command::new(env!("CARGO_BIN_EXE_octroi-sim"))
        .args(["stripe", "--secret-key", KEY, "--state-file"])
        .arg(place.file())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("listening on ").unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.post(format!("{url}/v1/customers")).bearer_auth(KEY);
    let ada: Value = serde_json::from_slice(&request.send().await.unwrap().bytes().await.unwrap()).unwrap();
    let told = Command::new("kill").arg(program.id().to_string()).status().unwrap();
    assert!(told.success() && program.wait().unwrap().success());
    let (sim, _) = start_with(place.options()).await;
    assert_eq!(sim.books().customers[0].customer, ada["id"].as_str().unwrap());
    assert_eq!(std::fs::metadata(place.file()).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(&place.0).unwrap().count(), 1, "nothing half written is left");
}
