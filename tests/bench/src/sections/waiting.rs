//! Callers who together ask for more than is left: how much of a limit they use when they wait for room, and what their
//! waiting costs others.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use sqlx::{Connection as _, PgConnection};
use tokio::task::JoinSet;

use super::check_quota::in_clients;
use super::pairs::numbered_id;
use crate::figure::{Figure, Target};
use crate::load::{Connection, Request};
use crate::pgbench::{self, OCTROI_PAIR, claims};
use crate::rig::Rig;
use crate::upstreams::{self, Server};
use crate::window::{Series, median};

const DATABASE: &str = "bench_waiting";
/// Callers at once on one account.
const CALLERS: u32 = 48;
/// What the account may use in a month.
const LIMIT_TOKENS: i64 = 10_000;
/// What each call asks for, and the least and the most that its answer has.
const ASKED_TOKENS: u32 = 1_000;
const ANSWERED_TOKENS: (u32, u32) = (80, 300);
/// Time between the deltas of an answer, in milliseconds.
const DELTA_MS: u64 = 5;
/// Of the limit, before anybody is refused for use.
const USED_PERCENT_MIN: f64 = 95.0;
/// As long as a plan lets its calls wait unless it says otherwise, in seconds.
const WAIT_SECONDS: i16 = 20;
/// Clients of other accounts, and their rate beside callers who wait, of that beside none.
const CLIENTS: u32 = 8;
const BESIDE_RATIO_MIN: f64 = 0.95;

/// What became of a crowd.
struct Crowd {
    /// Used when the first was refused for use, or in the end where nobody was.
    used_tokens: f64,
    answers: f64,
    /// Callers who were told that others hold what they need.
    turned_away: f64,
    longest_seconds: f64,
    overrun_tokens: f64,
}

/// How one caller ended.
struct Caller {
    answers: u32,
    turned_away: bool,
    longest: Duration,
    used_at_refusal: Option<i64>,
}

/// Measures crowds that wait and crowds that do not, then what those who wait cost others.
pub async fn measure(rig: &Rig, template: &str) -> Result<Vec<Figure>> {
    crate::seed::copy_database(rig, DATABASE, template).await?;
    let upstream = upstreams::answering(rig, "crowd_upstream", DELTA_MS).await?;
    let octroi = upstreams::octroi_on(rig, DATABASE, upstream.address).await?;
    let measured = async {
        let mut figures = crowds(rig, octroi.address).await?;
        figures.push(beside_a_queue(rig, octroi.address).await?);
        anyhow::Ok(figures)
    }
    .await;
    for Server { running, .. } in [octroi, upstream] {
        running.stop().await?;
    }
    measured
}

async fn crowds(rig: &Rig, gateway: SocketAddr) -> Result<Vec<Figure>> {
    let (mut waiting, mut leaving) = (Vec::new(), Vec::new());
    for round in 0..u32::try_from(rig.scale.rounds)? {
        Rig::say(&format!("{CALLERS} callers on {LIMIT_TOKENS} tokens, round {}", round + 1));
        let account = rig.scale.accounts - 2 * round;
        waiting.push(crowd(rig, gateway, account - 1, WAIT_SECONDS).await?);
        leaving.push(crowd(rig, gateway, account - 2, 0).await?);
    }
    let middle =
        |crowds: &[Crowd], read: fn(&Crowd) -> f64| median(&mut crowds.iter().map(read).collect::<Vec<_>>());
    let what = format!("{CALLERS} callers on {LIMIT_TOKENS} tokens");
    let percent = 100.0 / LIMIT_TOKENS as f64;
    let used = |crowds: &[Crowd]| middle(crowds, |crowd| crowd.used_tokens) * percent;
    let longest = waiting.iter().map(|crowd| crowd.longest_seconds).fold(0.0, f64::max);
    let overrun: f64 = waiting.iter().chain(&leaving).map(|crowd| crowd.overrun_tokens).sum();
    let row = |name: &str, unit, ours, reference, target| {
        Figure::new(format!("{what}: {name}"), unit, ours, reference, target)
    };
    Ok(vec![
        row("used before a refusal for use", "%", used(&waiting), None, Target::AtLeast(USED_PERCENT_MIN)),
        row(
            "callers turned away while tokens were left, vs without waiting",
            "callers",
            middle(&waiting, |crowd| crowd.turned_away),
            Some(middle(&leaving, |crowd| crowd.turned_away)),
            Target::AtMost(0.0),
        ),
        row(
            "answers, vs without waiting",
            "answers",
            middle(&waiting, |crowd| crowd.answers),
            Some(middle(&leaving, |crowd| crowd.answers)),
            Target::None,
        ),
        row("longest call", "s", longest, None, Target::AtMost(f64::from(WAIT_SECONDS))),
        row("used beyond what was held", "tokens", overrun, None, Target::AtMost(0.0)),
    ])
}

/// Callers who go on until one is refused: for use, or for want of room.
async fn crowd(rig: &Rig, gateway: SocketAddr, account: u32, wait_seconds: i16) -> Result<Crowd> {
    let mut connection = PgConnection::connect_with(&rig.options("postgres", DATABASE)).await?;
    let secret = limited_account(&mut connection, account, wait_seconds).await?;
    let mut callers = JoinSet::new();
    for number in 0..CALLERS {
        callers.spawn(call_until_refused(gateway, secret.clone(), account * CALLERS + number));
    }
    let mut ended = Vec::new();
    while let Some(caller) = callers.join_next().await {
        ended.push(caller??);
    }
    let (used, overrun): (i64, i64) = sqlx::query_as(
        "select coalesce(sum(total_tokens), 0)::bigint, coalesce(sum(overrun_tokens), 0)::bigint
           from octroi_private.usage_event where account_id = $1",
    )
    .bind(numbered_id(account))
    .fetch_one(&mut connection)
    .await?;
    connection.close().await?;
    ensure!(used <= LIMIT_TOKENS, "{used} of {LIMIT_TOKENS} tokens were used");
    let at_refusal = ended.iter().filter_map(|caller| caller.used_at_refusal).min();
    Ok(Crowd {
        used_tokens: at_refusal.unwrap_or(used) as f64,
        answers: ended.iter().map(|caller| f64::from(caller.answers)).sum(),
        turned_away: ended.iter().filter(|caller| caller.turned_away).count() as f64,
        longest_seconds: ended.iter().map(|caller| caller.longest.as_secs_f64()).fold(0.0, f64::max),
        overrun_tokens: overrun as f64,
    })
}

/// An account with the limit, by the verbs of its owner; the secret of its key.
async fn limited_account(connection: &mut PgConnection, account: u32, wait_seconds: i16) -> Result<String> {
    sqlx::query("update octroi_private.plan_version set hold_wait_seconds = $1 where plan_code = 'bench'")
        .bind(wait_seconds)
        .execute(&mut *connection)
        .await?;
    let mut transaction = connection.begin().await?;
    sqlx::query(
        "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', $1, true)",
    )
    .bind(claims(account))
    .execute(&mut *transaction)
    .await?;
    sqlx::query("select octroi.set_budget('tokens', 'month', $1)")
        .bind(LIMIT_TOKENS)
        .execute(&mut *transaction)
        .await?;
    let secret = sqlx::query_scalar("select secret from octroi.create_api_key('crowd')")
        .fetch_one(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(secret)
}

async fn call_until_refused(gateway: SocketAddr, secret: String, seed: u32) -> Result<Caller> {
    let mut connection = Connection::open(gateway).await?;
    let mut caller =
        Caller { answers: 0, turned_away: false, longest: Duration::ZERO, used_at_refusal: None };
    for number in 0.. {
        let asked_at = Instant::now();
        let (status, body) = connection.any_answer(&question(&secret, answer_tokens(seed, number))).await?;
        caller.longest = caller.longest.max(asked_at.elapsed());
        match status {
            200 => caller.answers += 1,
            429 => {
                let told: Value = serde_json::from_slice(&body).context("a refusal is no JSON")?;
                if told["error"]["type"] == "insufficient_quota" {
                    caller.used_at_refusal = told["error"]["quota"]["used"].as_i64();
                } else {
                    caller.turned_away = true;
                }
                break;
            }
            _ => bail!("a caller was answered {status}: {}", String::from_utf8_lossy(&body)),
        }
    }
    Ok(caller)
}

/// The same in every run: spread over the range by a multiplier that shares no factor with its width.
fn answer_tokens(seed: u32, number: u32) -> u32 {
    let (least, most) = ANSWERED_TOKENS;
    least + (seed.wrapping_mul(7_919) + number.wrapping_mul(104_729)) % (most - least + 1)
}

fn question(secret: &str, answer_tokens: u32) -> Request {
    let body = format!(
        r#"{{"model":"gpt-5.4-mini","stream":true,"max_tokens":{ASKED_TOKENS},"messages":[{{"role":"user","content":"Go on. [[output_tokens={answer_tokens}]]"}}]}}"#
    );
    Request::post("/v1/chat/completions", &format!("authorization: Bearer {secret}\r\n"), &body)
}

/// Calls of other accounts, in turn with and without callers of this one who wait for what is held.
async fn beside_a_queue(rig: &Rig, gateway: SocketAddr) -> Result<Figure> {
    Rig::say("Reserve and settle beside callers who wait");
    let others = rig.scale.accounts / 2;
    let account = rig.scale.accounts;
    let mut connection = PgConnection::connect_with(&rig.options("postgres", DATABASE)).await?;
    let secret = limited_account(&mut connection, account, WAIT_SECONDS).await?;
    hold_everything(&mut connection, account).await?;
    let (mut beside, mut alone) = (Series::default(), Series::default());
    for _ in 0..rig.scale.rounds {
        alone.push(pgbench::measure_in(rig, DATABASE, OCTROI_PAIR, CLIENTS, others).await?);
        let mut callers = JoinSet::new();
        for number in 0..CALLERS {
            callers.spawn(call_until_refused(gateway, secret.clone(), number));
        }
        beside.push(pgbench::measure_in(rig, DATABASE, OCTROI_PAIR, CLIENTS, others).await?);
        ensure!(callers.try_join_next().is_none(), "a caller did not wait");
        callers.shutdown().await;
    }
    connection.close().await?;
    let steal = beside.steal_percent().max(alone.steal_percent());
    let name = format!(
        "reserve+settle, many accounts, {}: beside {CALLERS} callers who wait, vs nobody waiting",
        in_clients(CLIENTS)
    );
    Ok(Figure::new(
        name,
        "pairs/s",
        beside.rate(),
        Some(alone.rate()),
        Target::RatioAtLeast(BESIDE_RATIO_MIN),
    )
    .with_cost((beside.cpu_us(), alone.cpu_us()), steal))
}

/// One call that holds all that the account may use, and outlives the measurement.
async fn hold_everything(connection: &mut PgConnection, account: u32) -> Result<()> {
    let verdict: String = sqlx::query_scalar(
        "select verdict from octroi_private.reserve(
           octroi_private.uuid_v7(), $1, null, $1, 'gpt-5.4-mini', 0, $2, p_lease_seconds => 3600)",
    )
    .bind(numbered_id(account))
    .bind(LIMIT_TOKENS)
    .fetch_one(connection)
    .await?;
    ensure!(verdict == "granted", "the holding call was {verdict}");
    Ok(())
}
