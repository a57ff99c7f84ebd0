//! Where this worker may connect to.
//!
//! Every URL it dials is the operator's, and none is a user's. Still a name can be made to lead inside, and a typing error
//! can send a key to a neighbour: so each address is judged after it was resolved and just before it is dialled, no
//! redirect is followed and no proxy variable is read. This machine (`127.0.0.1`, `::1`, `localhost`) is always allowed;
//! a host in a network of the operator's own is when `OCTROI_PRIVATE_HOSTS` names it.

mod address;
mod resolver;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use reqwest::{ClientBuilder, Url, redirect};
use thiserror::Error;

use crate::config::{ConfigError, Variables};

const PRIVATE_HOSTS: &str = "OCTROI_PRIVATE_HOSTS";
/// Most hosts that may be named.
const HOSTS_MAX: usize = 100;

/// An address that is not dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("an address of this host is {kind}, and OCTROI_PRIVATE_HOSTS does not name the host")]
pub struct Inside {
    /// What it is instead of one on the internet.
    pub kind: &'static str,
}

/// Judges hosts and addresses. Cheap to clone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outbound {
    private_hosts: Arc<[String]>,
}

impl Outbound {
    /// Reads `OCTROI_PRIVATE_HOSTS`.
    ///
    /// # Errors
    /// A [`ConfigError`] when it is no list of host names.
    pub fn read(variables: &Variables) -> Result<Self, ConfigError> {
        let text = variables.optional(PRIVATE_HOSTS).unwrap_or_default();
        let hosts: Vec<String> = text
            .split(',')
            .map(|host| host.trim().to_ascii_lowercase())
            .filter(|host| !host.is_empty())
            .collect();
        let is_host =
            |host: &String| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte));
        if hosts.len() > HOSTS_MAX || !hosts.iter().all(is_host) {
            return Err(ConfigError::Invalid {
                variable: PRIVATE_HOSTS,
                problem: format!("must be at most {HOSTS_MAX} host names with commas between them"),
            });
        }
        Ok(Self { private_hosts: hosts.into() })
    }

    /// Whether the operator vouches for the way to this host: it is this machine, or named.
    pub fn vouches_for(&self, host: &str) -> bool {
        is_loopback(host) || self.names(host)
    }

    fn names(&self, host: &str) -> bool {
        let host = bare(host).to_ascii_lowercase();
        self.private_hosts.contains(&host)
    }

    /// Judges one address of a host.
    ///
    /// # Errors
    /// [`Inside`] when it must not be dialled.
    pub fn judge(&self, host: &str, address: IpAddr) -> Result<(), Inside> {
        let Some(kind) = address::inside(address) else { return Ok(()) };
        // What no network of an operator's is made of stays forbidden, by whatever name.
        let is_never = matches!(kind, address::LINK_LOCAL | address::UNSPECIFIED | address::MULTICAST);
        let is_allowed = match kind {
            address::LOOPBACK => self.vouches_for(host),
            _ => self.names(host),
        };
        if is_never || !is_allowed { Err(Inside { kind }) } else { Ok(()) }
    }

    /// Judges a URL to be dialled: its literal address, and that nothing secret crosses a network in the clear.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] naming `variable`.
    pub fn judge_url(&self, variable: &'static str, url: &str) -> Result<(), ConfigError> {
        let invalid = |problem: String| ConfigError::Invalid { variable, problem };
        let url = Url::parse(url).map_err(|_| invalid("must be a URL".to_owned()))?;
        let host = url.host_str().unwrap_or_default();
        if let Ok(address) = bare(host).parse() {
            self.judge(host, address).map_err(|inside| invalid(format!("must not be dialled: {inside}")))?;
        }
        if url.scheme() != "https" && !self.vouches_for(host) {
            return Err(invalid("must start with https:// unless it is on this machine".to_owned()));
        }
        Ok(())
    }

    /// The addresses of a host, all of them judged.
    ///
    /// # Errors
    /// When it has none, or one that must not be dialled.
    pub async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let found: Vec<SocketAddr> = tokio::net::lookup_host((bare(host), port)).await?.collect();
        self.judge_all(host, found)
    }

    /// One address inside among others is enough to refuse all: a resolver that lies would be asked again.
    fn judge_all(&self, host: &str, found: Vec<SocketAddr>) -> io::Result<Vec<SocketAddr>> {
        for address in &found {
            self.judge(host, address.ip())
                .map_err(|inside| io::Error::new(io::ErrorKind::PermissionDenied, inside))?;
        }
        match found.is_empty() {
            true => Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address")),
            false => Ok(found),
        }
    }

    /// An HTTP client that resolves through these rules.
    pub fn http_client(&self) -> ClientBuilder {
        reqwest::Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .dns_resolver(Arc::new(self.clone()))
    }
}

/// Whether a host is this machine by name or literal address.
pub fn is_loopback(host: &str) -> bool {
    let host = bare(host);
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// A host without the brackets that a URL puts around IPv6.
fn bare(host: &str) -> &str {
    host.trim_matches(['[', ']'])
}
