//! Whatever comes in, only the allow-list goes out (T18).

use super::*;

/// Every name that may stand at the top of what is sent.
fn allowed(endpoint: Endpoint) -> Vec<&'static str> {
    let (fields, ours): (_, &[&str]) = match endpoint {
        Endpoint::ChatCompletions => (
            chat::FIELDS,
            &["safety_identifier", "service_tier", "store", "max_completion_tokens", "prompt_cache_key"],
        ),
        Endpoint::Responses => (
            responses::FIELDS,
            &["safety_identifier", "service_tier", "store", "max_output_tokens", "prompt_cache_key"],
        ),
        Endpoint::Embeddings => (embeddings::FIELDS, &["user"]),
    };
    let kept =
        fields.iter().filter(|field| matches!(field.rule, rules::Rule::Need(_) | rules::Rule::Keep(_)));
    kept.map(|field| field.name).filter(|name| *name != "max_tokens").chain(ours.iter().copied()).collect()
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|x| json!(x)),
        "[a-z_]{0,12}".prop_map(Value::from),
        Just(json!("text")),
        Just(json!("user")),
        Just(json!("function")),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((any_name(), inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn any_name() -> impl Strategy<Value = String> {
    let known = Endpoint::ALL.iter().flat_map(|endpoint| match endpoint {
        Endpoint::ChatCompletions => chat::FIELDS,
        Endpoint::Responses => responses::FIELDS,
        Endpoint::Embeddings => embeddings::FIELDS,
    });
    let mut names: Vec<String> = known.map(|field| field.name.to_owned()).collect();
    names.extend(["role", "content", "type", "text", "name", "function", "file_id", "id"].map(str::to_owned));
    prop_oneof![3 => prop::sample::select(names), 1 => "[a-z_.\\[\\]]{1,12}"]
}

fn any_endpoint() -> impl Strategy<Value = Endpoint> {
    prop::sample::select(Endpoint::ALL.to_vec())
}

fn valid(endpoint: Endpoint) -> Value {
    match endpoint {
        Endpoint::ChatCompletions => super::chat(json!({
            "messages": [
                { "role": "user", "content": [{ "type": "text", "text": "x" }] },
                { "role": "assistant", "content": "y" },
            ],
            "tools": [{ "type": "function", "function": { "name": "f", "parameters": {} } }],
            "stream": true,
            "stream_options": {},
        })),
        Endpoint::Responses => super::responses(json!({
            "input": [{ "role": "user", "content": [{ "type": "input_text", "text": "x" }] }],
            "tools": [{ "type": "function", "name": "f", "parameters": {}, "strict": true }],
            "text": { "format": { "type": "text" } },
            "reasoning": {},
        })),
        Endpoint::Embeddings => json!({ "model": "m", "input": ["x"] }),
    }
}

/// Puts a field into the `index`-th object of a tree, outermost first.
fn plant(value: &mut Value, index: &mut usize, name: &str, planted: &Value) {
    if let Value::Object(map) = value {
        if *index == 0 {
            map.insert(name.to_owned(), planted.clone());
        }
        *index = index.wrapping_sub(1);
    }
    match value {
        Value::Object(map) => map.values_mut().for_each(|value| plant(value, index, name, planted)),
        Value::Array(items) => items.iter_mut().for_each(|value| plant(value, index, name, planted)),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn only_allowed_fields_leave(
        endpoint in any_endpoint(),
        plants in prop::collection::vec((any_name(), any_json(), 0_usize..8), 0..4),
    ) {
        let mut body = valid(endpoint);
        for (name, value, mut index) in plants {
            plant(&mut body, &mut index, &name, &value);
        }
        let Ok(parsed) = parse(endpoint, &body) else { return Ok(()) };
        let out: Value = serde_json::from_slice(&parsed.upstream_body(100, &identity())).unwrap();
        let allowed = allowed(endpoint);
        for name in out.as_object().unwrap().keys() {
            prop_assert!(allowed.contains(&name.as_str()), "{name} left");
        }
        if endpoint != Endpoint::Embeddings {
            prop_assert_eq!(&out["store"], &json!(false));
            prop_assert_eq!(&out["service_tier"], &json!("default"));
        }
        // What was sent obeys the rules itself, at every depth, and would be sent again just so.
        let again = parse(endpoint, &out).unwrap();
        let resent: Value = serde_json::from_slice(&again.upstream_body(100, &identity())).unwrap();
        prop_assert_eq!(resent, out);
        parsed.input_tokens(Encoding::O200k).unwrap();
    }

    #[test]
    fn arbitrary_objects_never_panic(endpoint in any_endpoint(), body in any_json()) {
        let _ = parse(endpoint, &body);
    }
}
