//! Nonsense gets the right status and a clear error in OpenAI's shape; nothing is sent, metered or lost.

use octroi_sim::openai;
use octroi_tests::client::{Client, Reply, chat, read};
use octroi_tests::gateway::{Gateway, provider};
use octroi_tests::raw_http::{answer, send};
use octroi_tests::stage::{Stage, play};
use serde_json::{Value, json};

const CHAT: &str = "/v1/chat/completions";
const RESPONSES: &str = "/v1/responses";
const EMBEDDINGS: &str = "/v1/embeddings";

/// Runs a story with a customer of ample means, who must have spent and sent nothing when it ends.
async fn play_for_nothing(story: impl AsyncFnOnce(&Client, &str)) {
    play(async |stage: &Stage| {
        let sim: openai::Handle = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let caller = stage.sign_up_with(&[("account", "", "tokens", "month", 100_000_000, 0)]).await;
        let key = stage.make_key(caller, json!([])).await;
        story(&gateway.client.with(&key.secret), &key.secret).await;
        assert!(sim.requests().is_empty(), "sent upstream: {:?}", sim.requests());
        assert!(stage.usage_events().await.is_empty());
        assert!(
            stage.balances(caller).await.iter().all(|balance| balance.used == 0 && balance.reserved == 0)
        );
        let reply = gateway.client.with(&key.secret).post(CHAT, &chat(json!({}))).await;
        assert_eq!(reply.status, 200, "and the next good call goes through: {reply:?}");
        gateway.stop().await;
    })
    .await;
}

fn param(reply: &Reply) -> String {
    reply.json()["error"]["param"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_are_no_json_object() {
    play_for_nothing(async |client, _| {
        let deep = format!("{{\"model\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
        let bodies: Vec<Vec<u8>> = [
            "",
            " ",
            "{",
            "}",
            "nul",
            "null",
            "[]",
            "1",
            "\"text\"",
            "{\"model\":}",
            "{'model':'gpt-5.4-mini'}",
            "{\"a\":1}x",
            "{\"a\":1}{\"b\":2}",
            "{\"model\":\"gpt-5.4-mini\",}",
            "{\"n\":NaN}",
            "{\"n\":Infinity}",
            "{\"n\":0x10}",
            "{\"n\":01}",
            "{\"n\":1.}",
            "{\"model\":\"\\ud800\"}",
            "// comment\n{}",
            "\u{feff}{}",
            "{\"model\":\"a\u{1}b\"}",
            &deep,
        ]
        .iter()
        .map(|text| text.as_bytes().to_vec())
        .chain([vec![0xff, 0xfe], b"{\"model\":\"\xc3\x28\"}".to_vec(), vec![0; 100]])
        .collect();
        for path in [CHAT, RESPONSES, EMBEDDINGS] {
            for body in &bodies {
                let reply = client.post_raw(path, body.clone()).await;
                reply.assert_openai_error(400);
                assert_eq!(reply.json()["error"]["type"], "invalid_request_error");
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_that_are_unknown_twice_or_forbidden_are_named() {
    play_for_nothing(async |client, _| {
        let messages = r#""messages":[{"role":"user","content":"hi"}]"#;
        for (body, code, named) in [
            (
                format!(r#"{{"model":"gpt-5.4-mini",{messages},"frobnicate":1}}"#),
                "unknown_parameter",
                "frobnicate",
            ),
            (
                format!(r#"{{"model":"gpt-5.4-mini",{messages},"model":"gpt-5.5-pro"}}"#),
                "duplicate_parameter",
                "model",
            ),
            (
                format!(r#"{{"model":"gpt-5.4-mini",{messages},"mod\u0065l":"gpt-6.1-sol"}}"#),
                "duplicate_parameter",
                "model",
            ),
            (
                r#"{"model":"gpt-5.4-mini","messages":[{"role":"user","content":"hi","content":"ho"}]}"#
                    .to_owned(),
                "duplicate_parameter",
                "messages[0].content",
            ),
            (
                r#"{"model":"gpt-5.4-mini","messages":[{"role":"user","content":"hi","secret":1}]}"#
                    .to_owned(),
                "unknown_parameter",
                "messages[0].secret",
            ),
            (format!("{{{messages}}}"), "missing_required_parameter", "model"),
            (r#"{"model":"gpt-5.4-mini"}"#.to_owned(), "missing_required_parameter", "messages"),
        ] {
            let reply = client.post_raw(CHAT, body.clone()).await;
            reply.assert_openai_error(400);
            assert_eq!((reply.code().as_str(), param(&reply).as_str()), (code, named), "{body}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_that_no_call_can_have() {
    play_for_nothing(async |client, _| {
        let numbers = ["-1", "0", "1.5", "1e309", "-1e309", "9223372036854775808", "18446744073709551616", "1e999999", "\"5\"", "true", "[]"];
        for member in ["max_completion_tokens", "max_tokens", "n"] {
            for number in numbers {
                let body = format!(
                    r#"{{"model":"gpt-5.4-mini","messages":[{{"role":"user","content":"hi"}}],"{member}":{number}}}"#
                );
                let reply = client.post_raw(CHAT, body).await;
                assert_eq!(reply.status, 400, "{member}: {number} {reply:?}");
                reply.assert_openai_error(400);
                // 1e309 may be refused as no number at all, before its member is known.
                assert!([member, ""].contains(&param(&reply).as_str()), "{member}: {number}");
            }
        }
        for (path, body) in [
            (CHAT, chat(json!({ "n": 129 }))),
            (CHAT, chat(json!({ "temperature": 1e300 }))),
            (RESPONSES, json!({ "model": "gpt-5.4-mini", "input": "hi", "max_output_tokens": -5 })),
            (EMBEDDINGS, json!({ "model": "text-embedding-3-small", "input": "hi", "dimensions": -1 })),
            (EMBEDDINGS, json!({ "model": "text-embedding-3-small", "input": [] })),
        ] {
            client.post(path, &body).await.assert_openai_error(400);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_of_the_wrong_kind_and_models_that_are_none() {
    play_for_nothing(async |client, _| {
        let wrong: [Value; 7] =
            [json!(null), json!(5), json!(true), json!([]), json!({}), json!(""), json!("x".repeat(10_000))];
        for value in &wrong {
            let reply = client.post(CHAT, &chat(json!({ "model": value }))).await;
            assert!([400, 404].contains(&reply.status.as_u16()), "{reply:?}");
            reply.assert_openai_error(reply.status.as_u16());
        }
        for model in [
            "gpt-99",
            "gpt-5.4-mini ",
            "GPT-4O-MINI",
            "gpt-5.4-mini'; drop table octroi_private.account; --",
            "é\u{0}",
        ] {
            let reply = client.post(CHAT, &chat(json!({ "model": model }))).await;
            assert!([400, 404].contains(&reply.status.as_u16()), "{reply:?}");
            reply.assert_openai_error(reply.status.as_u16());
        }
        client.post(CHAT, &chat(json!({ "model": "gpt-99" }))).await.assert_openai_error(404);
        for messages in [
            json!("hi"),
            json!([5]),
            json!([{}]),
            json!([{ "role": "user" }]),
            json!([{ "role": "king", "content": "x" }]),
        ] {
            client.post(CHAT, &chat(json!({ "messages": messages }))).await.assert_openai_error(400);
        }
        for key in ["", "two words", "é", &"k".repeat(300)] {
            let request = client
                .request(http::Method::POST, CHAT)
                .json(&chat(json!({})))
                .header("idempotency-key", key.as_bytes());
            read(request.send().await.unwrap()).await.assert_openai_error(400);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paths_methods_and_types_that_are_not_served() {
    play_for_nothing(async |client, _| {
        for path in [
            "/v1/completions",
            "/v1/files",
            "/v1/chat/completions/",
            "/v1//chat/completions",
            "/",
            "/v1",
            "/v1/models/../../etc/passwd",
            "/v1/images/generations",
            "/%00",
        ] {
            let reply = client.post(path, &chat(json!({}))).await;
            assert!([404, 405].contains(&reply.status.as_u16()), "{path}: {reply:?}");
            reply.assert_openai_error(reply.status.as_u16());
        }
        for method in ["GET", "PUT", "DELETE", "PATCH"] {
            let method = http::Method::from_bytes(method.as_bytes()).unwrap();
            let reply = read(client.request(method, CHAT).send().await.unwrap()).await;
            reply.assert_openai_error(405);
            assert_eq!(reply.header("allow"), Some("POST"));
        }
        for content_type in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/jsonp",
            "",
        ] {
            let request = client.request(http::Method::POST, CHAT).header("content-type", content_type);
            let reply = read(request.body(chat(json!({})).to_string()).send().await.unwrap()).await;
            reply.assert_openai_error(415);
        }
        // A gzip bomb is not even opened.
        for encoding in ["gzip", "br", "deflate", "gzip, gzip"] {
            let request = client.request(http::Method::POST, CHAT).header("content-type", "application/json");
            let reply = read(
                request.header("content-encoding", encoding).body(vec![0x1f; 2_000]).send().await.unwrap(),
            )
            .await;
            reply.assert_openai_error(415);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_megabytes_are_refused_and_a_request_of_megabytes_is_not() {
    play_for_nothing(async |client, _| {
        let huge = vec![b' '; 100 * 1024 * 1024];
        let reply = client.post_raw(CHAT, huge).await;
        reply.assert_openai_error(413);
        let pieces =
            futures_util::stream::iter((0..600).map(|_| Ok::<_, std::io::Error>(vec![b' '; 65_536])));
        let reply = client.post_raw(CHAT, reqwest::Body::wrap_stream(pieces)).await;
        reply.assert_openai_error(413);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_never_come_are_not_waited_for_long() {
    play_for_nothing(async |client, secret| {
        let head = format!(
            "POST {CHAT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {secret}\r\ncontent-type: application/json\r\ncontent-length: 90\r\n\r\n"
        );
        let stalled = answer(send(client.port, &[head.as_bytes(), b"{\"model\":"]).await);
        let broken_off = async {
            let stream = send(client.port, &[head.as_bytes(), b"{\"model\":"]).await;
            drop(stream);
        };
        let (stalled, ()) = tokio::join!(stalled, broken_off);
        assert_eq!(stalled.status, Some(408), "{stalled:?}");
        assert!(stalled.text.contains("\"code\":\"body_timeout\""), "{stalled:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_are_no_http_close_the_connection_and_nothing_else() {
    play_for_nothing(async |client, _| {
        let large_head = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "a".repeat(200_000));
        let smuggled = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
        for bytes in ["\0\0\0\0\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}", "GET\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &large_head, smuggled] {
            let mut stream = send(client.port, &[bytes.as_bytes()]).await;
            let _ = tokio::io::AsyncWriteExt::shutdown(&mut stream).await;
            let reply = answer(stream).await;
            assert!(reply.status.is_none_or(|status| (400..500).contains(&status)), "{bytes:.40}: {reply:?}");
        }
    })
    .await;
}
