//! A mail server, and workers that send their mails there.

use std::path::PathBuf;

use octroi_sim::smtp::{self, Handle, Options};
use octroi_worker::cli::Serve;
use octroi_worker::config::{MailConfig, Variables};
use octroi_worker::mail::Mailer;
use uuid::Uuid;

use super::{PUBLIC_URL, impatience};
use crate::child::Worker;
use crate::gateway::{Gateway, provider};
use crate::stage::Stage;

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

    /// That environment as [`Gateway::start_with`] takes it.
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

    /// The Message-IDs of what arrived, in order.
    pub fn ids(&self) -> Vec<String> {
        self.server.mails().iter().map(|mail| mail.header("Message-ID").unwrap()).collect()
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

/// A worker inside the test's own process that sends its mails to `office`.
pub async fn worker(stage: &Stage, office: &PostOffice) -> Gateway {
    let variables = office.environment();
    let more: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let parts = Serve { no_gateway: false, no_jobs: false };
    Gateway::start_with(stage, &provider().await, &more, parts).await
}

/// The same as a process that may be killed.
pub async fn process(stage: &Stage, office: &PostOffice) -> Worker {
    let variables = office.environment();
    let more: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Worker::start(stage, &provider().await, &more).await
}
