//! A front end in Rust: Auth by `supabase-auth`, the schema `octroi` by `postgrest`, and nothing but the publishable key.

use std::time::Duration;

pub use postgrest::Builder;
use postgrest::Postgrest;
use serde_json::Value;
use supabase_auth::error::Error;
use supabase_auth::models::{AuthClient, EmailSignUpResult, LogoutScope, Session};
use uuid::Uuid;

/// Longest wait for one answer of the Data API, seconds; the crate has no limit of its own.
const TIMEOUT_SECONDS: u64 = 30;

/// A project, as its front end knows it.
pub struct Project {
    auth: AuthClient,
    data: Postgrest,
}

/// Somebody who is signed in.
pub struct Visitor {
    data: Postgrest,
    /// What Auth gave.
    pub session: Session,
}

/// An answer of the Data API.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Value,
}

/// An address and a password of nobody yet.
pub fn newcomer() -> (String, String) {
    (format!("{}@example.test", Uuid::new_v4()), Uuid::new_v4().to_string())
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run this through tests/clients/run.sh"))
}

impl Project {
    /// The stack that `SUPABASE_URL` and `SUPABASE_PUBLISHABLE_KEY` name.
    pub fn of_environment() -> Self {
        let (url, key) = (variable("SUPABASE_URL"), variable("SUPABASE_PUBLISHABLE_KEY"));
        let data =
            Postgrest::new(format!("{url}/rest/v1")).schema("octroi").insert_header("apikey", key.clone());
        // A front end has no secret that signs tokens.
        Self { auth: AuthClient::new(url, key, ""), data }
    }

    /// Signs up, and in.
    pub async fn sign_up(&self, email: &str, password: &str) -> Visitor {
        match self.auth.sign_up_with_email_and_password(email, password, None).await.expect("a sign-up") {
            EmailSignUpResult::SessionResult(session) => self.visitor(session),
            EmailSignUpResult::ConfirmationResult(wait) => {
                panic!("the address has to be confirmed: {wait:?}")
            }
        }
    }

    /// Signs in.
    ///
    /// # Errors
    /// What Auth says.
    pub async fn sign_in(&self, email: &str, password: &str) -> Result<Visitor, Error> {
        Ok(self.visitor(self.auth.login_with_email(email, password).await?))
    }

    /// Gives a visitor a new token for the one that they renew with.
    ///
    /// # Errors
    /// What Auth says.
    pub async fn renew(&self, visitor: &Visitor) -> Result<Visitor, Error> {
        Ok(self.visitor(self.auth.refresh_session(&visitor.session.refresh_token).await?))
    }

    /// Ends every session of a visitor.
    pub async fn sign_out(&self, visitor: &Visitor) {
        self.auth.logout(Some(LogoutScope::Global), &visitor.session.access_token).await.expect("a sign-out");
    }

    /// Calls a function as nobody.
    pub async fn rpc(&self, function: &str, arguments: &Value) -> Answer {
        answer(self.data.rpc(function, arguments.to_string())).await
    }

    fn visitor(&self, session: Session) -> Visitor {
        Visitor { data: self.data.clone(), session }
    }
}

impl Visitor {
    /// Calls a function of `octroi`.
    pub async fn rpc(&self, function: &str, arguments: &Value) -> Answer {
        answer(self.data.rpc(function, arguments.to_string()).auth(&self.session.access_token)).await
    }

    /// Asks a view of `octroi`; `narrow` says what, for which rows.
    pub async fn ask(&self, view: &str, narrow: impl FnOnce(Builder) -> Builder) -> Answer {
        answer(narrow(self.data.from(view)).auth(&self.session.access_token)).await
    }
}

impl Answer {
    /// The rows of an answer that is one.
    pub fn rows(self) -> Vec<Value> {
        match self {
            Self { status: 200, body: Value::Array(rows) } => rows,
            other => panic!("no rows: {other:?}"),
        }
    }

    /// The status and the code of a refusal.
    pub fn refusal(&self) -> (u16, &str) {
        assert!(self.status >= 400, "no refusal: {self:?}");
        (self.status, self.body["code"].as_str().unwrap_or_default())
    }
}

async fn answer(asked: Builder) -> Answer {
    let sent = asked.build().timeout(Duration::from_secs(TIMEOUT_SECONDS)).send().await;
    let response = sent.expect("the Data API answers");
    let status = response.status().as_u16();
    let text = response.text().await.expect("a body");
    Answer { status, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
}
