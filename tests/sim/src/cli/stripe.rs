//! `octroi-sim stripe`

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use octroi_sim::stripe::{Options, Settings, spawn};

use super::{Failure, announce, ends};

#[derive(Args)]
pub struct StripeArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The only key to accept; without it every caller that has one is accepted
    #[arg(long)]
    secret_key: Option<String>,
    /// Where to send webhooks
    #[arg(long)]
    webhook_url: Option<String>,
    /// What to sign webhooks with; several, separated by commas, for a secret that is being rolled
    #[arg(long, value_delimiter = ',', default_value = "whsec_stand_in")]
    webhook_secret: Vec<String>,
    /// A file to write the URL to once the server listens
    #[arg(long)]
    url_file: Option<PathBuf>,
    /// A file to keep customers, subscriptions and everything else in, from one start to the next
    #[arg(long)]
    state_file: Option<PathBuf>,
}

impl StripeArgs {
    /// Runs until told to end.
    pub async fn run(self) -> Result<(), Failure> {
        let ends = ends()?;
        let handle = spawn(Options {
            listen: self.listen,
            secret_key: self.secret_key,
            webhook_url: self.webhook_url,
            webhook_secrets: self.webhook_secret,
            settings: Settings::default(),
            state_file: self.state_file,
        })
        .await?;
        announce(&handle.url, self.url_file.as_deref())?;
        ends.await;
        Ok(handle.stop().await?)
    }
}
