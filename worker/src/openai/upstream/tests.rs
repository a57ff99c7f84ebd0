#![allow(clippy::unwrap_used, clippy::panic)]

use std::future::pending;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::*;

/// What the provider does with one connection.
enum Answer {
    /// Sends these bytes and closes.
    Bytes(String),
    /// Sends these bytes, then stays silent.
    Stall(&'static str),
    /// Reads the request and closes.
    Close,
}

/// A provider that takes one request a connection and hands back what it read.
async fn provider(answers: Vec<Answer>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        let mut requests = Vec::new();
        for answer in answers {
            let (mut connection, _) = listener.accept().await.unwrap();
            requests.push(read_request(&mut connection).await);
            match answer {
                Answer::Bytes(bytes) => connection.write_all(bytes.as_bytes()).await.unwrap(),
                Answer::Stall(bytes) => {
                    connection.write_all(bytes.as_bytes()).await.unwrap();
                    let _held_open = connection;
                    pending::<()>().await;
                }
                Answer::Close => {}
            }
        }
        requests
    });
    (base_url, task)
}

async fn read_request(connection: &mut TcpStream) -> String {
    let mut read = Vec::new();
    while !read.ends_with(b"}") {
        let mut piece = [0; 4096];
        let length = connection.read(&mut piece).await.unwrap();
        read.extend_from_slice(&piece[..length]);
    }
    String::from_utf8(read).unwrap()
}

fn settings(base_url: &str) -> UpstreamSettings {
    UpstreamSettings {
        base_url: base_url.to_owned(),
        api_key: SecretString::from("sk-operator"),
        connect_timeout: Duration::from_secs(1),
        first_byte_timeout: Duration::from_millis(200),
        idle_timeout: Duration::from_millis(200),
        deadline: Duration::from_secs(5),
        outbound: crate::outbound::Outbound::default(),
    }
}

fn response(status: &str, headers: &str, body: &str) -> Answer {
    let length = body.len();
    Answer::Bytes(format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    ))
}

async fn call(base_url: &str) -> Result<UpstreamReply, UpstreamError> {
    let upstream = Upstream::new(settings(base_url)).unwrap();
    upstream.send(Endpoint::ChatCompletions, Bytes::from_static(b"{}"), Uuid::from_u128(7)).await
}

#[tokio::test]
async fn an_answer_comes_with_its_type_its_id_and_its_bytes() {
    let headers = "content-type: application/json\r\nx-request-id: req_1\r\n";
    let (base_url, task) = provider(vec![response("200 OK", headers, "{\"a\":1}")]).await;
    let reply = call(&base_url).await.unwrap();
    assert_eq!(reply.status, 200);
    assert_eq!(reply.content_type.as_deref(), Some("application/json"));
    assert_eq!(reply.upstream_request_id.as_deref(), Some("req_1"));
    assert_eq!(&reply.body.collect(100).await.unwrap()[..], b"{\"a\":1}");
    let request = task.await.unwrap().remove(0).to_lowercase();
    assert!(request.starts_with("post /v1/chat/completions http/1.1\r\n"), "{request}");
    assert!(request.contains("authorization: bearer sk-operator\r\n"));
    assert!(request.contains("x-client-request-id: 00000000-0000-0000-0000-000000000007\r\n"));
    assert!(request.contains("content-type: application/json\r\n"));
}

#[tokio::test]
async fn nobody_listening_is_not_accepted() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
    drop(listener);
    assert!(matches!(call(&base_url).await, Err(UpstreamError::NotAccepted)));
    assert!(matches!(call("http://no-such-host.invalid/v1").await, Err(UpstreamError::NotAccepted)));
}

// The provider has read the request: it may be working on it, so a second try could be billed twice.
#[tokio::test]
async fn a_connection_lost_after_sending_is_unknown_and_not_repeated() {
    let (base_url, task) = provider(vec![Answer::Close]).await;
    let outcome = call(&base_url).await;
    assert!(matches!(outcome, Err(UpstreamError::Unknown { stage: "connection_lost" })), "{outcome:?}");
    assert_eq!(task.await.unwrap().len(), 1);
}

#[tokio::test]
async fn silence_before_the_headers_is_unknown() {
    let (base_url, _task) = provider(vec![Answer::Stall("")]).await;
    assert!(matches!(call(&base_url).await, Err(UpstreamError::Unknown { stage: "first_byte_timeout" })));
}

#[tokio::test]
async fn silence_within_the_body_ends_it_after_what_came() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf";
    let (base_url, _task) = provider(vec![Answer::Stall(head)]).await;
    let mut reply = call(&base_url).await.unwrap();
    assert_eq!(reply.body.next().await.unwrap().unwrap(), "half");
    assert!(matches!(reply.body.next().await, Err(UpstreamError::Unknown { stage: "idle_timeout" })));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_a_whole_body() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf".to_owned();
    let (base_url, _task) = provider(vec![Answer::Bytes(head)]).await;
    let collected = call(&base_url).await.unwrap().body.collect(1_000).await;
    assert!(matches!(collected, Err(UpstreamError::Unknown { stage: "connection_lost" })), "{collected:?}");
}

#[tokio::test]
async fn a_body_over_the_limit_is_not_kept() {
    let (base_url, _task) = provider(vec![response("200 OK", "", &"x".repeat(101))]).await;
    let collected = call(&base_url).await.unwrap().body.collect(100).await;
    assert!(matches!(collected, Err(UpstreamError::TooLarge { max_bytes: 100 })));
}

#[tokio::test]
async fn a_refusal_carries_its_wait_and_is_not_repeated() {
    let body =
        r#"{"error":{"message":"Rate limit","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#;
    let headers = "retry-after: 20\r\nx-request-id: req_2\r\n";
    let (base_url, task) = provider(vec![response("429 Too Many Requests", headers, body)]).await;
    let Err(UpstreamError::Refused {
        status, handed_on, retry_after, own_quota, upstream_request_id, ..
    }) = call(&base_url).await
    else {
        panic!("not refused")
    };
    assert_eq!((status, own_quota, handed_on), (429, false, None));
    assert_eq!(retry_after, Some(Duration::from_secs(20)));
    assert_eq!(upstream_request_id.as_deref(), Some("req_2"));
    assert_eq!(task.await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_redirect_is_a_refusal_and_the_key_goes_nowhere() {
    let (elsewhere, lured) = provider(vec![response("200 OK", "", "{}")]).await;
    let location = format!("location: {elsewhere}/steal\r\n");
    let (base_url, _task) = provider(vec![response("307 Temporary Redirect", &location, "")]).await;
    assert!(matches!(call(&base_url).await, Err(UpstreamError::Refused { status: 307, .. })));
    assert!(!lured.is_finished());
    lured.abort();
}

#[test]
fn wrong_settings_fail_before_the_first_call() {
    for base_url in ["", "api.openai.com/v1", "ftp://e.com/v1", "/v1"] {
        assert!(matches!(Upstream::new(settings(base_url)), Err(UpstreamSetupError::BaseUrl)), "{base_url}");
    }
    let key = UpstreamSettings { api_key: SecretString::from("a\nb"), ..settings("http://e.com/v1") };
    assert!(matches!(Upstream::new(key), Err(UpstreamSetupError::ApiKey)));
}

#[test]
fn the_key_is_in_no_debug_output() {
    let settings = settings("http://e.com/v1");
    let upstream = Upstream::new(settings.clone()).unwrap();
    assert!(!format!("{settings:?} {upstream:?}").contains("sk-operator"));
}

#[test]
fn the_pause_before_a_repetition_is_bounded_and_spread() {
    let pauses: Vec<_> = (0..50_u128).map(|n| retry_pause(Uuid::from_u128(n * 7_919))).collect();
    assert!(pauses.iter().all(|pause| RETRY_PAUSE_MS.contains(&(pause.as_millis() as u64))));
    assert!(pauses.windows(2).any(|pair| pair[0] != pair[1]));
}
