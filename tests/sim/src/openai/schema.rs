//! A sample value of a JSON Schema, for structured outputs and tool arguments.

use serde_json::{Deserializer, Map, Value, json};

/// The sample of a string.
pub const SAMPLE_TEXT: &str = "the gate of the city";
/// Depth to which nested schemas are followed; deeper ones become null.
const MAX_DEPTH: usize = 16;
/// Braces of a text that are tried as the beginning of a schema.
const MAX_OPENINGS: usize = 64;

/// A value that fits `schema`, as far as OpenAI's subset of JSON Schema goes.
pub fn sample(schema: &Value) -> Value {
    sample_within(schema, schema, MAX_DEPTH)
}

fn sample_within(schema: &Value, root: &Value, depth: usize) -> Value {
    if depth == 0 {
        return Value::Null;
    }
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        let target = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        return target.map_or(Value::Null, |target| sample_within(target, root, depth - 1));
    }
    if let Some(fixed) = schema.get("const").or_else(|| schema.pointer("/enum/0")) {
        return fixed.clone();
    }
    if let Some(first) = schema.pointer("/anyOf/0").or_else(|| schema.pointer("/oneOf/0")) {
        return sample_within(first, root, depth - 1);
    }
    let kind = schema.get("type").and_then(|kind| kind.as_str().or_else(|| kind.get(0)?.as_str()));
    match kind {
        Some("object") => object(schema, root, depth),
        Some("array") => array(schema, root, depth),
        Some("integer") => schema.get("minimum").cloned().unwrap_or(json!(7)),
        Some("number") => schema.get("minimum").cloned().unwrap_or(json!(7.5)),
        Some("boolean") => json!(true),
        Some("string") => json!(SAMPLE_TEXT),
        Some(_) => Value::Null,
        None if schema.get("properties").is_some() => object(schema, root, depth),
        None => json!({}),
    }
}

fn object(schema: &Value, root: &Value, depth: usize) -> Value {
    let properties = schema.get("properties").and_then(Value::as_object);
    let members = properties.into_iter().flatten();
    let sampled = members.map(|(name, member)| (name.clone(), sample_within(member, root, depth - 1)));
    Value::Object(sampled.collect::<Map<_, _>>())
}

fn array(schema: &Value, root: &Value, depth: usize) -> Value {
    let items = schema.get("items").unwrap_or(&Value::Null);
    let wanted = schema.get("minItems").and_then(Value::as_u64).unwrap_or(1).min(MAX_DEPTH as u64);
    (0..wanted).map(|_| sample_within(items, root, depth - 1)).collect()
}

/// The schema of an object that nothing is said of but that it answers.
pub fn of_an_answer() -> Value {
    json!({ "type": "object", "properties": { "answer": { "type": "string" }, "number": { "type": "integer" } } })
}

/// The first JSON Schema of an object that stands in `text`, as clients write it into a prompt.
pub fn written_in(text: &str) -> Option<Value> {
    let openings = text.match_indices('{').take(MAX_OPENINGS);
    openings
        .filter_map(|(at, _)| Deserializer::from_str(&text[at..]).into_iter::<Value>().next()?.ok())
        .find(|value| value.get("properties").is_some_and(Value::is_object))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_every_member_and_follows_references() {
        let schema = json!({
            "type": "object",
            "properties": {
                "city": { "type": "string" },
                "gates": { "type": "array", "items": { "$ref": "#/$defs/gate" } },
                "kind": { "enum": ["toll", "grant"] },
                "note": { "anyOf": [{ "type": "null" }, { "type": "string" }] },
            },
            "$defs": { "gate": { "type": "object", "properties": { "width": { "type": "integer" } } } },
        });
        let expected = json!({
            "city": "the gate of the city", "gates": [{ "width": 7 }], "kind": "toll", "note": null,
        });
        assert_eq!(sample(&schema), expected);
    }

    #[test]
    fn a_schema_is_found_in_a_text() {
        let text =
            r#"Answer {briefly} in JSON: {"type": "object", "properties": {"city": {}}}, nothing else."#;
        assert_eq!(written_in(text), Some(json!({ "type": "object", "properties": { "city": {} } })));
        assert_eq!(written_in(r#"{"city": 7} {"#), None);
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        let schema = json!({ "type": "object", "properties": { "next": { "$ref": "#" } } });
        assert!(sample(&schema).is_object());
    }
}
