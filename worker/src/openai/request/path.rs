//! Where in a request something is, built on the stack and written out only for an error.

use std::fmt;

/// A place in the body, rendered as OpenAI does: `messages[0].content`.
#[derive(Clone, Copy)]
pub(super) enum Path<'a> {
    Root,
    Key(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

/// Longest `param` handed back, in bytes: field names come from the client.
const MAX_PARAM_BYTES: usize = 200;
/// Most characters of a client's value that an error quotes.
const MAX_QUOTED_CHARS: usize = 64;

impl Path<'_> {
    /// The `param` of an error at this place.
    pub(super) fn param(&self) -> String {
        shorten(self.to_string())
    }
}

/// Cuts a rendered path to what an error may carry.
pub(crate) fn shorten(mut text: String) -> String {
    if text.len() > MAX_PARAM_BYTES {
        text.truncate(text.floor_char_boundary(MAX_PARAM_BYTES));
        text.push('…');
    }
    text
}

/// The text quoted, if it is a name: what reads like a text may be somebody's, and no answer repeats that.
pub(super) fn quoted_name(text: &str) -> Option<String> {
    let is_name = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.:/-".contains(&byte));
    is_name.then(|| quoted(text))
}

/// A client's text as an error quotes it: its beginning, with everything invisible escaped.
pub(super) fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().take(MAX_QUOTED_CHARS).flat_map(char::escape_debug).collect();
    if text.chars().nth(MAX_QUOTED_CHARS).is_some() {
        shown.push('…');
    }
    format!("'{shown}'")
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root => Ok(()),
            Path::Key(Path::Root, name) => f.write_str(name),
            Path::Key(parent, name) => write!(f, "{parent}.{name}"),
            Path::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}
