//! Who mails are from.

use std::str::FromStr;

use lettre::message::Mailbox;
use thiserror::Error;

use super::address::{Address, AddressError, breaks_lines};

/// Who mails are from: an address, and the name shown instead of it, which is also how mails call the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// The name shown.
    pub name: Option<String>,
    /// The address.
    pub address: Address,
}

/// Why a text is no sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SenderError {
    /// Neither an address nor a name and an address.
    #[error("it is neither an address nor a name with an address in angle brackets")]
    Form,
    /// The name has a control character or a line break in it.
    #[error("the name has a control character or a line break in it")]
    Name,
    /// The address cannot be used.
    #[error("{0}")]
    Address(#[from] AddressError),
    /// Mail servers ask a sender for ASCII.
    #[error("the part before the @ is not ASCII")]
    NotAscii,
}

impl Sender {
    pub(super) fn mailbox(&self) -> Mailbox {
        Mailbox::new(self.name.clone(), self.address.as_lettre().clone())
    }
}

impl FromStr for Sender {
    type Err = SenderError;

    fn from_str(text: &str) -> Result<Self, SenderError> {
        if text.chars().any(breaks_lines) {
            return Err(SenderError::Name);
        }
        let (name, address) = match text.trim().strip_suffix('>') {
            None => ("", text.trim()),
            Some(text) => text.rsplit_once('<').ok_or(SenderError::Form)?,
        };
        let address: Address = address.parse()?;
        if address.needs_smtputf8() {
            return Err(SenderError::NotAscii);
        }
        let name = name.trim().trim_matches('"').trim();
        let sender = Self { name: (!name.is_empty()).then(|| name.to_owned()), address };
        // lettre reads the header back when it builds a message; one it cannot read would fail every mail.
        match sender.mailbox().to_string().parse::<Mailbox>() {
            Ok(_) => Ok(sender),
            Err(_) => Err(SenderError::Form),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> String {
        text.parse::<Sender>().unwrap().mailbox().to_string()
    }

    #[test]
    fn a_sender_has_a_name_or_not() {
        assert_eq!(header("no-reply@acme.example"), "no-reply@acme.example");
        assert_eq!(header("<no-reply@acme.example>"), "no-reply@acme.example");
        assert_eq!(header("Acme <no-reply@acme.example>"), "Acme <no-reply@acme.example>");
        assert_eq!(
            header("\"Acme, Inc.\" <no-reply@acme.example>"),
            "\"Acme, Inc.\" <no-reply@acme.example>"
        );
        assert_eq!(header("Acme, Inc. <no-reply@acme.example>"), "\"Acme, Inc.\" <no-reply@acme.example>");
        assert_eq!(
            header("Société Générale <a@bücher.example>"),
            "Société Générale <a@xn--bcher-kva.example>"
        );
    }

    #[test]
    fn what_is_no_sender_is_refused() {
        for (text, wrong) in [
            ("Acme", SenderError::Address(AddressError::Incomplete)),
            ("Acme no-reply@acme.example>", SenderError::Form),
            ("Acme <no-reply@acme.example", SenderError::Address(AddressError::LocalPart)),
            ("Acme\r\nBcc: eve@x.de <no-reply@acme.example>", SenderError::Name),
            ("Acme <é@acme.example>", SenderError::NotAscii),
        ] {
            assert_eq!(text.parse::<Sender>().unwrap_err(), wrong, "{text}");
        }
    }
}
