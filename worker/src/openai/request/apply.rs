//! Applies an allow-list: takes the client's values apart and keeps only what the rules name.

use serde_json::{Map, Value};

use super::error::RequestError;
use super::path::{Path, quoted, quoted_name};
use super::rules::{Check, Field, Rule, Tagged};

/// Longest model or function name, in bytes.
const MAX_NAME_BYTES: usize = 128;

/// Rebuilds an object from the fields the list names. The first field outside it is an error.
pub(super) fn object(
    fields: &'static [Field],
    source: Map<String, Value>,
    path: &Path<'_>,
) -> Result<Map<String, Value>, RequestError> {
    tagged_object(fields, None, source, path)
}

fn tagged_object(
    fields: &'static [Field],
    tag: Option<&'static str>,
    source: Map<String, Value>,
    path: &Path<'_>,
) -> Result<Map<String, Value>, RequestError> {
    let mut target = Map::with_capacity(source.len());
    for (name, value) in source {
        let place = Path::Key(path, &name);
        if tag == Some(name.as_str()) {
            target.insert(name, value);
            continue;
        }
        let Some(field) = fields.iter().find(|field| field.name == name) else {
            return Err(RequestError::UnknownField { param: place.param() });
        };
        match (&field.rule, value) {
            (Rule::Refuse(_) | Rule::Drop(_) | Rule::Need(_), Value::Null) => {}
            (Rule::Refuse(reason), value) => {
                return refused(&place, value.as_str().map(quoted), reason);
            }
            (Rule::Keep(_), Value::Null) => {
                target.insert(name, Value::Null);
            }
            (Rule::Drop(check), value) => {
                apply(check, value, &place)?;
            }
            (Rule::Need(check) | Rule::Keep(check), value) => {
                let value = apply(check, value, &place)?;
                target.insert(name, value);
            }
        }
    }
    for field in fields {
        if matches!(field.rule, Rule::Need(_)) && !target.contains_key(field.name) {
            return Err(RequestError::MissingField { param: Path::Key(path, field.name).param() });
        }
    }
    Ok(target)
}

fn apply(check: &'static Check, value: Value, path: &Path<'_>) -> Result<Value, RequestError> {
    match (check, value) {
        (Check::Anything, value) => Ok(value),
        (Check::Bool, value @ Value::Bool(_))
        | (Check::Off(_), value @ Value::Bool(false))
        | (Check::Text, value @ Value::String(_)) => Ok(value),
        (Check::Off(reason), Value::Bool(true)) => refused(path, Some("true".to_owned()), reason),
        (Check::ShortText(max_bytes), Value::String(text)) => {
            if text.len() > *max_bytes {
                return invalid(path, format!("expected at most {max_bytes} bytes"));
            }
            Ok(Value::String(text))
        }
        (Check::Name, Value::String(text)) => name(text, path),
        (Check::ImageUrl, Value::String(text)) => image_url(text, path),
        (Check::Number(min, max), Value::Number(number)) => match number.as_f64() {
            Some(real) if (*min..=*max).contains(&real) => Ok(Value::Number(number)),
            _ => Err(check.mismatch(&Value::Number(number), path)),
        },
        (Check::Integer(min, max), Value::Number(number)) => match number.as_i64() {
            Some(whole) if (*min..=*max).contains(&whole) => Ok(Value::Number(number)),
            _ => Err(check.mismatch(&Value::Number(number), path)),
        },
        (Check::OneOf(words), Value::String(text)) if words.contains(&text.as_str()) => {
            Ok(Value::String(text))
        }
        (Check::List { max_items, item }, Value::Array(items)) => list(*max_items, item, items, path),
        (Check::Object(fields), Value::Object(map)) => object(fields, map, path).map(Value::Object),
        (Check::Tagged(tagged), Value::Object(map)) => variant(tagged, map, path).map(Value::Object),
        (Check::Map { max_entries, value }, Value::Object(map)) => {
            entries(*max_entries, value, map, path).map(Value::Object)
        }
        (Check::AnyObject, value @ Value::Object(_)) => Ok(value),
        (Check::Either(checks), value) => match checks.iter().find(|check| check.takes(&value)) {
            Some(check) => apply(check, value, path),
            None => Err(check.mismatch(&value, path)),
        },
        (check, value) => Err(check.mismatch(&value, path)),
    }
}

fn list(
    max_items: usize,
    item: &'static Check,
    items: Vec<Value>,
    path: &Path<'_>,
) -> Result<Value, RequestError> {
    if items.len() > max_items {
        return invalid(path, format!("expected at most {max_items} items"));
    }
    let rebuilt: Result<Vec<_>, _> = items
        .into_iter()
        .enumerate()
        .map(|(index, value)| apply(item, value, &Path::Index(path, index)))
        .collect();
    rebuilt.map(Value::Array)
}

fn entries(
    max_entries: usize,
    check: &'static Check,
    map: Map<String, Value>,
    path: &Path<'_>,
) -> Result<Map<String, Value>, RequestError> {
    if map.len() > max_entries {
        return invalid(path, format!("expected at most {max_entries} entries"));
    }
    map.into_iter()
        .map(|(key, value)| {
            let value = apply(check, value, &Path::Key(path, &key))?;
            Ok((key, value))
        })
        .collect()
}

fn variant(
    tagged: &'static Tagged,
    map: Map<String, Value>,
    path: &Path<'_>,
) -> Result<Map<String, Value>, RequestError> {
    let place = Path::Key(path, tagged.tag);
    let tag = match map.get(tagged.tag) {
        Some(Value::String(tag)) => tag.as_str(),
        Some(Value::Null) | None => match tagged.default {
            Some(default) => default,
            None => return Err(RequestError::MissingField { param: place.param() }),
        },
        Some(_) => return invalid(&place, "expected a string"),
    };
    if let Some((_, fields)) = tagged.variants.iter().find(|(name, _)| *name == tag) {
        return tagged_object(fields, Some(tagged.tag), map, path);
    }
    if let Some((_, reason)) = tagged.refused.iter().find(|(name, _)| *name == tag) {
        return refused(&place, Some(quoted(tag)), reason);
    }
    let known: Vec<_> = tagged.variants.iter().map(|(name, _)| *name).collect();
    let found = quoted_name(tag).unwrap_or_else(|| "another text".to_owned());
    invalid(&place, format!("expected one of '{}', not {found}", known.join("', '")))
}

fn name(text: String, path: &Path<'_>) -> Result<Value, RequestError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:/".contains(&byte);
    if text.is_empty() || text.len() > MAX_NAME_BYTES || !text.bytes().all(allowed) {
        return invalid(path, format!("expected 1 to {MAX_NAME_BYTES} letters, digits or any of ._-:/"));
    }
    Ok(Value::String(text))
}

fn image_url(text: String, path: &Path<'_>) -> Result<Value, RequestError> {
    if !["https://", "http://", "data:image/"].iter().any(|prefix| text.starts_with(prefix)) {
        return invalid(path, "expected an http(s) URL or a data:image URL");
    }
    Ok(Value::String(text))
}

fn refused<T>(path: &Path<'_>, value: Option<String>, reason: &'static str) -> Result<T, RequestError> {
    Err(RequestError::NotAllowed { param: path.param(), value, message: reason })
}

fn invalid<T>(path: &Path<'_>, message: impl Into<String>) -> Result<T, RequestError> {
    Err(RequestError::InvalidValue { param: path.param(), message: message.into() })
}
