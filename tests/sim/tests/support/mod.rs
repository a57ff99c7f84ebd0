//! A plain HTTP client of the stand-in, as the tests need it.

use octroi_sim::openai::{Handle, Options, spawn};
use reqwest::{Client, Response};
use serde_json::{Value, json};

/// A stand-in on a free port.
pub async fn start() -> Handle {
    spawn(Options::default()).await.unwrap()
}

/// Posts `body` to an endpoint on a connection of its own, as the next test must not inherit it.
pub async fn post(sim: &Handle, path: &str, body: &Value) -> reqwest::Result<Response> {
    let client = Client::builder().no_proxy().build()?;
    client.post(format!("{}/{path}", sim.base_url)).json(body).send().await
}

/// A chat request that asks for exactly `output_tokens` tokens.
pub fn chat(output_tokens: u64, stream: bool) -> Value {
    let content = format!("Describe a toll gate. [[output_tokens={output_tokens}]]");
    let mut body = json!({
        "model": "gpt-4o-mini",
        "messages": [{ "role": "user", "content": content }],
        "stream": stream,
    });
    if stream {
        body["stream_options"] = json!({ "include_usage": true });
    }
    body
}

/// The JSON of every `data:` line, `[DONE]` left out.
pub fn events(text: &str) -> Vec<Value> {
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).unwrap()).collect()
}
