//! Mails as files, for developing and for a program that sends them on.

use std::io;
use std::path::{Path, PathBuf};

use tokio::fs::{self, File, OpenOptions};
use tokio::io::AsyncWriteExt;

use super::delivery::{NotSent, Problem, Step};
use super::message::Message;

/// A directory with one `.eml` per mail, named by its Message-ID: sent twice, it is still one file.
#[derive(Debug, Clone)]
pub(super) struct Directory(PathBuf);

impl Directory {
    pub(super) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Whether files can be made in it.
    pub(super) async fn check(&self) -> Result<(), NotSent> {
        let probe = self.0.join(format!(".octroi-{}.probe", std::process::id()));
        let tried = async {
            File::create(&probe).await?;
            fs::remove_file(&probe).await
        };
        tried.await.map_err(away)
    }

    /// Writes the mail. A reader sees all of it or nothing, also after a crash.
    pub(super) async fn write(&self, message: &Message) -> Result<(), NotSent> {
        let whole = self.0.join(format!("{}.eml", message.id()));
        let partial = self.0.join(format!(".{}.partial", message.id()));
        let written = async {
            // Mails are personal: nobody else on the machine reads them.
            let mut file =
                OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&partial).await?;
            file.write_all(message.bytes()).await?;
            file.sync_all().await?;
            fs::rename(&partial, &whole).await?;
            File::open(&self.0).await?.sync_all().await
        };
        written.await.map_err(away)
    }
}

fn away(error: io::Error) -> NotSent {
    NotSent::Away { step: Step::Directory, problem: Problem::Broken(error.to_string()) }
}
