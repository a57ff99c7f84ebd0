//! `application/x-www-form-urlencoded` with Stripe's brackets: `items[0][price]=…`, `expand[]=…`.

use serde_json::{Map, Value};

use super::errors::ApiError;

/// Levels of brackets in one name.
const MAX_DEPTH: usize = 8;

/// The members that `text` encodes, every leaf a string. Members whose names are numbers from 0 on become a list.
pub fn decode(text: &str) -> Result<Map<String, Value>, ApiError> {
    let mut root = Map::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = unescape(name)?;
        insert(&mut root, &path(&name)?, unescape(value)?);
    }
    Ok(root.into_iter().map(|(name, value)| (name, with_lists(value))).collect())
}

/// `a[b][]` as `["a", "b", ""]`.
fn path(name: &str) -> Result<Vec<&str>, ApiError> {
    let malformed = || ApiError::impossible(format!("Malformed parameter name: {name}"));
    let Some(open) = name.find('[') else { return Ok(vec![name]) };
    let inner =
        name[open..].strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).ok_or_else(malformed)?;
    let mut path = vec![&name[..open]];
    path.extend(inner.split("]["));
    let well_formed = path.len() <= MAX_DEPTH && !path.iter().any(|part| part.contains(['[', ']']));
    if well_formed { Ok(path) } else { Err(malformed()) }
}

fn insert(members: &mut Map<String, Value>, path: &[&str], value: String) {
    let Some((first, rest)) = path.split_first() else { return };
    // `[]` takes the next free place.
    let name = if first.is_empty() { members.len().to_string() } else { (*first).to_owned() };
    if rest.is_empty() {
        members.insert(name, Value::String(value));
        return;
    }
    let inner = members.entry(name).or_insert_with(|| Value::Object(Map::new()));
    if !inner.is_object() {
        *inner = Value::Object(Map::new());
    }
    if let Some(inner) = inner.as_object_mut() {
        insert(inner, rest, value);
    }
}

fn with_lists(value: Value) -> Value {
    let Value::Object(members) = value else { return value };
    let is_list =
        !members.is_empty() && (0..members.len()).all(|index| members.contains_key(&index.to_string()));
    if is_list {
        let mut numbered: Vec<(usize, Value)> = members
            .into_iter()
            .map(|(index, value)| (index.parse().unwrap_or(0), with_lists(value)))
            .collect();
        numbered.sort_by_key(|(index, _)| *index);
        return Value::Array(numbered.into_iter().map(|(_, value)| value).collect());
    }
    Value::Object(members.into_iter().map(|(name, value)| (name, with_lists(value))).collect())
}

fn unescape(text: &str) -> Result<String, ApiError> {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while let Some(&byte) = bytes.get(index) {
        let escaped = (byte == b'%').then(|| bytes.get(index + 1..index + 3)).flatten();
        let escaped = escaped.and_then(|digits| std::str::from_utf8(digits).ok());
        match escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(value) => {
                plain.push(value);
                index += 3;
            }
            None => {
                plain.push(if byte == b'+' { b' ' } else { byte });
                index += 1;
            }
        }
    }
    String::from_utf8(plain).map_err(|_| ApiError::impossible("Invalid UTF-8 in the request's parameters"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn decoded(text: &str) -> Value {
        Value::Object(decode(text).unwrap())
    }

    #[test]
    fn brackets_become_objects_and_numbers_become_lists() {
        let text = "customer=cus_1&items[0][price]=price_1&items[0][quantity]=2&items[1][price]=price_2";
        let items = json!([{ "price": "price_1", "quantity": "2" }, { "price": "price_2" }]);
        assert_eq!(decoded(text), json!({ "customer": "cus_1", "items": items }));
        assert_eq!(decoded("expand[]=a.b&expand[]=c"), json!({ "expand": ["a.b", "c"] }));
        assert_eq!(decoded("expand%5B0%5D=a"), json!({ "expand": ["a"] }));
    }

    #[test]
    fn escapes_are_undone_and_a_stray_percent_is_kept() {
        assert_eq!(decoded("name=a%20b+c%26%C3%A9&odd=100%"), json!({ "name": "a b c&é", "odd": "100%" }));
        assert!(decode("metadata[a[b]=1").is_err());
    }
}
