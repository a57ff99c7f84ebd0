//! A request's parameters, taken one by one. What nobody took in the end is refused, as Stripe refuses it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::errors::ApiError;

/// Metadata of an object: at most 50 keys of 40 characters with values of 500 (Stripe's API reference).
pub type Metadata = BTreeMap<String, String>;

/// The largest number that is taken, either way: far beyond every amount, quantity and time.
const MAX_INTEGER: i64 = 1_000_000_000_000;

const MAX_METADATA_KEYS: usize = 50;
const MAX_METADATA_KEY: usize = 40;
const MAX_METADATA_VALUE: usize = 500;

/// The parameters of a request, or of one object inside them.
#[derive(Clone, Debug, Default)]
pub struct Params {
    members: Map<String, Value>,
    prefix: String,
}

impl Params {
    /// All parameters of a request.
    pub fn new(members: Map<String, Value>) -> Self {
        Self { members, prefix: String::new() }
    }

    /// The parameter's full name, as errors give it: `items[0][price]`.
    pub fn name(&self, name: &str) -> String {
        if self.prefix.is_empty() { name.to_owned() } else { format!("{}[{name}]", self.prefix) }
    }

    /// Whether the parameter is there.
    pub fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// The names of what is left.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.keys().map(String::as_str)
    }

    /// Whether the parameter is there, and this text.
    pub fn is(&self, name: &str, text: &str) -> bool {
        self.members.get(name).and_then(Value::as_str) == Some(text)
    }

    /// Takes a text. An empty one counts as absent.
    pub fn text(&mut self, name: &str) -> Result<Option<String>, ApiError> {
        Ok(self.clearable(name)?.flatten())
    }

    /// Takes a text that must be there.
    pub fn required(&mut self, name: &str) -> Result<String, ApiError> {
        self.text(name)?.ok_or_else(|| ApiError::missing(&self.name(name)))
    }

    /// Takes a text that an empty one clears: absent, cleared, or given.
    pub fn clearable(&mut self, name: &str) -> Result<Option<Option<String>>, ApiError> {
        match self.members.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(Some(None)),
            Some(Value::String(text)) => Ok(Some(Some(text))),
            Some(_) => Err(ApiError::wrong_type(&self.name(name), "string", "an object")),
        }
    }

    /// Takes one of `allowed`.
    pub fn one_of(&mut self, name: &str, allowed: &[&'static str]) -> Result<Option<&'static str>, ApiError> {
        let Some(given) = self.text(name)? else { return Ok(None) };
        let found = allowed.iter().copied().find(|allowed| *allowed == given);
        found.map(Some).ok_or_else(|| ApiError::not_one_of(&self.name(name), allowed))
    }

    /// Takes a whole number, a Unix time among them.
    pub fn integer(&mut self, name: &str) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let number: Option<i64> =
            text.parse().ok().filter(|number| (-MAX_INTEGER..=MAX_INTEGER).contains(number));
        number.map(Some).ok_or_else(|| ApiError::wrong_type(&self.name(name), "integer", &text))
    }

    /// Takes `true` or `false`.
    pub fn boolean(&mut self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.text(name)?.as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => Err(ApiError::wrong_type(&self.name(name), "boolean", other)),
        }
    }

    /// Takes an object. An empty text, which clears one, counts as absent: see [`Params::clears`].
    pub fn object(&mut self, name: &str) -> Result<Option<Params>, ApiError> {
        let prefix = self.name(name);
        match self.members.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::Object(members)) => Ok(Some(Params { members, prefix })),
            Some(_) => Err(ApiError::wrong_type(&prefix, "object", "a string")),
        }
    }

    /// Whether an empty text stands where an object could, which clears it.
    pub fn clears(&self, name: &str) -> bool {
        self.members.get(name).and_then(Value::as_str).is_some_and(str::is_empty)
    }

    /// Takes a list of objects.
    pub fn objects(&mut self, name: &str) -> Result<Vec<Params>, ApiError> {
        let prefix = self.name(name);
        let Some(given) = self.members.remove(name) else { return Ok(Vec::new()) };
        let Value::Array(given) = given else { return Err(ApiError::wrong_type(&prefix, "array", "")) };
        let one = |(index, value): (usize, Value)| match value {
            Value::Object(members) => Ok(Params { members, prefix: format!("{prefix}[{index}]") }),
            _ => Err(ApiError::wrong_type(&format!("{prefix}[{index}]"), "object", "a string")),
        };
        given.into_iter().enumerate().map(one).collect()
    }

    /// Takes a list of texts.
    pub fn texts(&mut self, name: &str) -> Result<Vec<String>, ApiError> {
        let wrong = ApiError::wrong_type(&self.name(name), "array", "");
        match self.members.remove(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(given)) => given
                .into_iter()
                .map(|value| value.as_str().map(str::to_owned).ok_or(wrong.clone()))
                .collect(),
            Some(_) => Err(wrong),
        }
    }

    /// Takes metadata and merges it into `metadata`: an empty value removes its key, an empty text all of them.
    pub fn metadata(&mut self, metadata: &mut Metadata) -> Result<(), ApiError> {
        if self.clears("metadata") {
            metadata.clear();
        }
        let Some(given) = self.object("metadata")? else { return Ok(()) };
        let prefix = given.prefix.clone();
        for (key, value) in given.members {
            let name = format!("{prefix}[{key}]");
            let Value::String(value) = value else { return Err(ApiError::wrong_type(&name, "string", "")) };
            if key.chars().count() > MAX_METADATA_KEY || value.chars().count() > MAX_METADATA_VALUE {
                let message = format!(
                    "Metadata keys may have {MAX_METADATA_KEY} characters and values {MAX_METADATA_VALUE}"
                );
                return Err(ApiError::parameter("metadata_too_long", &name, message));
            }
            if value.is_empty() {
                metadata.remove(&key)
            } else {
                metadata.insert(key, value)
            };
        }
        if metadata.len() > MAX_METADATA_KEYS {
            let message = format!("An object has at most {MAX_METADATA_KEYS} metadata keys");
            return Err(ApiError::parameter("metadata_too_many", &prefix, message));
        }
        Ok(())
    }

    /// Takes every member as text, as the payload of a meter event has them.
    pub fn into_texts(self) -> Result<BTreeMap<String, String>, ApiError> {
        let prefix = self.prefix;
        let text = |(key, value): (String, Value)| match value {
            Value::String(text) => Ok((key, text)),
            _ => Err(ApiError::wrong_type(&format!("{prefix}[{key}]"), "string", "")),
        };
        self.members.into_iter().map(text).collect()
    }

    /// Takes everything that is left.
    pub fn take_all(&mut self) -> Map<String, Value> {
        std::mem::take(&mut self.members)
    }

    /// Takes parameters of Stripe's that change nothing the stand-in models.
    pub fn ignore(&mut self, names: &[&str]) {
        for name in names {
            self.members.remove(*name);
        }
    }

    /// Refuses what is left.
    pub fn finish(&self) -> Result<(), ApiError> {
        match self.members.keys().next() {
            None => Ok(()),
            Some(name) => Err(ApiError::unknown(&self.name(name))),
        }
    }
}
