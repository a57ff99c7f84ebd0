//! How mail leaves, if it does.

use std::net::IpAddr;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use secrecy::SecretString;

use super::{ConfigError, Variables};
use crate::mail::Sender;
use crate::outbound::Outbound;

const BACKEND: &str = "OCTROI_MAIL_BACKEND";
const FROM: &str = "OCTROI_MAIL_FROM";
const DIRECTORY: &str = "OCTROI_MAIL_DIRECTORY";
const SMTP_URL: &str = "OCTROI_SMTP_URL";
const SMTP_CA_FILE: &str = "OCTROI_SMTP_CA_FILE";
const PUBLIC_URL: &str = "OCTROI_PUBLIC_URL";
const BACKEND_ADVICE: &str =
    "set it to smtp or file, or leave out every other OCTROI_MAIL_ and OCTROI_SMTP_ variable";

/// Who mail is from and how it leaves.
#[derive(Debug, Clone)]
pub struct MailConfig {
    /// Who it is from.
    pub from: Sender,
    /// How it leaves.
    pub backend: MailBackend,
    /// Where the gateway is reached from outside, without a trailing slash: the base of unsubscribe links.
    pub public_url: String,
}

/// How mail leaves.
#[derive(Debug, Clone)]
pub enum MailBackend {
    /// To a mail server.
    Smtp(SmtpConfig),
    /// Into a directory, one file per mail.
    File {
        /// The directory; it must exist.
        directory: PathBuf,
    },
}

/// Where the mail server is.
#[derive(Debug, Clone)]
pub struct SmtpConfig {
    /// Its name or address, as its certificate has it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: SmtpSecurity,
    /// Who we are there.
    pub credentials: Option<SmtpCredentials>,
    /// Certificates (PEM) believed besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Which addresses may be dialled.
    pub outbound: Outbound,
}

/// How a connection to the mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// TLS from the first byte (RFC 8314).
    Implicit,
    /// STARTTLS before anything else, or nothing.
    StartTls,
    /// None. On this machine only.
    Plaintext,
}

/// Who we are at the mail server.
#[derive(Debug, Clone)]
pub struct SmtpCredentials {
    /// User name.
    pub user: String,
    /// Password.
    pub password: SecretString,
}

impl MailConfig {
    /// Reads `OCTROI_MAIL_*`, `OCTROI_SMTP_*` and `OCTROI_PUBLIC_URL`; none when no mail is to be sent.
    ///
    /// # Errors
    /// A [`ConfigError`] naming the variable.
    pub fn read(variables: &Variables) -> Result<Option<Self>, ConfigError> {
        let backend = match variables.optional(BACKEND) {
            None => {
                // One that is half configured would look as if it were on.
                let rest = [FROM, DIRECTORY, SMTP_URL, SMTP_CA_FILE];
                if rest.into_iter().all(|variable| variables.optional(variable).is_none()) {
                    return Ok(None);
                }
                return Err(ConfigError::Missing { variable: BACKEND, advice: BACKEND_ADVICE });
            }
            Some("smtp") => MailBackend::Smtp(SmtpConfig::read(variables)?),
            Some("file") => MailBackend::File { directory: directory(variables)? },
            Some(_) => return Err(invalid(BACKEND, "must be smtp or file")),
        };
        let from = variables
            .required(FROM, "set it to the sender of mails, such as Acme <no-reply@acme.example>")?
            .parse()
            .map_err(|problem| {
                invalid(FROM, &format!("must be such as Acme <no-reply@acme.example>: {problem}"))
            })?;
        Ok(Some(Self { from, backend, public_url: public_url(variables)? }))
    }
}

fn directory(variables: &Variables) -> Result<PathBuf, ConfigError> {
    let directory =
        PathBuf::from(variables.required(DIRECTORY, "set it to an existing directory for mails")?);
    match directory.is_dir() {
        true => Ok(directory),
        false => Err(invalid(DIRECTORY, "must be an existing directory")),
    }
}

fn public_url(variables: &Variables) -> Result<String, ConfigError> {
    variables.required(
        PUBLIC_URL,
        "set it to where the gateway is reached from outside, such as https://api.acme.example: unsubscribe links need it",
    )?;
    let url = variables.http_url(PUBLIC_URL)?.unwrap_or_default();
    // RFC 8058 §3.1 asks for HTTPS; a link is sent to people, who must not be led over plain HTTP.
    let is_local = reqwest::Url::parse(&url).is_ok_and(|url| url.host_str().is_some_and(is_loopback));
    if !url.starts_with("https://") && !is_local {
        return Err(invalid(PUBLIC_URL, "must start with https://"));
    }
    if url.contains(['?', '#']) {
        return Err(invalid(PUBLIC_URL, "must have no query and no fragment"));
    }
    Ok(url)
}

impl SmtpConfig {
    fn read(variables: &Variables) -> Result<Self, ConfigError> {
        let text = variables.required(
            SMTP_URL,
            "set it to your mail server, such as smtps://USER:PASSWORD@HOST:465 or smtp://USER:PASSWORD@HOST:587",
        )?;
        let form = "must be a URL such as smtps://USER:PASSWORD@HOST:465 or smtp://USER:PASSWORD@HOST:587";
        let url = reqwest::Url::parse(text).map_err(|_| invalid(SMTP_URL, form))?;
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_ascii_lowercase();
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
        if host.is_empty()
            || !host.bytes().all(is_name)
            || !matches!(url.path(), "" | "/")
            || url.fragment().is_some()
        {
            return Err(invalid(SMTP_URL, form));
        }
        let (security, port) = match (url.scheme(), url.query()) {
            ("smtps", None) => (SmtpSecurity::Implicit, 465),
            ("smtp", None) => (SmtpSecurity::StartTls, 587),
            ("smtp", Some("tls=none")) if is_loopback(&host) => (SmtpSecurity::Plaintext, 25),
            ("smtp", Some("tls=none")) => {
                return Err(invalid(
                    SMTP_URL,
                    "must not ask for tls=none except on 127.0.0.1, ::1 or localhost",
                ));
            }
            _ => return Err(invalid(SMTP_URL, form)),
        };
        let ca_file = variables.optional(SMTP_CA_FILE).map(PathBuf::from);
        if ca_file.as_ref().is_some_and(|file| !file.is_file()) {
            return Err(invalid(SMTP_CA_FILE, "must be an existing file of certificates (PEM)"));
        }
        let port = url.port().unwrap_or(port);
        let outbound = Outbound::read(variables)?;
        if let Ok(address) = host.parse() {
            outbound.judge(&host, address).map_err(|inside| invalid(SMTP_URL, &inside.to_string()))?;
        }
        Ok(Self { host, port, security, credentials: credentials(&url)?, ca_file, outbound })
    }
}

fn credentials(url: &reqwest::Url) -> Result<Option<SmtpCredentials>, ConfigError> {
    let decoded = |text: &str| {
        let text = percent_decode_str(text).decode_utf8().ok()?.into_owned();
        (!text.is_empty() && !text.contains(char::is_control)).then_some(text)
    };
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        (user, password) => {
            let problem = "must have both a user name and a password, or neither; percent-encode what is not a letter or digit";
            let (user, password) =
                decoded(user).zip(password.and_then(decoded)).ok_or_else(|| invalid(SMTP_URL, problem))?;
            Ok(Some(SmtpCredentials { user, password: SecretString::from(password) }))
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn invalid(variable: &'static str, problem: &str) -> ConfigError {
    ConfigError::Invalid { variable, problem: problem.to_owned() }
}

#[cfg(test)]
#[path = "mail_tests.rs"]
mod tests;
