//! A shop: plans on sale, Stripe's stand-in behind them, a worker between the two, and a door for webhooks.

mod ask;
mod books;
mod death;
mod door;
mod edge;
mod travel;

use std::path::PathBuf;
use std::time::Duration;

use octroi_sim::{openai, stripe};
use octroi_worker::cli::{PlansCommand, Serve};
use octroi_worker::commands;
use octroi_worker::config::Variables;
use uuid::Uuid;

pub use ask::{Answer, RETURN_URL, session_of};

use crate::child::Worker;
use crate::deadline::DEADLINE_SECONDS;
use crate::gateway::{Gateway, environment, free_port, provider};
use crate::stage::{Stage, play};
use crate::template;
use door::Door;

/// The operator's key at Stripe.
pub const STRIPE_KEY: &str = "sk_test_operator";

/// What signs webhooks.
pub const WEBHOOK_SECRET: &str = "whsec_of_the_shop";

/// Longer than any answer of the stand-in takes.
const DASHBOARD_TIMEOUT: Duration = Duration::from_secs(30);

/// Jobs alone.
const NO_GATEWAY: Serve = Serve { no_gateway: true, no_jobs: false };

/// A shop on a stage of its own.
#[derive(Debug)]
pub struct Shop<'s> {
    /// The database.
    pub stage: &'s Stage,
    /// Stripe's stand-in.
    pub stripe: stripe::Handle,
    /// How long everything that is due at one moment may take.
    pub patience: Duration,
    provider: openai::Handle,
    /// An operator at Stripe's own pages.
    dashboard: reqwest::Client,
    door: Door,
}

/// Tells a story in a shop whose worker runs all the time; in the end the books must agree with Stripe's.
pub async fn trade(story: impl AsyncFnOnce(&Shop<'_>)) {
    play(async |stage| {
        let shop = Shop::open(stage).await;
        let worker = shop.hire().await;
        story(&shop).await;
        shop.quiet().await;
        assert!(shop.reconcile().await, "the books differ from Stripe's");
        worker.stop().await;
    })
    .await;
}

impl<'s> Shop<'s> {
    /// Opens a shop that sells what plans.toml says. Nobody works in it yet.
    pub async fn open(stage: &'s Stage) -> Self {
        let shop = Self::open_empty(stage).await;
        shop.push_plans().await;
        shop
    }

    /// Opens a shop of which Stripe knows nothing yet.
    pub async fn open_empty(stage: &'s Stage) -> Self {
        Self::open_behind(stage, Door::open(stage).await, &[WEBHOOK_SECRET.to_owned()]).await
    }

    /// Opens a shop behind the edge function itself, which takes what `takes` signed while Stripe signs with `signs`.
    pub async fn open_at_the_edge(stage: &'s Stage, takes: &[String], signs: &[String]) -> Self {
        let shop = Self::open_behind(stage, Door::run_function(stage, takes).await, signs).await;
        shop.push_plans().await;
        shop
    }

    async fn open_behind(stage: &'s Stage, door: Door, secrets: &[String]) -> Self {
        let options = stripe::Options {
            secret_key: Some(STRIPE_KEY.to_owned()),
            webhook_url: Some(door.url.clone()),
            webhook_secrets: secrets.to_vec(),
            ..stripe::Options::default()
        };
        Self {
            stage,
            stripe: stripe::spawn(options).await.unwrap(),
            patience: Duration::from_secs(DEADLINE_SECONDS),
            provider: provider().await,
            dashboard: reqwest::Client::builder().no_proxy().timeout(DASHBOARD_TIMEOUT).build().unwrap(),
            door,
        }
    }

    fn stripe_variables(&self) -> [(&str, &str); 4] {
        [
            ("STRIPE_SECRET_KEY", STRIPE_KEY),
            ("OCTROI_STRIPE_API_BASE", &self.stripe.url),
            ("OCTROI_STRIPE_TIMEOUT_SECONDS", "2"),
            ("OCTROI_DRAIN_SECONDS", "0"),
        ]
    }

    /// The environment of a worker of this shop.
    pub fn variables(&self) -> Variables {
        self.environment().into_iter().collect()
    }

    fn environment(&self) -> Vec<(String, String)> {
        environment(self.stage, &self.provider, free_port(), &self.stripe_variables())
    }

    /// The same with one variable more, or another value of it.
    pub fn variables_with(&self, name: &str, value: &str) -> Variables {
        let mut more = self.stripe_variables().to_vec();
        more.push((name, value));
        environment(self.stage, &self.provider, free_port(), &more).into_iter().collect()
    }

    /// A worker in this process.
    pub async fn hire(&self) -> Gateway {
        Gateway::start_with(self.stage, &self.provider, &self.stripe_variables(), NO_GATEWAY).await
    }

    /// A worker that may be killed.
    pub async fn hire_mortal(&self) -> Worker {
        Worker::start(self.stage, &self.provider, &self.stripe_variables()).await
    }

    /// `octroi plans push` of the plans that come with the project.
    pub async fn push_plans(&self) {
        let file = template::checkout().join("plans.toml");
        let command = PlansCommand::Push { file, dry_run: false };
        let (done, said) = self.run_plans(&command).await;
        assert!(done, "{said}");
    }

    /// Pushes them with one thing replaced: whether that was taken, and what was said.
    pub async fn push_with(&self, what: &str, by: &str) -> (bool, String) {
        self.plans_with(what, by, |file| PlansCommand::Push { file, dry_run: false }).await
    }

    /// Checks them with one thing replaced: whether all is well, and what was said.
    pub async fn check_with(&self, what: &str, by: &str) -> (bool, String) {
        self.plans_with(what, by, |file| PlansCommand::Check { file }).await
    }

    async fn plans_with(
        &self,
        what: &str,
        by: &str,
        command: impl FnOnce(PathBuf) -> PlansCommand,
    ) -> (bool, String) {
        let text = std::fs::read_to_string(template::checkout().join("plans.toml")).unwrap();
        assert!(text.contains(what), "{what}");
        let file = std::env::temp_dir().join(format!("octroi-plans-{}.toml", Uuid::new_v4()));
        std::fs::write(&file, text.replacen(what, by, 1)).unwrap();
        let answer = self.run_plans(&command(file.clone())).await;
        std::fs::remove_file(&file).unwrap();
        answer
    }

    /// Runs `octroi plans …`: whether it is content, and what it says.
    pub async fn run_plans(&self, command: &PlansCommand) -> (bool, String) {
        let (variables, mut said) = (self.variables(), Vec::new());
        let ready = commands::Command::new(&variables, &mut said).unwrap();
        let done = match ready.plans(command).await {
            Ok(done) => done,
            Err(error) => return (false, error.to_string()),
        };
        (done, String::from_utf8(said).unwrap())
    }

    /// Runs `octroi reconcile`; whether everything is explained.
    pub async fn reconcile(&self) -> bool {
        let (variables, mut said) = (self.variables(), Vec::new());
        let ready = commands::Command::new(&variables, &mut said).unwrap();
        let agrees = ready.reconcile().await.unwrap();
        let said = String::from_utf8(said).unwrap();
        let last = said.lines().last().unwrap_or_default();
        assert_eq!(last == "unexplained: 0", agrees, "{said}");
        if !agrees {
            eprintln!("{said}");
        }
        agrees
    }
}
