#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn refused(body: &str) -> RequestError {
    parse_object(body.as_bytes()).unwrap_err()
}

#[test]
fn a_duplicate_key_is_named_wherever_it_stands() {
    for (body, param) in [
        (r#"{"model":"a","model":"b"}"#, "model"),
        (r#"{"messages":[{},{"role":"user","role":"system"}]}"#, "messages[1].role"),
        (r#"{"a":{"b":[[{"c":1,"d":2,"c":3}]]}}"#, "a.b[0][0].c"),
        // An escape does not make another key.
        (r#"{"n":1,"\u006e":8}"#, "n"),
    ] {
        assert_eq!(refused(body), RequestError::DuplicateField { param: param.into() }, "{body}");
    }
}

#[test]
fn depth_is_counted_from_the_body_itself() {
    let nested = |depth: usize| format!("{{\"a\":{}0{}}}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse_object(nested(MAX_DEPTH - 1).as_bytes()).is_ok());
    assert_eq!(refused(&nested(MAX_DEPTH)), RequestError::TooDeep { max_depth: MAX_DEPTH });
    assert_eq!(refused(&nested(10_000)), RequestError::TooDeep { max_depth: MAX_DEPTH });
}

#[test]
fn a_small_body_cannot_become_a_large_tree() {
    let body = format!("{{\"a\":[{}0]}}", "0,".repeat(MAX_VALUES));
    assert_eq!(refused(&body), RequestError::TooManyValues { max_values: MAX_VALUES });
}

#[test]
fn what_is_not_json_is_not_guessed_at() {
    for body in [
        "",
        "{",
        "nonsense",
        "{\"a\":NaN}",
        "{\"a\":Infinity}",
        "{\"a\":1e309}",
        "{\"a\":-1e400}",
        "{\"a\":01}",
        "{\"a\":1}{\"b\":2}",
        "{\"a\":1} trailing",
        "{'a':1}",
        "{\"a\":\"\\ud800\"}",
    ] {
        assert!(matches!(refused(body), RequestError::InvalidJson { .. }), "{body}");
    }
    assert!(matches!(parse_object(b"{\"a\":\"\xff\"}").unwrap_err(), RequestError::InvalidJson { .. }));
    for body in ["[]", "null", "1", "\"text\""] {
        assert_eq!(refused(body), RequestError::NotAnObject);
    }
}

#[test]
fn keys_keep_their_order() {
    let map = parse_object(br#"{"z":1,"a":2,"m":{"y":1,"b":2}}"#).unwrap();
    assert_eq!(serde_json::to_string(&map).unwrap(), r#"{"z":1,"a":2,"m":{"y":1,"b":2}}"#);
}

proptest! {
    #[test]
    fn no_input_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse_object(&body);
    }

    #[test]
    fn agrees_with_serde_json_where_both_accept(body in "[\\[\\]{}:,\"a-c0-9eE.+\\- ntrulfs\\\\]{0,60}") {
        if let Ok(map) = parse_object(body.as_bytes()) {
            prop_assert_eq!(Value::Object(map), serde_json::from_str::<Value>(&body).unwrap());
        }
    }
}
