//! Deleting oneself: nothing of the person is left anywhere, at once for whoever asks, soon for the rows of their calls.

use std::time::Instant;

use octroi_tests::cast::act_as;
use octroi_tests::child::Worker;
use octroi_tests::client::{chat, valid_token};
use octroi_tests::cluster::Cluster;
use octroi_tests::deadline::eventually;
use octroi_tests::erasure::lines_with;
use octroi_tests::gateway::{Gateway, provider};
use octroi_tests::mail::{PostOffice, threshold};
use octroi_tests::pg_tools::dump;
use octroi_tests::shop::{STRIPE_KEY, Shop};
use octroi_tests::stage::{Stage, play};
use octroi_tests::verbs::{Call, Usage, reserve, settle};
use serde_json::json;

const CHAT: &str = "/v1/chat/completions";
/// Calls of somebody who made many.
const MANY_CALLS: i64 = 100_000;
/// How long being forgotten may take, in milliseconds, on a machine that does other things too; `make bench` measures it.
const FORGOTTEN_MS_MAX: u128 = 500;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_canary_is_left_in_dump_log_mail_or_stripe() {
    play(async |stage| {
        let shop = Shop::open(stage).await;
        let office = PostOffice::open().await;
        let sim = provider().await;
        let log = std::env::temp_dir().join(format!("octroi-log-{}", uuid::Uuid::new_v4().simple()));
        let mail = office.variables();
        let mut more = vec![
            ("STRIPE_SECRET_KEY", STRIPE_KEY),
            ("OCTROI_STRIPE_API_BASE", shop.stripe.url.as_str()),
            ("OCTROI_LOG", "debug"),
        ];
        more.extend(mail.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let worker =
            Worker::start_writing(stage, &sim, &more, std::fs::File::create(&log).unwrap().into()).await;

        // The address has the user's id in it.
        let caller = stage.sign_up("canary-address").await;
        shop.subscribe(caller, "basic", "month").await;
        let key = stage.make_key(caller, json!([])).await;
        stage.run("update octroi_private.api_key set name = 'canary-key-name'").await;
        let client = worker.client.with(&key.secret);
        let body = chat(json!({ "messages": [{ "role": "user", "content": "canary-prompt [[output_tokens=5]]" }] }));
        assert_eq!(client.post_keyed(CHAT, &body, "canary-idempotency").await.status, 200);
        let queued = "request_completion('{\"model\": \"gpt-5.4-mini\", \"messages\": [{\"role\": \"user\", \"content\": \"canary-prompt\"}]}')";
        shop.call::<uuid::Uuid>(caller, queued).await.unwrap();
        shop.quiet().await;
        let letter = stage.write_to(caller, &threshold(), "1").await;
        stage.mail_ends(letter, ("sent", "done")).await;
        let letters = office.server.mails().len();
        let before = dump(&stage.superuser(), &[]);
        let canaries: Vec<String> =
            ["canary-address", "canary-key-name", "canary-idempotency"].map(str::to_owned).into();
        for canary in &canaries {
            assert!(!lines_with(&before, std::slice::from_ref(canary)).is_empty(), "{canary} is there");
        }

        let customer = shop.customer_of(caller).await.unwrap();
        let (receipt, kept) = stage.delete_account_of(caller).await;
        assert!(kept.to_string().contains("Art. 17(3)(b)"), "{kept}");
        eventually("the erasure is complete", async || {
            if stage.is_erased(receipt).await {
                return Some(());
            }
            shop.let_pass(time::Duration::minutes(10)).await;
            None
        })
        .await;

        let mut canaries = canaries;
        canaries.extend([caller.user_id.to_string(), key.secret, "canary-prompt".to_owned()]);
        let after = dump(&stage.superuser(), &[]);
        let found = lines_with(&after, &canaries);
        assert!(found.is_empty(), "the dump still has {found:#?}");
        worker.kill().await;
        let said = std::fs::read_to_string(&log).unwrap();
        std::fs::remove_file(&log).unwrap();
        assert!(said.len() > 1_000, "the log is not empty");
        assert!(canaries.iter().all(|canary| !said.contains(canary.as_str())), "the log has a canary");
        assert_eq!(office.server.mails().len(), letters, "nobody writes to them any more");
        let gone = shop.read_at_stripe(&format!("customers/{customer}")).await;
        assert_eq!(gone["deleted"], true);
        for list in ["subscriptions?status=all&", "invoices?", "checkout/sessions?", "charges?"] {
            let mut listed = shop.read_at_stripe(&format!("{list}customer={customer}")).await;
            // Invoices and pages that were paid keep the address they were for: redaction takes it off (docs/operations.md).
            let kept: &[&str] = match list {
                "invoices?" => &["customer_email"],
                "checkout/sessions?" => &["customer_email", "customer_details"],
                _ => &[],
            };
            for object in listed["data"].as_array_mut().unwrap() {
                for field in kept {
                    object[*field] = serde_json::Value::Null;
                }
            }
            let listed = listed.to_string();
            assert!(canaries.iter().all(|canary| !listed.contains(canary.as_str())), "{list} {listed}");
        }
        stage.assert_sound().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_servers_log_does_not_tell_who_left() {
    let cluster = Cluster::start().await;
    let stage = Stage::open(&cluster.superuser()).await;
    let caller = stage.sign_up("canary-address").await;
    let call = Call::new(caller, 10, 10).keyed("canary-idempotency", 1);
    assert!(reserve(&stage.pool, &call).await.is_granted());
    settle(&stage.pool, &Usage::new(call.request_id, 10, 10)).await;
    let (receipt, _) = stage.delete_account_of(caller).await;
    stage.remove_usage(receipt).await;
    // What raises is written to the log, with its statement.
    let mut transaction = stage.pool.begin().await.unwrap();
    act_as(&mut transaction, caller.user_id).await;
    let again = sqlx::query("select * from octroi.delete_my_account()").execute(&mut *transaction).await;
    assert_eq!(again.unwrap_err().as_database_error().unwrap().code().unwrap(), "OC045");
    drop(transaction);
    let log = cluster.log();
    assert!(log.contains("this user is not there any more"), "{log}");
    for canary in ["canary-address", "canary-idempotency", &caller.user_id.to_string()] {
        assert!(!log.contains(canary), "{canary} in {log}");
    }
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_token_and_an_old_key_are_refused_within_a_second() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let caller = stage.sign_up("eve").await;
        let key = stage.make_key(caller, json!([])).await;
        let by_key = gateway.client.with(&key.secret);
        let by_token = gateway.client.with(&valid_token(caller));
        // Both are known to the gateway, and remembered.
        for client in [&by_key, &by_token] {
            assert_eq!(client.post(CHAT, &chat(json!({}))).await.status, 200);
        }
        let sent = sim.requests().len();
        let began = Instant::now();
        sqlx::query("delete from auth.users where id = $1")
            .bind(caller.user_id)
            .execute(&stage.pool)
            .await
            .unwrap();
        for client in [&by_key, &by_token] {
            let reply = client.post(CHAT, &chat(json!({}))).await;
            assert!([401, 403].contains(&reply.status.as_u16()), "{reply:?}");
            assert!([401, 403].contains(&client.get("/v1/models").await.status.as_u16()));
        }
        let mut transaction = stage.pool.begin().await.unwrap();
        act_as(&mut transaction, caller.user_id).await;
        let query = sqlx::query_scalar("select count(*) from octroi.usage");
        let seen: i64 = query.fetch_one(&mut *transaction).await.unwrap();
        assert_eq!(seen, 0, "the Data API shows nothing");
        let refused =
            sqlx::query("select * from octroi.my_quota()").fetch_all(&mut *transaction).await.unwrap_err();
        assert_eq!(refused.as_database_error().unwrap().code().unwrap(), "OC020");
        drop(transaction);
        assert!(began.elapsed().as_millis() < 1_000, "it took {:?}", began.elapsed());
        assert_eq!(sim.requests().len(), sent, "nothing reached the provider");
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_with_many_calls_is_forgotten_as_fast_and_all_their_calls_go() {
    play(async |stage| {
        let [caller, other] = [stage.sign_up("busy").await, stage.sign_up("other").await];
        for caller in [caller, other] {
            let call = Call::new(caller, 10, 10);
            assert!(reserve(&stage.pool, &call).await.is_granted());
            settle(&stage.pool, &Usage::new(call.request_id, 10, 10)).await;
        }
        let copies = sqlx::query(include_str!("sql/copy_calls.sql"))
            .bind(caller.account_id)
            .bind(MANY_CALLS)
            .execute(&stage.pool)
            .await
            .unwrap();
        assert_eq!(copies.rows_affected(), MANY_CALLS as u64);
        stage.run(include_str!("sql/sum_up_days.sql")).await;
        stage.assert_sound().await;

        let began = Instant::now();
        let (receipt, _) = stage.delete_account_of(caller).await;
        let took = began.elapsed().as_millis();
        assert!(took < FORGOTTEN_MS_MAX, "being forgotten took {took} ms");
        assert_eq!(stage.remove_usage(receipt).await, MANY_CALLS + 1, "their calls");
        let left: Vec<uuid::Uuid> = sqlx::query_scalar("select user_id from octroi_private.usage_event")
            .fetch_all(&stage.pool)
            .await
            .unwrap();
        assert_eq!(left, [other.user_id]);
        assert!(stage.is_erased(receipt).await);
    })
    .await;
}
