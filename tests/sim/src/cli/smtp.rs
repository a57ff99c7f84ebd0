//! `octroi-sim smtp`.

use octroi_sim::smtp::SmtpArgs;

use super::{Failure, announce, ends};

/// Runs the mail server until the program is told to end.
pub async fn run(args: SmtpArgs) -> Result<(), Failure> {
    let ends = ends()?;
    let url_file = args.url_file.clone();
    let handle = args.start().await?;
    announce(&handle.url(), url_file.as_deref())?;
    ends.await;
    Ok(())
}
