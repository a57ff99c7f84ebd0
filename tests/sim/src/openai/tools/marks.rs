//! Calls that a user's text scripts: `[[call=get_weather {"city": "Zürich"}]]`, `[[call=none]]`.

use serde_json::{Deserializer, Value};

const OPENING: &str = "[[call=";
const CLOSING: &str = "]]";

/// One scripted call.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// The tool; a name that no tool has ("none") means an answer in words.
    pub name: String,
    /// What it is called with; a sample if the script does not say.
    pub input: Option<Value>,
}

/// Every scripted call of `text`, in order. What is no whole mark is plain text.
pub fn read(text: &str) -> Vec<Mark> {
    text.split(OPENING).skip(1).filter_map(mark).collect()
}

fn mark(text: &str) -> Option<Mark> {
    let name_end = text.find(|c: char| c.is_whitespace() || c == ']')?;
    let (name, rest) = text.split_at(name_end);
    let rest = rest.trim_start();
    if rest.starts_with(CLOSING) {
        return Some(Mark { name: name.to_owned(), input: None });
    }
    let mut values = Deserializer::from_str(rest).into_iter::<Value>();
    let input = values.next()?.ok()?;
    let closed = rest.get(values.byte_offset()..)?.trim_start().starts_with(CLOSING);
    closed.then(|| Mark { name: name.to_owned(), input: Some(input) })
}
