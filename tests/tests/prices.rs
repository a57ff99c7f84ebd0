//! What models cost and which there are: as an operator declares them, as customers meet them, as the doctor tells of
//! them.

use std::path::PathBuf;

use octroi_tests::cast::Caller;
use octroi_tests::client::{chat, valid_token};
use octroi_tests::deadline::eventually;
use octroi_tests::gateway::{Gateway, environment, provider};
use octroi_tests::scratch_file::ScratchFile;
use octroi_tests::stage::{Stage, play};
use octroi_tests::template::checkout;
use octroi_tests::verbs::{Call, Usage, reserve, settle};
use octroi_worker::cli::PricesCommand;
use octroi_worker::commands::Command;
use octroi_worker::config::Variables;
use octroi_worker::doctor;
use serde_json::{Map, Value, json};
use sqlx::types::Json;
use time::Duration;

const CHAT: &str = "/v1/chat/completions";
/// Longer than a changed price waits before it begins.
const NOTICE: Duration = Duration::seconds(11);

async fn variables(stage: &Stage) -> Variables {
    environment(stage, &provider().await, 1, &[]).into_iter().collect()
}

/// Runs `octroi prices …`: whether it is content, and what it says.
async fn run(stage: &Stage, command: &PricesCommand) -> (bool, String) {
    let (variables, mut said) = (variables(stage).await, Vec::new());
    match Command::new(&variables, &mut said).unwrap().prices(command).await {
        Ok(done) => (done, String::from_utf8(said).unwrap()),
        Err(error) => (false, error.to_string()),
    }
}

async fn examine(stage: &Stage) -> String {
    let mut said = Vec::new();
    doctor::examine(&variables(stage).await, &mut said).await.unwrap();
    String::from_utf8(said).unwrap()
}

fn price_file() -> PathBuf {
    checkout().join("prices.toml")
}

/// The price file with one thing different, pushed.
async fn set_with(stage: &Stage, what: &str, by: &str) -> String {
    let text = std::fs::read_to_string(price_file()).unwrap();
    assert!(text.contains(what), "{what}");
    let file = ScratchFile::holding(&text.replacen(what, by, 1));
    let (done, said) = run(stage, &PricesCommand::Set { file: file.path().to_owned(), dry_run: false }).await;
    assert!(done, "{said}");
    said
}

async fn cost_of_a_call(stage: &Stage, caller: Caller, model: &str) -> i64 {
    let call = Call::new(caller, 100, 50).of(model);
    assert!(reserve(&stage.pool, &call).await.is_granted());
    settle(&stage.pool, &Usage::new(call.request_id, 100, 50)).await.cost_nano_usd.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_file_is_what_octroi_comes_with_and_a_changed_price_is_paid_from_then_on() {
    play(async |stage| {
        let dry = PricesCommand::Set { file: price_file(), dry_run: true };
        let (done, said) = run(stage, &dry).await;
        assert!(done && said.ends_with("0 changes to come\n"), "{said}");
        let caller = stage.sign_up_with(&[("account", "", "tokens", "month", 1_000_000, 0)]).await;
        let before = cost_of_a_call(stage, caller, "gpt-5.4-mini").await;
        let under_way = Call::new(caller, 100, 50).of("gpt-5.4-mini");
        reserve(&stage.pool, &under_way).await;

        let said = set_with(stage, "output = 4_500_000", "output = 9_000_000").await;
        assert!(said.contains("gpt-5.4-mini: output_price 4500000 -> 9000000 from 20"), "{said}");
        stage.let_pass(NOTICE).await;
        assert_eq!(cost_of_a_call(stage, caller, "gpt-5.4-mini").await, before + 50 * 4_500);
        let settled = settle(&stage.pool, &Usage::new(under_way.request_id, 100, 50)).await;
        assert_eq!(settled.cost_nano_usd, Some(before), "a call keeps the price that it was held at");

        let (_, listed) = run(stage, &PricesCommand::List).await;
        assert!(
            listed.contains("gpt-5.4-mini: input 0.75, cached 0.075, cache write 0.75, output 9.00"),
            "{listed}"
        );
        assert!(listed.contains("  also gpt-5.4-mini-2026-03-17"), "{listed}");
        let faulty = ScratchFile::holding("source = \"x\"\n[[model]]\nname = \"a b\"\n");
        let (done, said) =
            run(stage, &PricesCommand::Set { file: faulty.path().to_owned(), dry_run: false }).await;
        assert!(!done && said.contains("the prices cannot be declared:\n"), "{said}");
        assert!(said.contains("model a b, name:") && said.contains("model a b, input:"), "{said}");
    })
    .await;
}

/// What is in force, as a cost map has it.
async fn map_of_what_is_in_force(stage: &Stage) -> Map<String, Value> {
    const NAMES: [(&str, &str); 7] = [
        ("input_price", "input_cost_per_token"),
        ("cached_input_price", "cache_read_input_token_cost"),
        ("cache_write_price", "cache_creation_input_token_cost"),
        ("cache_write_12h_price", "cache_creation_input_token_cost_above_12hr"),
        ("audio_input_price", "input_cost_per_audio_token"),
        ("output_price", "output_cost_per_token"),
        ("audio_output_price", "output_cost_per_audio_token"),
    ];
    type Row = (String, Vec<String>, Option<String>, Json<Value>);
    let rows: Vec<Row> = sqlx::query_as(
        "select model, aliases, ends_at::date::text, prices from octroi_private.price_list() where is_in_force",
    )
    .fetch_all(&stage.pool)
    .await
    .unwrap();
    let mut map = Map::new();
    for (model, aliases, ends_on, Json(prices)) in rows {
        let mut entry = json!({ "litellm_provider": "openai", "mode": "chat", "deprecation_date": ends_on });
        for (ours, theirs) in NAMES {
            let Some(price) = prices[ours].as_f64() else { continue };
            entry[theirs] = json!(price / 1e12);
            let Some(long) = prices[format!("long_{ours}")].as_f64() else { continue };
            let thousands = prices["long_above_tokens"].as_i64().unwrap() / 1000;
            entry[format!("{theirs}_above_{thousands}k_tokens")] = json!(long / 1e12);
        }
        map.extend(std::iter::once(model).chain(aliases).map(|name| (name, entry.clone())));
    }
    map
}

async fn check(stage: &Stage, map: &Map<String, Value>) -> (bool, String) {
    let file = ScratchFile::holding(&Value::Object(map.clone()).to_string());
    run(stage, &PricesCommand::Check { map: file.path().to_owned(), file: price_file() }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cost_map_is_compared_and_what_is_left_out_on_purpose_is_none_of_it() {
    play(async |stage| {
        let mut map = map_of_what_is_in_force(stage).await;
        let mut audio = map["gpt-5.4-mini"].clone();
        audio["deprecation_date"] = Value::Null;
        map.insert("gpt-audio".to_owned(), audio.clone());
        let (agrees, said) = check(stage, &map).await;
        assert!(agrees && said.ends_with("differences: 0\n"), "{said}");

        map.insert("gpt-99".to_owned(), audio.clone());
        let mut over = audio.clone();
        over["deprecation_date"] = json!("2020-01-01");
        map.insert("gpt-0".to_owned(), over.clone());
        map.insert("gpt-5.2".to_owned(), over);
        map.remove("gpt-6-luna");
        map["gpt-5.4"]["output_cost_per_token"] = json!(1.7e-05);
        map["gpt-5.6-luna"]["input_cost_per_token_above_272k_tokens"] = json!(5e-07);
        map["gpt-5.4-mini"]["deprecation_date"] = json!("2999-01-01");
        let (agrees, said) = check(stage, &map).await;
        assert!(!agrees);
        let mut lines: Vec<&str> = said.lines().collect();
        lines.sort_unstable();
        assert_eq!(
            lines,
            [
                "gpt-5.2: gone, it was shut down on 2020-01-01",
                "gpt-5.4-mini: until nothing here, 2999-01-01 there",
                "gpt-5.4: output_price 15000000 here, 17000000 there",
                "gpt-5.6-luna: long_input_price 400000 here, 500000 there",
                "gpt-6-luna: gone, the map does not have it",
                "gpt-99: missing here",
                lines.last().copied().unwrap(),
            ]
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_that_is_not_offered_is_not_found_and_the_doctor_names_it() {
    play(async |stage| {
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let caller = stage.sign_up_with(&[("account", "", "tokens", "month", 1_000_000, 0)]).await;
        let client = gateway.client.with(&valid_token(caller));
        let sent = sim.requests().len();
        let refused = client.post(CHAT, &chat(json!({ "model": "gpt-99" }))).await;
        refused.assert_openai_error(404);
        assert_eq!(refused.code(), "model_not_found");
        let error = refused.json()["error"].clone();
        assert_eq!(error["param"], "model");
        assert!(!error["message"].as_str().unwrap().contains("price"), "{error}");
        let elsewhere = client.post(CHAT, &chat(json!({ "model": "gpt-5.5-pro" }))).await;
        elsewhere.assert_openai_error(404);
        assert_eq!(
            elsewhere.json()["error"]["message"],
            "This model is only supported in /v1/responses and not in /v1/chat/completions."
        );
        assert_eq!(sim.requests().len(), sent, "nothing was sent");
        eventually("the doctor names it", async || {
            examine(stage).await.contains("got 404: gpt-99 (1 times)").then_some(())
        })
        .await;
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_listed_can_be_called_until_the_day_it_ends_and_the_doctor_tells_before() {
    play(async |stage| {
        let ends_on = (stage.now().await + Duration::days(20)).date();
        set_with(stage, "from = \"2026-01-01\"", &format!("from = \"2026-01-01\"\nuntil = \"{ends_on}\""))
            .await;
        let sim = provider().await;
        let gateway = Gateway::start(stage, &sim).await;
        let caller = stage.sign_up_with(&[("account", "", "tokens", "month", 1_000_000_000, 0)]).await;
        let client = gateway.client.with(&valid_token(caller));
        let listed = client.get("/v1/models").await.json();
        let names: Vec<&str> =
            listed["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
        assert!(names.contains(&"gpt-5.4-mini-2026-03-17") && names.contains(&"gpt-5.6-luna"), "{names:?}");
        for name in &names {
            let embeds = name.starts_with("text-embedding");
            let path = if embeds { "/v1/embeddings" } else { "/v1/responses" };
            let body = json!({ "model": name, "input": "hello" });
            let body = if embeds {
                body
            } else {
                json!({ "max_output_tokens": 64, "model": name, "input": "hello" })
            };
            let answer = client.post(path, &body).await;
            assert_eq!(answer.status, 200, "{name}: {}", answer.json());
        }
        stage.assert_billed_as_by(&sim).await;
        assert!(examine(stage).await.contains(&format!("gpt-6.1-sol on {ends_on}")));

        stage.let_pass(Duration::days(21)).await;
        let gone = async || {
            let ended = client.post("/v1/responses", &json!({ "model": "gpt-6.1-sol", "input": "hi" })).await;
            (ended.status == 404).then_some(())
        };
        eventually("it is not offered any more", gone).await;
        client.get("/v1/models/gpt-6.1-sol").await.assert_openai_error(404);
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_let_in_while_prices_change_has_no_price_that_ended() {
    play(async |stage| {
        let caller = stage.sign_up_with(&[("account", "", "tokens", "month", 1_000_000, 0)]).await;
        let text = std::fs::read_to_string(price_file()).unwrap().replace("input = 750_000", "input = 800_000");
        let prices = octroi_worker::commands::read_toml(&text).unwrap();
        let mut change = stage.pool.begin().await.unwrap();
        // A caller who is being let in by the old prices, and has not committed.
        let mut opening = stage.pool.begin().await.unwrap();
        sqlx::query("select octroi_private.open_entitlement($1, null, $2, 'gpt-5.4-mini')")
            .bind(caller.account_id)
            .bind(caller.user_id)
            .execute(&mut *opening)
            .await
            .unwrap();
        let changed = tokio::spawn(async move {
            sqlx::query("select count(*) from octroi_private.declare_prices($1, false)")
                .bind(Json(prices))
                .execute(&mut *change)
                .await
                .unwrap();
            change.commit().await.unwrap();
        });
        eventually("the change waits for them", async || {
            let waiting: i64 =
                sqlx::query_scalar("select count(*) from pg_locks where relation = 'octroi_private.entitlement'::regclass and not granted")
                    .fetch_one(&stage.pool)
                    .await
                    .unwrap();
            (waiting == 1).then_some(())
        })
        .await;
        opening.commit().await.unwrap();
        changed.await.unwrap();
        let stale: i64 = sqlx::query_scalar(
            "select count(*) from octroi_private.entitlement as e join octroi_private.model_price as p on p.id = e.price_id
             where e.valid_until > coalesce(upper(p.valid), 'infinity')",
        )
        .fetch_one(&stage.pool)
        .await
        .unwrap();
        assert_eq!(stale, 0);
        stage.let_pass(NOTICE).await;
        assert_eq!(cost_of_a_call(stage, caller, "gpt-5.4-mini").await, 100 * 800 + 50 * 4_500);
    })
    .await;
}
