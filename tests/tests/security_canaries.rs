//! A worker whose every secret can be recognised, told to log all it can, in front of everything that goes wrong: none of
//! them, and nothing a user said, is in its log, in a dump of the database or in an answer.

use std::path::PathBuf;

use octroi_sim::openai::{self, FaultKind};
use octroi_tests::cast::Caller;
use octroi_tests::child::Worker;
use octroi_tests::client::{Client, chat, claims, token, valid_token};
use octroi_tests::deadline::eventually;
use octroi_tests::gateway::{JWT_SECRET, free_port};
use octroi_tests::mail::{contractual, threshold};
use octroi_tests::pg_tools::dump;
use octroi_tests::stage::{Stage, play};
use octroi_tests::template::WORKER_PASSWORD;
use serde_json::json;

const CHAT: &str = "/v1/chat/completions";
const OPERATOR: &str = "sk-canary-operator-2b9f1c";
const SAFETY: &str = "canary-safety-key-of-thirty-two-bytes-77";
const STRIPE: &str = "rk_test_canary_stripe_51d0aa";
const WEBHOOK: &str = "whsec_canary_c2VjcmV0X29mX3RoZV93ZWJob29r";
const SMTP: &str = "canary-smtp-password-e41c";
const PROMPT: &str = "canary prompt of a user: violet giraffe";
const ANSWERED: &str = "canary-system-text-4410";
const FORGED: &str = "sk-oct-canaryforged0000000000000000000000000000000000";

struct Log(PathBuf);

impl Log {
    fn text(&self) -> String {
        std::fs::read_to_string(&self.0).unwrap()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        // What is left goes with the temporary directory.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A worker that knows the secrets, with Stripe and the mail server away.
async fn worker(stage: &Stage, sim: &openai::Handle) -> (Worker, Log) {
    let log =
        Log(std::env::temp_dir().join(format!("octroi-canaries-{}.log", uuid::Uuid::new_v4().simple())));
    let nowhere = free_port();
    let (stripe, smtp) =
        (format!("http://127.0.0.1:{nowhere}"), format!("smtp://mailer:{SMTP}@127.0.0.1:{nowhere}?tls=none"));
    let variables = [
        ("OPENAI_API_KEY", OPERATOR),
        ("OCTROI_SAFETY_KEY", SAFETY),
        ("STRIPE_SECRET_KEY", STRIPE),
        ("OCTROI_STRIPE_API_BASE", stripe.as_str()),
        // The worker has no use for it, and stands in the same environment.
        ("STRIPE_WEBHOOK_SECRETS", WEBHOOK),
        ("OCTROI_MAIL_BACKEND", "smtp"),
        ("OCTROI_MAIL_FROM", "Acme <no-reply@acme.example>"),
        ("OCTROI_PUBLIC_URL", "https://api.acme.example"),
        ("OCTROI_SMTP_URL", smtp.as_str()),
        ("OCTROI_LOG", "trace"),
        ("OCTROI_LOG_FORMAT", "json"),
    ];
    let file = std::fs::File::create(&log.0).unwrap();
    (Worker::start_writing(stage, sim, &variables, file.into()).await, log)
}

/// Calls that succeed, are refused, and go wrong in every way there is; every answer.
async fn exercise(client: &Client, sim: &openai::Handle, secret: &str, jwt: &str, spoiled: &str) -> String {
    let body = chat(json!({ "messages": [
        { "role": "system", "content": ANSWERED }, { "role": "user", "content": PROMPT },
    ] }));
    let mut told = String::new();
    let mut hear = |reply: octroi_tests::client::Reply| {
        told.push_str(&format!("{:?}\n{}\n", reply.headers, String::from_utf8_lossy(&reply.body)));
    };
    for bearer in [secret, jwt, spoiled, FORGED] {
        hear(client.with(bearer).post(CHAT, &body).await);
    }
    let caller = client.with(secret);
    for broken in [format!("{{\"model\": \"{PROMPT}\"}}"), format!("{{\"{PROMPT}"), format!("[\"{PROMPT}\"]")]
    {
        hear(caller.post_raw(CHAT, broken).await);
    }
    hear(
        caller
            .post(
                "/v1/responses",
                &json!({ "model": "gpt-5.4-mini", "input": PROMPT, "previous_response_id": PROMPT }),
            )
            .await,
    );
    hear(caller.post_keyed(CHAT, &body, "canary-idempotency-key").await);
    for status in [400, 401, 429, 500] {
        sim.fault(FaultKind::Status { status, code: None, retry_after_seconds: None }).unwrap();
        hear(caller.post(CHAT, &body).await);
    }
    hear(caller.get("/unsubscribe/canary-unsubscribe-token").await);
    told
}

/// The pages that the gateway has for people, with their headers: each as it is for somebody, and for nobody.
async fn pages(stage: &Stage, client: &Client, caller: Caller) -> String {
    let links: Vec<String> = sqlx::query_scalar(
        "select '/unsubscribe/' || t.token from octroi_private.notification_setting as n
         cross join unnest(array[n.unsubscribe_token, n.news_token]) as t (token) where n.user_id = $1",
    )
    .bind(caller.user_id)
    .fetch_all(&stage.pool)
    .await
    .unwrap();
    let mut told = String::new();
    let paths =
        ["/unsubscribe/nobody", "/privacy/export/nobody", "/livez", "/readyz", "/metrics", "/", "/upgrade"];
    for path in links.iter().map(String::as_str).chain(paths) {
        for method in [http::Method::GET, http::Method::POST] {
            let answered = client.request(method, path).send().await.unwrap();
            let reply = octroi_tests::client::read(answered).await;
            told.push_str(&format!("{:?}\n{}\n", reply.headers, String::from_utf8_lossy(&reply.body)));
        }
    }
    assert!(told.contains("<form method=\"post\">") && told.contains("</html>"), "{told}");
    told
}

async fn jobs_fail(stage: &Stage, caller: Caller) {
    for (number, kind) in [threshold(), contractual()].iter().enumerate() {
        stage.write_to(caller, kind, &number.to_string()).await;
    }
    let mut transaction = stage.pool.begin().await.unwrap();
    octroi_tests::cast::act_as(&mut transaction, caller.user_id).await;
    sqlx::query("select octroi.request_completion($1)")
        .bind(json!({ "model": "gpt-5.4-mini", "input": PROMPT, "max_output_tokens": 16 }))
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    eventually("mails and the completion were tried", async || {
        let tried: i64 = sqlx::query_scalar(
            "select count(*) from octroi_private.job
              where kind in ('send_mail', 'complete_request') and (last_error is not null or state = 'done')",
        )
        .fetch_one(&stage.pool)
        .await
        .unwrap();
        (tried == 3).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_in_a_log_a_dump_or_an_answer() {
    play(async |stage| {
        let options = openai::Options { api_key: Some(OPERATOR.to_owned()), ..openai::Options::default() };
        let sim = openai::spawn(options).await.unwrap();
        let (worker, log) = worker(stage, &sim).await;
        let caller = stage.sign_up("canary").await;
        let key = stage.make_key(caller, json!([])).await;
        let jwt = valid_token(caller);
        let spoiled = token(&claims(caller, json!({})), "another secret of at least 32 bytes!");
        let told = exercise(&worker.client, &sim, &key.secret, &jwt, &spoiled).await;
        let reader = stage.sign_up("canary").await;
        let shown = pages(stage, &worker.client, reader).await;
        jobs_fail(stage, caller).await;
        // Answers of completions and of idempotent calls rest for ten minutes; here their time is over.
        sqlx::query("delete from octroi_private.stored_response").execute(&stage.pool).await.unwrap();
        worker.terminate();
        worker.ended().await;

        let (log, database) = (log.text(), dump(&stage.superuser(), &[]));
        assert!(log.lines().count() > 20 && log.contains("\"level\":\"TRACE\""), "it did log all it can");
        let address = format!("canary-{}@example.com", caller.user_id);
        let secrets = [
            OPERATOR,
            SAFETY,
            STRIPE,
            WEBHOOK,
            SMTP,
            JWT_SECRET,
            WORKER_PASSWORD,
            &key.secret,
            &jwt,
            &spoiled,
            FORGED,
            PROMPT,
            ANSWERED,
        ];
        for secret in secrets {
            let places =
                [("the log", &log), ("the dump", &database), ("an answer", &told), ("a page", &shown)];
            for (place, text) in places {
                if let Some(at) = text.find(secret) {
                    let line = text[..at].rfind('\n').map_or(0, |at| at + 1);
                    panic!("{secret} is in {place}: {:.400}", &text[line..]);
                }
            }
        }
        assert!(!log.contains(&address), "an address is in the log");
        for personal in [reader.user_id, reader.account_id].map(|id| id.to_string()) {
            assert!(!shown.contains(&personal), "a page says whose it is: {personal}");
        }
    })
    .await;
}
