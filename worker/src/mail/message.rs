//! From a letter to the bytes that go over the wire: headers, identity, both renderings.
//!
//! The same mail always becomes the same bytes: its Message-ID, date and boundary follow from its row. So one that has to
//! be sent again is the same mail to whoever receives it, and mail programs that see both show one.

use std::time::SystemTime;

use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use super::address::Address;
use super::compose::ComposeError;
use super::letter::Letter;

/// Bytes of the digest that make a Message-ID: enough that no two mails ever share one.
const ID_BYTES: usize = 16;

/// A mail that is ready to be sent.
#[derive(Clone)]
pub struct Message {
    pub(super) id: String,
    pub(super) from: Address,
    pub(super) to: Address,
    pub(super) bytes: Vec<u8>,
}

impl Message {
    /// What stands before the `@` of its Message-ID.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The mail as RFC 5322 has it.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The envelope of a letter.
pub(super) struct Envelope<'e> {
    /// The operator.
    pub from: &'e Mailbox,
    /// The operator's address, checked.
    pub from_address: &'e Address,
    /// Who gets it.
    pub to: Address,
    /// What makes this mail one and the same.
    pub dedupe_key: &'e str,
    /// When it was decided on.
    pub created_at: OffsetDateTime,
}

/// Puts a letter into its envelope.
pub(super) fn message(letter: &Letter, envelope: Envelope<'_>) -> Result<Message, ComposeError> {
    let id = id(envelope.dedupe_key);
    let mut builder = lettre::Message::builder()
        .from(envelope.from.clone())
        .to(Mailbox::new(None, envelope.to.as_lettre().clone()))
        // Given, since lettre would read it back from the header, where it does not know every quoted local part.
        .envelope(lettre::address::Envelope::new(None, vec![envelope.to.as_lettre().clone()])?)
        .subject(&letter.subject)
        .message_id(Some(format!("<{id}@{}>", envelope.from_address.domain())))
        .date(SystemTime::from(envelope.created_at))
        .raw_header(header("Content-Language", letter.language.tag()))
        // RFC 3834: no absence note answers it.
        .raw_header(header("Auto-Submitted", "auto-generated"));
    if let Some(link) = &letter.unsubscribe {
        // RFC 8058: mail programs show a button and POST to the address.
        builder = builder
            .header(ListUnsubscribe(link.url.clone()))
            .raw_header(header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"));
    }
    let body = MultiPart::alternative()
        .boundary(format!("octroi-{id}"))
        .singlepart(SinglePart::builder().header(ContentType::TEXT_PLAIN).body(letter.plain_text()?))
        .singlepart(SinglePart::builder().header(ContentType::TEXT_HTML).body(letter.html()?));
    let bytes = builder.multipart(body)?.formatted();
    Ok(Message { id, from: envelope.from_address.clone(), to: envelope.to, bytes })
}

/// Not the dedupe key itself: that names accounts and invoices, and headers travel far.
fn id(dedupe_key: &str) -> String {
    let digest = Sha256::new().chain_update("octroi mail\n").chain_update(dedupe_key).finalize();
    digest.iter().take(ID_BYTES).map(|byte| format!("{byte:02x}")).collect()
}

fn header(name: &'static str, value: &'static str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// RFC 2369: a URL in angle brackets, which must not be folded or encoded.
#[derive(Clone)]
struct ListUnsubscribe(String);

impl Header for ListUnsubscribe {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("List-Unsubscribe")
    }

    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self(text.trim_matches(['<', '>']).to_owned()))
    }

    fn display(&self) -> HeaderValue {
        // The URL is ASCII without spaces or controls: `compose` made it of a checked base and a checked token.
        HeaderValue::new(Self::name(), format!("<{}>", self.0))
    }
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
