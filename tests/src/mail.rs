//! A mail server with a directory for its certificate, mails as they come from it, and drafts of every kind.

use std::path::PathBuf;
use std::time::Duration;

use mail_parser::MessageParser;
use octroi_sim::smtp::{self, Handle, Options, ReceivedMail};
use octroi_worker::config::{MailConfig, Variables};
use octroi_worker::mail::{
    Composer, Draft, HandOverError, Kind, Language, Mailer, Message, NotSent, Patience,
};
use serde_json::{Value, json};
use time::macros::datetime;
use uuid::Uuid;

use crate::cast::Caller;
use crate::deadline::eventually;
use crate::stage::Stage;

/// Where the gateway is said to be.
pub const PUBLIC_URL: &str = "https://api.acme.example";
/// Who signs in at the mail server.
pub const CREDENTIALS: (&str, &str) = ("mailer", "s3cret-of-the-mailer");

/// A mail server, and what a worker has to be told to use it.
pub struct PostOffice {
    /// The server.
    pub server: Handle,
    directory: PathBuf,
}

impl PostOffice {
    /// One that asks for STARTTLS and a password.
    pub async fn open() -> Self {
        Self::open_with(Options::default()).await
    }

    /// One with these options; it always asks for a password.
    pub async fn open_with(options: Options) -> Self {
        let (user, password) = CREDENTIALS;
        let options = Options { credentials: Some((user.to_owned(), password.to_owned())), ..options };
        let server = smtp::spawn(options).await.unwrap();
        let directory = std::env::temp_dir().join(format!("octroi-mail-{}", Uuid::new_v4().simple()));
        std::fs::create_dir(&directory).unwrap();
        server.write_authority(&directory.join("authority.pem")).unwrap();
        Self { server, directory }
    }

    /// The environment of a worker that sends its mails here.
    pub fn variables(&self) -> Vec<(String, String)> {
        let authority = self.directory.join("authority.pem");
        [
            ("OCTROI_MAIL_BACKEND", "smtp"),
            ("OCTROI_MAIL_FROM", "Acme <no-reply@acme.example>"),
            ("OCTROI_PUBLIC_URL", PUBLIC_URL),
            ("OCTROI_SMTP_URL", &self.server.url()),
            ("OCTROI_SMTP_CA_FILE", authority.to_str().unwrap()),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// That environment as [`Gateway::start_with`](crate::gateway::Gateway::start_with) takes it.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let names = [
            "OCTROI_MAIL_BACKEND",
            "OCTROI_MAIL_FROM",
            "OCTROI_PUBLIC_URL",
            "OCTROI_SMTP_URL",
            "OCTROI_SMTP_CA_FILE",
        ];
        names.into_iter().zip(self.variables().into_iter().map(|(_, value)| value)).collect()
    }

    /// That environment, read.
    pub fn config(&self, more: &[(&str, &str)]) -> MailConfig {
        let more = more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let variables: Variables = self.variables().into_iter().chain(more).collect();
        MailConfig::read(&variables).unwrap().unwrap()
    }

    /// A mailer that sends here and gives up soon.
    pub fn mailer(&self) -> Mailer {
        Mailer::new(&self.config(&[]), impatience()).unwrap()
    }
}

impl Drop for PostOffice {
    fn drop(&mut self) {
        // What is left goes with the temporary directory.
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// Limits that a test can wait for.
pub fn impatience() -> Patience {
    let soon = Duration::from_millis(300);
    Patience {
        place: soon,
        connect: soon,
        open: Duration::from_millis(900),
        answer: soon,
        taken: soon,
        quit: soon,
        after_failure: Duration::ZERO,
        ..Patience::default()
    }
}

/// Sends a mail as a job does: offer, then hand over.
///
/// # Errors
/// A [`HandOverError`].
pub async fn send(mailer: &Mailer, message: Message) -> Result<(), HandOverError> {
    mailer.offer(message).await?.hand_over().await
}

/// What a [`NotSent`] says when nothing else happened.
pub fn not_sent(sent: Result<(), HandOverError>) -> NotSent {
    match sent {
        Err(HandOverError::NotSent(not_sent)) => not_sent,
        other => panic!("surely not sent was expected: {other:?}"),
    }
}

/// The message of a draft, from the usual sender.
pub fn message(draft: &Draft) -> Message {
    let variables: Variables = [
        ("OCTROI_MAIL_BACKEND", "file"),
        ("OCTROI_MAIL_DIRECTORY", "/"),
        ("OCTROI_MAIL_FROM", "Acme <no-reply@acme.example>"),
        ("OCTROI_PUBLIC_URL", PUBLIC_URL),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into_iter()
    .collect();
    Composer::new(&MailConfig::read(&variables).unwrap().unwrap()).unwrap().compose(draft).unwrap()
}

/// A draft to Ada about `kind`; `key` tells it from others.
pub fn draft(kind: Kind, language: Language, key: &str) -> Draft {
    let is_contractual = !matches!(kind, Kind::Threshold(_));
    Draft {
        kind,
        address: "ada@example.com".to_owned(),
        language,
        time_zone: None,
        account_name: None,
        dedupe_key: key.to_owned(),
        created_at: datetime!(2026-11-22 19:00 UTC),
        is_contractual,
        unsubscribe_token: (!is_contractual).then(|| "0199f0f0-0000-4000-8000-000000000001".to_owned()),
    }
}

/// A warning at 80 %, in English.
pub fn warning(key: &str) -> Message {
    message(&draft(kinds().swap_remove(0), Language::English, key))
}

/// The kinds of mail, as rows spell them.
const KINDS: [&str; 5] =
    ["threshold", "payment_failed", "subscription_ended", "top_up_received", "auto_top_up_failed"];

/// Data of each kind.
fn data() -> [Value; 5] {
    [
        json!({
            "threshold": 80, "scope": "account", "meter": "tokens", "used": 80_000, "granted": 100_000,
            "remaining": 20_000, "resets_at": "2026-12-01T00:00:00Z", "runs_out_at": "2026-11-24T10:00:00Z",
            "plan": "Basic", "overage_on": false
        }),
        json!({ "amount_minor": 900, "currency": "usd", "next_attempt_at": "2026-11-25T19:00:00Z", "plan": "Basic" }),
        json!({ "plan": "Basic", "ended_at": "2026-12-01T00:00:00Z", "plan_now": "Free" }),
        json!({
            "meter": "tokens", "amount": 100_000, "pack_name": "100k", "paid_minor": 500, "currency": "usd",
            "expires_at": "2027-11-22T19:00:00Z", "remaining": 120_000
        }),
        json!({
            "amount_minor": 500, "currency": "usd", "meter": "tokens", "amount": 100_000, "reason": "card_declined"
        }),
    ]
}

/// One mail of every kind.
pub fn kinds() -> Vec<Kind> {
    KINDS.into_iter().zip(data()).map(|(kind, data)| Kind::read(kind, data).unwrap()).collect()
}

/// Subject and plain text of a mail that came.
pub fn read(mail: &ReceivedMail) -> (String, String) {
    let parsed = MessageParser::default().parse(&mail.bytes).unwrap();
    let text = parsed.body_text(0).unwrap().replace("\r\n", "\n");
    (parsed.subject().unwrap().to_owned(), text)
}

impl Stage {
    /// Decides on a mail as SQL's own rules do; it is of use for thirty days.
    pub async fn write_to(&self, caller: Caller, kind: &Kind, key: &str) -> Uuid {
        let (kind, data) = row(kind);
        sqlx::query("select octroi_private.enqueue_mail($1, $2, $3, $4, $5, octroi_private.now() + interval '30 days')")
            .bind(caller.account_id)
            .bind(caller.user_id)
            .bind(kind)
            .bind(key)
            .bind(data)
            .execute(&self.pool)
            .await
            .unwrap();
        let query = sqlx::query_scalar("select id from octroi_private.mail order by id desc limit 1");
        query.fetch_one(&self.pool).await.unwrap()
    }

    /// The state of a mail and of its job.
    pub async fn mail_state(&self, mail_id: Uuid) -> (String, String) {
        sqlx::query_as(
            "select m.state, j.state from octroi_private.mail as m
             join octroi_private.job as j on j.kind = 'send_mail' and (j.args ->> 'mail_id')::uuid = m.id
             where m.id = $1",
        )
        .bind(mail_id)
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }

    /// Waits until a mail and its job are in these states, letting every pause before a next attempt pass.
    pub async fn mail_ends(&self, mail_id: Uuid, wanted: (&str, &str)) {
        eventually(&format!("the mail and its job are {wanted:?}"), async || {
            let (mail, job) = self.mail_state(mail_id).await;
            if (mail.as_str(), job.as_str()) == wanted {
                return Some(());
            }
            if job == "queued" {
                self.let_pass(time::Duration::seconds(61)).await;
                self.run("select pg_notify('octroi_job', '')").await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            None
        })
        .await;
    }

    /// Sets the language a user is written to in.
    pub async fn speaks(&self, caller: Caller, locale: &str, time_zone: Option<&str>) {
        sqlx::query(
            "update octroi_private.notification_setting set locale = $2, time_zone = $3 where user_id = $1",
        )
        .bind(caller.user_id)
        .bind(locale)
        .bind(time_zone)
        .execute(&self.pool)
        .await
        .unwrap();
    }
}

/// A kind of [`kinds`] as a row spells it.
fn row(kind: &Kind) -> (&'static str, Value) {
    KINDS
        .iter()
        .zip(data())
        .zip(kinds())
        .find(|(_, known)| known == kind)
        .map(|((name, data), _)| (*name, data))
        .unwrap()
}
