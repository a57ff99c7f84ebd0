//! `octroi-sim smtp`: the mail server as a program of its own.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Fault, Handle, Options, SmtpSimError, TlsMode, spawn};

/// What the program is told.
#[derive(Args)]
pub struct SmtpArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// A file to write the URL to once the server listens, credentials included
    #[arg(long)]
    pub url_file: Option<PathBuf>,
    /// How connections are protected
    #[arg(long, value_enum, default_value_t = Tls::Starttls)]
    tls: Tls,
    /// A file to write the certificate to that a client has to believe (PEM)
    #[arg(long)]
    ca_file: Option<PathBuf>,
    /// The only user it takes mails from; without one it takes them from everybody
    #[arg(long, requires = "password")]
    user: Option<String>,
    /// That user's password
    #[arg(long, requires = "user")]
    password: Option<String>,
    /// An existing directory to write accepted mails to, one .eml each
    #[arg(long)]
    directory: Option<PathBuf>,
    /// A fault as JSON, such as {"at":"rcpt","kind":{"reply":{"code":450,"text":"4.7.1 later"}},"times":2}; repeatable
    #[arg(long, value_parser = fault)]
    fault: Vec<Fault>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Tls {
    Implicit,
    Starttls,
    None,
}

fn fault(text: &str) -> Result<Fault, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

impl SmtpArgs {
    /// Starts the server.
    ///
    /// # Errors
    /// A [`SmtpSimError`].
    pub async fn start(&self) -> Result<Handle, SmtpSimError> {
        let handle = spawn(Options {
            listen: self.listen,
            tls: match self.tls {
                Tls::Implicit => TlsMode::Implicit,
                Tls::Starttls => TlsMode::StartTls,
                Tls::None => TlsMode::None,
            },
            credentials: self.user.clone().zip(self.password.clone()),
            directory: self.directory.clone(),
            ..Options::default()
        })
        .await?;
        if let Some(file) = &self.ca_file {
            handle.write_authority(file).map_err(SmtpSimError::CaFile)?;
        }
        for fault in &self.fault {
            handle.fault(fault.clone());
        }
        Ok(handle)
    }
}
