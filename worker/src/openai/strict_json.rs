//! JSON as strict as metering needs: no duplicate keys, bounded depth, bounded number of values.
//!
//! `serde_json` alone keeps the last of two equal keys; another parser upstream might keep the first, and then
//! the request that was metered is not the request that was served.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::request::RequestError;

/// Deepest nesting accepted. The provider's own schemas stay under 20.
pub const MAX_DEPTH: usize = 64;

/// Most values (objects, arrays, scalars) accepted in one body. A value takes 32 bytes in memory but may take
/// two in the body (`0,`), so the body limit alone would not bound memory. 300,000 tokens is the provider's
/// own limit for an embeddings request of token ids.
pub const MAX_VALUES: usize = 400_000;

/// Parses a body into an object, keys in the order they were sent (the order of a JSON schema has meaning).
pub fn parse_object(body: &[u8]) -> Result<Map<String, Value>, RequestError> {
    let state = RefCell::new(State { values_left: MAX_VALUES, fault: None, path: Vec::new() });
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let parsed = Seed { depth: 0, state: &state }
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value));
    match parsed {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(RequestError::NotAnObject),
        Err(error) => Err(state.into_inner().explain(&error)),
    }
}

enum Fault {
    Duplicate,
    TooDeep,
    TooMany,
}

enum Segment {
    Key(String),
    Index(usize),
}

/// Shared by every level of one parse; the path is filled only while an error unwinds, innermost first.
struct State {
    values_left: usize,
    fault: Option<Fault>,
    path: Vec<Segment>,
}

impl State {
    fn explain(self, error: &serde_json::Error) -> RequestError {
        match self.fault {
            Some(Fault::Duplicate) => RequestError::DuplicateField { param: render(&self.path) },
            Some(Fault::TooDeep) => RequestError::TooDeep { max_depth: MAX_DEPTH },
            Some(Fault::TooMany) => RequestError::TooManyValues { max_values: MAX_VALUES },
            None => RequestError::InvalidJson { line: error.line(), column: error.column() },
        }
    }
}

fn render(path: &[Segment]) -> String {
    let mut text = String::new();
    for segment in path.iter().rev() {
        match segment {
            Segment::Key(key) if text.is_empty() => text.push_str(key),
            Segment::Key(key) => {
                text.push('.');
                text.push_str(key);
            }
            Segment::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    super::request::shorten(text)
}

struct Seed<'a> {
    depth: usize,
    state: &'a RefCell<State>,
}

impl Seed<'_> {
    fn fail<E: serde::de::Error>(&self, fault: Fault) -> E {
        self.state.borrow_mut().fault = Some(fault);
        // Never shown: `explain` reads the fault instead.
        E::custom("refused")
    }

    fn child<E: serde::de::Error>(&self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(self.fail(Fault::TooDeep));
        }
        Ok(Seed { depth: self.depth + 1, state: self.state })
    }

    fn enter(&self, segment: Segment) {
        self.state.borrow_mut().path.push(segment);
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let left = self.state.borrow().values_left;
        match left.checked_sub(1) {
            Some(left) => self.state.borrow_mut().values_left = left,
            None => return Err(self.fail(Fault::TooMany)),
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        loop {
            match access.next_element_seed(self.child()?) {
                Ok(Some(item)) => items.push(item),
                Ok(None) => return Ok(Value::Array(items)),
                Err(error) => {
                    self.enter(Segment::Index(items.len()));
                    return Err(error);
                }
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            if map.contains_key(&key) {
                self.enter(Segment::Key(key));
                return Err(self.fail(Fault::Duplicate));
            }
            match access.next_value_seed(self.child()?) {
                Ok(value) => map.insert(key, value),
                Err(error) => {
                    self.enter(Segment::Key(key));
                    return Err(A::Error::custom(error));
                }
            };
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests;
