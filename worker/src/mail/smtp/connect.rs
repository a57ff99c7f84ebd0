//! From nothing to a session that takes mails: TCP, TLS, EHLO, AUTH.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::extension::{ClientId, Extension};
use secrecy::ExposeSecret;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::line_reader::LineReader;
use super::patience::Patience;
use super::reply::problem;
use super::session::Session;
use crate::config::{SmtpConfig, SmtpCredentials, SmtpSecurity};
use crate::mail::delivery::{NotSent, Problem, Step};
use crate::outbound::Outbound;

/// Where the server is and how it is spoken to.
pub(crate) struct SmtpServer {
    host: String,
    port: u16,
    security: SmtpSecurity,
    credentials: Option<SmtpCredentials>,
    tls: TlsParameters,
    /// What EHLO says we are.
    name: ClientId,
    pub(super) patience: Patience,
    outbound: Outbound,
}

/// The server cannot be spoken to as configured.
#[derive(Debug, Error)]
pub enum SmtpSetupError {
    /// The file of certificates cannot be read.
    #[error("OCTROI_SMTP_CA_FILE: {path} cannot be read: {source}")]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file has no certificates in it.
    #[error("OCTROI_SMTP_CA_FILE: {path} has no certificates in it (PEM)")]
    NoCertificates {
        /// The file.
        path: PathBuf,
    },
    /// TLS cannot be set up.
    #[error("TLS to the mail server cannot be set up: {0}")]
    Tls(#[source] SmtpError),
}

impl SmtpServer {
    /// The configured server; `name`, the domain mails are from, is who we say we are. Connects to nothing yet.
    ///
    /// # Errors
    /// A [`SmtpSetupError`].
    pub(crate) fn new(config: &SmtpConfig, name: &str, patience: Patience) -> Result<Self, SmtpSetupError> {
        let mut tls = TlsParameters::builder(config.host.clone());
        if let Some(path) = &config.ca_file {
            let pem = std::fs::read(path)
                .map_err(|source| SmtpSetupError::CaFile { path: path.clone(), source })?;
            let none = || SmtpSetupError::NoCertificates { path: path.clone() };
            let certificate = Certificate::from_pem(&pem).map_err(|_| none())?;
            // lettre reads a file without any as one with none.
            if !pem.windows(CERTIFICATE_START.len()).any(|window| window == CERTIFICATE_START) {
                return Err(none());
            }
            tls = tls.add_root_certificate(certificate);
        }
        Ok(Self {
            host: config.host.clone(),
            port: config.port,
            security: config.security,
            credentials: config.credentials.clone(),
            tls: tls.build().map_err(SmtpSetupError::Tls)?,
            name: ClientId::Domain(name.to_owned()),
            patience,
            outbound: config.outbound.clone(),
        })
    }

    /// Host and port, for people.
    pub(super) fn place(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Opens a session that is encrypted and signed in as configured.
    pub(super) async fn open(&self) -> Result<Session, NotSent> {
        let opened = timeout(self.patience.open, async {
            let mut connection = self.connect().await?;
            if self.security == SmtpSecurity::StartTls {
                self.start_tls(&mut connection).await?;
            }
            self.sign_in(&mut connection).await?;
            Ok(connection)
        });
        let connection =
            opened.await.unwrap_or(Err(NotSent::Away { step: Step::Connect, problem: Problem::TimedOut }))?;
        Ok(Session::new(connection, self.patience))
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, NotSent> {
        let connecting = async {
            // Resolved once and judged; the certificate is still checked against the name.
            let places = self
                .outbound
                .resolve(&self.host, self.port)
                .await
                .map_err(|error| Problem::Broken(format!("no connection: {error}")))?;
            if self.security == SmtpSecurity::Implicit {
                let tls = Some(self.tls.clone());
                return AsyncSmtpConnection::connect_tokio1(
                    places.as_slice(),
                    Some(self.patience.connect),
                    &self.name,
                    tls,
                    None,
                )
                .await
                .map_err(|error| problem(&error));
            }
            let socket = dial(&places, self.patience.connect)
                .await
                .map_err(|error| Problem::Broken(format!("no connection: {error}")))?;
            AsyncSmtpConnection::connect_with_transport(Box::new(LineReader::new(socket)), &self.name)
                .await
                .map_err(|error| problem(&error))
        };
        connecting.await.map_err(|problem| NotSent::Away { step: Step::Connect, problem })
    }

    async fn start_tls(&self, connection: &mut AsyncSmtpConnection) -> Result<(), NotSent> {
        let away = |problem| NotSent::Away { step: Step::StartTls, problem };
        // Somebody in between can take the offer out of the server's greeting; going on without would be their success.
        if !connection.can_starttls() {
            return Err(away(Problem::NotOffered("STARTTLS")));
        }
        connection.starttls(self.tls.clone(), &self.name).await.map_err(|error| away(problem(&error)))
    }

    async fn sign_in(&self, connection: &mut AsyncSmtpConnection) -> Result<(), NotSent> {
        let Some(SmtpCredentials { user, password }) = &self.credentials else { return Ok(()) };
        let away = |problem| NotSent::Away { step: Step::Auth, problem };
        let offered = [Mechanism::Plain, Mechanism::Login];
        if !offered
            .into_iter()
            .any(|mechanism| connection.server_info().supports_feature(Extension::Authentication(mechanism)))
        {
            return Err(away(Problem::NotOffered("AUTH PLAIN or LOGIN")));
        }
        let credentials = Credentials::new(user.clone(), password.expose_secret().to_owned());
        connection.auth(&offered, &credentials).await.map_err(|error| away(problem(&error)))?;
        Ok(())
    }
}

const CERTIFICATE_START: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// A socket to the first address that answers in time.
async fn dial(places: &[SocketAddr], limit: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in places {
        match timeout(limit, TcpStream::connect(address)).await {
            Ok(Ok(socket)) => {
                socket.set_nodelay(true)?;
                return Ok(socket);
            }
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}
