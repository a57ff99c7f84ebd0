//! Mail addresses: what may stand in an envelope and a header, and what may not.

use std::fmt;
use std::str::FromStr;

use lettre::Address as LettreAddress;
use thiserror::Error;

/// Longest address, in bytes: a path of RFC 5321 §4.5.3.1.3 (256) without its angle brackets.
const ADDRESS_BYTES_MAX: usize = 254;

/// An address that mail can be sent to. Its domain is ASCII; its local part may need SMTPUTF8.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(LettreAddress);

/// Why a text is no address to send mail to. It never repeats the text: addresses are not logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AddressError {
    /// Nothing there.
    #[error("the address is empty")]
    Empty,
    /// Longer than a path may be.
    #[error("the address is longer than {ADDRESS_BYTES_MAX} bytes")]
    TooLong,
    /// A line break, another control character, or a separator of lines or paragraphs.
    #[error("the address has a control character or a line break in it")]
    ControlCharacter,
    /// No `@`, or nothing on one side of it.
    #[error("the address has no local part or no domain")]
    Incomplete,
    /// Not an atom string or quoted string of RFC 5321 and RFC 6531.
    #[error("the part before the @ is malformed")]
    LocalPart,
    /// Not a domain name, also not after IDNA.
    #[error("the domain is malformed")]
    Domain,
    /// An IP address in the place of a domain: mail goes by name only.
    #[error("the domain is an IP address")]
    DomainLiteral,
}

impl Address {
    /// The domain, in ASCII.
    pub fn domain(&self) -> &str {
        self.0.domain()
    }

    /// Whether it can be handed only to a server with SMTPUTF8 (RFC 6531).
    pub fn needs_smtputf8(&self) -> bool {
        !self.0.user().is_ascii()
    }

    /// As lettre takes it.
    pub(super) fn as_lettre(&self) -> &LettreAddress {
        &self.0
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if text.chars().any(breaks_lines) {
            return Err(AddressError::ControlCharacter);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(AddressError::Incomplete)?;
        if local.is_empty() || domain.is_empty() {
            return Err(AddressError::Incomplete);
        }
        let domain = idna::domain_to_ascii_strict(domain).map_err(|_| match domain.starts_with('[') {
            true => AddressError::DomainLiteral,
            false => AddressError::Domain,
        })?;
        // A name of nothing but digits and dots is how an IPv4 address is written.
        if domain.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            return Err(AddressError::DomainLiteral);
        }
        if local.len() + 1 + domain.len() > ADDRESS_BYTES_MAX {
            return Err(AddressError::TooLong);
        }
        LettreAddress::new(local, &domain).map(Self).map_err(|error| match error {
            lettre::address::AddressError::InvalidUser => AddressError::LocalPart,
            _ => AddressError::Domain,
        })
    }
}

/// Addresses are personal: debug output has only the domain.
impl fmt::Debug for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Address(…@{})", self.domain())
    }
}

/// Whether some program that reads mail may take this character for the end of a line.
pub(super) fn breaks_lines(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
