//! What a worker tells its operator of calls is what the ledger and the provider's books say of them.

use std::collections::BTreeMap;

use octroi_sim::openai::FaultKind;
use octroi_tests::child::Worker;
use octroi_tests::client::{Client, asking};
use octroi_tests::deadline::{eventually, within};
use octroi_tests::gateway::provider;
use octroi_tests::stage::{Stage, play};
use serde_json::json;

const CHAT: &str = "/v1/chat/completions";

/// Samples whose name begins so.
async fn samples(worker: &Worker, name: &str) -> BTreeMap<String, i64> {
    let told = worker.client.get("/metrics").await;
    let text = String::from_utf8(told.body.to_vec()).unwrap();
    let lines = text.lines().filter(|line| line.starts_with(name));
    let read = |line: &str| {
        let (series, value) = line.rsplit_once(' ').unwrap();
        Some((series.strip_prefix(name)?.to_owned(), value.parse::<f64>().ok()? as i64))
    };
    lines.filter_map(read).collect()
}

async fn customer(stage: &Stage, worker: &Worker) -> Client {
    let caller = stage.sign_up_with(&[("account", "", "tokens", "month", 1_000_000, 0)]).await;
    let key = stage.make_key(caller, json!([])).await;
    worker.client.with(&key.secret)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_and_cost_of_a_model_are_those_of_the_ledger_and_every_stream_has_a_first_token() {
    play(async |stage| {
        let sim = provider().await;
        let worker = Worker::start(stage, &sim, &[]).await;
        let client = customer(stage, &worker).await;
        for body in [
            asking(20, json!({})),
            asking(30, json!({ "stream": true })),
            asking(40, json!({ "stream": true })),
            asking(90, json!({ "model": "gpt-5.6-luna" })),
        ] {
            assert_eq!(client.post(CHAT, &body).await.status, 200);
        }
        type Sums = (String, i64, i64, i64, i64, i64);
        let ledger: Vec<Sums> = sqlx::query_as(
            "select model, sum(input_tokens - cached_input_tokens)::bigint, sum(cached_input_tokens)::bigint,
                    sum(output_tokens - reasoning_tokens)::bigint, sum(reasoning_tokens)::bigint,
                    sum(cost_nano_usd)::bigint
             from octroi_private.usage_event group by model order by model",
        )
        .fetch_all(&stage.pool)
        .await
        .unwrap();
        let (mut tokens, mut costs) = (BTreeMap::new(), BTreeMap::new());
        for (model, input, cached, output, reasoning, cost) in ledger {
            let pools =
                [("input", input), ("cached_input", cached), ("output", output), ("reasoning", reasoning)];
            for (pool, sum) in pools.into_iter().filter(|(_, sum)| *sum > 0) {
                tokens.insert(format!("{{model=\"{model}\",pool=\"{pool}\"}}"), sum);
            }
            costs.insert(format!("{{model=\"{model}\"}}"), cost);
        }
        assert!(tokens.contains_key("{model=\"gpt-5.6-luna\",pool=\"reasoning\"}"), "{tokens:?}");
        assert_eq!(samples(&worker, "octroi_tokens_total").await, tokens);
        assert_eq!(samples(&worker, "octroi_cost_nano_usd_total").await, costs);
        let first_tokens = samples(&worker, "octroi_first_token_seconds_count").await;
        assert_eq!(first_tokens.get("{model=\"gpt-5.4-mini\"}"), Some(&2));
        worker.kill().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_before_its_stream_begins_is_no_failure_of_the_provider() {
    play(async |stage| {
        let sim = provider().await;
        let worker = Worker::start(stage, &sim, &[]).await;
        let client = customer(stage, &worker).await;
        sim.fault(FaultKind::StallBeforeHeaders { for_ms: None }).unwrap();
        let body = asking(20, json!({ "stream": true, "max_completion_tokens": 50 }));
        let call = tokio::spawn(async move { client.open(CHAT, &body).await });
        within("the call to reach the provider", sim.held(1)).await.unwrap();
        call.abort();
        assert!(call.await.is_err());
        let told = eventually("how it ended is told", async || {
            let told = samples(&worker, "octroi_upstream_calls_total").await;
            (!told.is_empty()).then_some(told)
        })
        .await;
        let left = "{model=\"gpt-5.4-mini\",outcome=\"client_left\"}".to_owned();
        assert_eq!(told, BTreeMap::from([(left, 1)]));
        eventually("the call is settled", async || {
            let events = stage.usage_events().await;
            (events.len() == 1).then(|| assert_eq!(events[0].source, "estimated"))
        })
        .await;
        sim.release();
        worker.kill().await;
    })
    .await;
}
