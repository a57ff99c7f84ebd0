//! `octroi-sim smtp`

use clap::Args;
use octroi_sim::smtp::SmtpArgs;

use super::{Failure, announce, ends};

#[derive(Args)]
pub struct SmtpCommand {
    #[command(flatten)]
    args: SmtpArgs,
}

impl SmtpCommand {
    /// Runs until told to end.
    pub async fn run(self) -> Result<(), Failure> {
        let ends = ends()?;
        let handle = self.args.start().await?;
        announce(&handle.url(), self.args.url_file.as_deref())?;
        ends.await;
        Ok(())
    }
}
