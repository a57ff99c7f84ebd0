//! The language the allow-lists are written in: what each field may hold and what becomes of it.

use serde_json::Value;

use super::path::{Path, quoted_name};

/// One field of an object. A field without an entry does not exist.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) rule: Rule,
}

/// What becomes of a field.
pub(super) enum Rule {
    /// Must be there; sent on. `null` counts as absent.
    Need(Check),
    /// Sent on if there. `null` is sent on as it is.
    Keep(Check),
    /// Checked, then left out: Octroi puts its own in, or the field has no effect here.
    Drop(Check),
    /// Refused with this reason, unless `null`.
    Refuse(&'static str),
}

/// What a value must be.
pub(super) enum Check {
    Bool,
    /// `false`; `true` is refused with this reason.
    Off(&'static str),
    /// Any string.
    Text,
    /// A string of at most so many bytes.
    ShortText(usize),
    /// A model or function name: no control characters, spaces or look-alikes that another parser might fold.
    Name,
    /// `https://`, `http://` or `data:image/`. The provider fetches it, never Octroi.
    ImageUrl,
    Number(f64, f64),
    Integer(i64, i64),
    OneOf(&'static [&'static str]),
    List {
        max_items: usize,
        item: &'static Check,
    },
    Object(&'static [Field]),
    /// An object whose `tag` field says which fields it has.
    Tagged(Tagged),
    /// An object with free keys.
    Map {
        max_entries: usize,
        value: &'static Check,
    },
    /// A JSON schema, or another object with a meaning only to the model. Counted as text.
    AnyObject,
    /// The first alternative of the value's JSON type decides.
    Either(&'static [Check]),
    /// Anything, for fields that are dropped.
    Anything,
}

/// The alternatives of a [`Check::Tagged`].
pub(super) struct Tagged {
    pub(super) tag: &'static str,
    /// The variant of an object without the tag.
    pub(super) default: Option<&'static str>,
    pub(super) variants: &'static [(&'static str, &'static [Field])],
    /// Tags that are known and refused, with the reason.
    pub(super) refused: &'static [(&'static str, &'static str)],
}

pub(super) const fn need(name: &'static str, check: Check) -> Field {
    Field { name, rule: Rule::Need(check) }
}

pub(super) const fn keep(name: &'static str, check: Check) -> Field {
    Field { name, rule: Rule::Keep(check) }
}

pub(super) const fn drop(name: &'static str, check: Check) -> Field {
    Field { name, rule: Rule::Drop(check) }
}

pub(super) const fn refuse(name: &'static str, reason: &'static str) -> Field {
    Field { name, rule: Rule::Refuse(reason) }
}

impl Check {
    /// Whether this check is meant for the JSON type of `value`.
    pub(super) fn takes(&self, value: &Value) -> bool {
        match self {
            Self::Bool | Self::Off(_) => value.is_boolean(),
            Self::Text | Self::ShortText(_) | Self::Name | Self::ImageUrl | Self::OneOf(_) => {
                value.is_string()
            }
            Self::Number(..) | Self::Integer(..) => value.is_number(),
            Self::List { item, .. } => match value {
                Value::Array(items) => items.first().is_none_or(|first| item.takes(first)),
                _ => false,
            },
            Self::Object(_) | Self::Tagged(_) | Self::Map { .. } | Self::AnyObject => value.is_object(),
            Self::Either(checks) => checks.iter().any(|check| check.takes(value)),
            Self::Anything => true,
        }
    }

    /// What to tell a client whose value has another type.
    pub(super) fn expected(&self) -> String {
        match self {
            Self::Bool | Self::Off(_) => "expected a boolean".to_owned(),
            Self::Text | Self::ShortText(_) | Self::Name | Self::ImageUrl => "expected a string".to_owned(),
            Self::Number(min, max) => format!("expected a number between {min} and {max}"),
            Self::Integer(min, max) => format!("expected an integer between {min} and {max}"),
            Self::OneOf(words) => format!("expected one of '{}'", words.join("', '")),
            Self::List { .. } => "expected an array".to_owned(),
            Self::Object(_) | Self::Tagged(_) | Self::Map { .. } | Self::AnyObject => {
                "expected an object".to_owned()
            }
            Self::Either(checks) => {
                let all: Vec<_> = checks.iter().map(Self::expected).collect();
                all.join(", or ")
            }
            Self::Anything => "expected a value".to_owned(),
        }
    }

    /// The error for a value this check does not accept. A name that was to be a word of a list is quoted; any other text
    /// may be what somebody wrote, of which an error only says that it is a text.
    pub(super) fn mismatch(&self, value: &Value, path: &Path<'_>) -> super::RequestError {
        let found = match value {
            Value::String(text) if self.has_words() => {
                quoted_name(text).unwrap_or_else(|| "a string".to_owned())
            }
            Value::String(_) => "a string".to_owned(),
            Value::Array(_) => "an array".to_owned(),
            Value::Object(_) => "an object".to_owned(),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        };
        let message = format!("{}, not {found}", self.expected());
        super::RequestError::InvalidValue { param: path.param(), message }
    }

    fn has_words(&self) -> bool {
        match self {
            Self::OneOf(_) => true,
            Self::Either(checks) => checks.iter().any(Self::has_words),
            _ => false,
        }
    }
}
