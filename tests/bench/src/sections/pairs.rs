//! Reserve and settle: singly from SQL, and in batches as the worker does it.

use std::time::Instant;

use anyhow::{Result, bail};
use octroi_worker::config::DatabaseConfig;
use octroi_worker::database::{
    Database, ReserveItem, ReserveVerdict, Session, SessionLimits, SettleItem, SettleOutcome, SettleSource,
    SettledUsage,
};
use uuid::Uuid;

use super::check_quota::in_clients;
use crate::figure::{Figure, Target};
use crate::pgbench::{self, BARE_INSERT, NAIVE_PAIR, OCTROI_PAIR};
use crate::rig::Rig;
use crate::window::{self, Opened, Series, Window, Work};

/// Clients at once.
const CLIENTS: [u32; 3] = [1, 8, 32];
/// Where the many-accounts target and the batches' line are taken.
const LINE_CLIENTS: u32 = 8;
/// Where the hot-account target is taken.
const HOT_CLIENTS: u32 = 32;
/// Pairs of a batch.
const BATCH_PAIRS: usize = 100;
/// How long the batches' holds last, in seconds.
const LEASE_SECONDS: i32 = 660;
/// Of half the rate of bare inserts, since a pair commits twice.
const MANY_RATIO_MIN: f64 = 0.75;
/// Of the naive pair on one hot account.
const HOT_RATIO_MIN: f64 = 2.0;
/// Of the rate of bare inserts.
const BATCH_RATIO_MIN: f64 = 1.5;
/// CPU of Postgres for a pair in a batch, in microseconds.
const BATCH_CPU_US_MAX: f64 = 60.0;

#[derive(Default)]
struct Contenders {
    insert: Series,
    naive_many: Series,
    naive_hot: Series,
    ours_many: Series,
    ours_hot: Series,
    batched: Series,
}

/// Measures all of it, the contenders taking turns.
pub async fn measure(rig: &Rig) -> Result<Vec<Figure>> {
    let mut batches = Batches::open(rig)?;
    let mut figures = Vec::new();
    for clients in CLIENTS {
        Rig::say(&format!("reserve and settle, {}", in_clients(clients)));
        let mut all = Contenders::default();
        let many = rig.scale.accounts;
        for _ in 0..rig.scale.rounds {
            all.insert.push(pgbench::measure(rig, BARE_INSERT, clients, many).await?);
            all.naive_many.push(pgbench::measure(rig, NAIVE_PAIR, clients, many).await?);
            all.ours_many.push(pgbench::measure(rig, OCTROI_PAIR, clients, many).await?);
            all.naive_hot.push(pgbench::measure(rig, NAIVE_PAIR, clients, 1).await?);
            all.ours_hot.push(pgbench::measure(rig, OCTROI_PAIR, clients, 1).await?);
            if clients == LINE_CLIENTS {
                all.batched.push(batches.measure(rig).await?);
            }
        }
        figures.extend(single(clients, &all));
        if clients == LINE_CLIENTS {
            figures.extend(batched(&all));
        }
    }
    Ok(figures)
}

fn single(clients: u32, all: &Contenders) -> Vec<Figure> {
    let at = in_clients(clients);
    let when = |holds: bool, target| if holds { target } else { Target::None };
    let row = |name: String, ours: &Series, line: &Series, line_rate: f64, target| {
        let steal = ours.steal_percent().max(line.steal_percent());
        Figure::new(name, "pairs/s", ours.rate(), Some(line_rate), target)
            .with_cost((ours.cpu_us(), line.cpu_us()), steal)
    };
    let half = all.insert.rate() / 2.0;
    vec![
        row(
            format!("reserve+settle, many accounts, {at}, vs half of bare INSERT"),
            &all.ours_many,
            &all.insert,
            half,
            when(clients == LINE_CLIENTS, Target::RatioAtLeast(MANY_RATIO_MIN)),
        ),
        row(
            format!("reserve+settle, many accounts, {at}, vs naive pair"),
            &all.ours_many,
            &all.naive_many,
            all.naive_many.rate(),
            Target::None,
        ),
        row(
            format!("reserve+settle, one hot account, {at}, vs naive pair"),
            &all.ours_hot,
            &all.naive_hot,
            all.naive_hot.rate(),
            when(clients == HOT_CLIENTS, Target::RatioAtLeast(HOT_RATIO_MIN)),
        ),
    ]
}

fn batched(all: &Contenders) -> Vec<Figure> {
    let steal = all.batched.steal_percent().max(all.insert.steal_percent());
    let cpu_us = (all.batched.cpu_us(), all.insert.cpu_us());
    let name =
        format!("{BATCH_PAIRS} a batch, one hot account, one connection, vs bare INSERT at {LINE_CLIENTS}");
    let rate = Target::RatioAtLeast(BATCH_RATIO_MIN);
    let naive_cpu_us = Some(all.naive_hot.cpu_us());
    vec![
        Figure::new(name, "pairs/s", all.batched.rate(), Some(all.insert.rate()), rate)
            .with_cost(cpu_us, steal),
        Figure::new(
            "Postgres CPU per pair in such batches, vs naive pair",
            "us",
            all.batched.cpu_us(),
            naive_cpu_us,
            Target::AtMost(BATCH_CPU_US_MAX),
        )
        .with_cost((all.batched.cpu_us(), all.naive_hot.cpu_us()), steal),
    ]
}

/// The worker's own batching calls, on one connection.
struct Batches {
    session: Session,
}

impl Batches {
    fn open(rig: &Rig) -> Result<Self> {
        let config = DatabaseConfig { url: rig.args.worker_database_url.clone().into(), connections: 2 };
        Ok(Self { session: Database::new(&config)?.session(SessionLimits::LANE) })
    }

    async fn measure(&mut self, rig: &Rig) -> Result<Window> {
        window::steady(async || {
            self.pairs().await?;
            let opened = Opened::now(&[rig.postmaster])?;
            let deadline = Instant::now() + rig.scale.window;
            let mut work = Work::default();
            while Instant::now() < deadline {
                self.pairs().await?;
                work.operations += BATCH_PAIRS as f64;
            }
            work.seconds = opened.seconds();
            opened.close(&[rig.postmaster], work)
        })
        .await
    }

    async fn pairs(&mut self) -> Result<()> {
        let account_id = numbered_id(1);
        let ids: Vec<Uuid> = (0..BATCH_PAIRS).map(|_| Uuid::now_v7()).collect();
        let wanted: Vec<ReserveItem> = ids.iter().map(|id| reserve_item(*id, account_id)).collect();
        let verdicts = self.session.reserve_many(&wanted, LEASE_SECONDS, false).await?;
        if !verdicts.iter().all(|verdict| matches!(verdict, ReserveVerdict::Granted(_))) {
            bail!("a call of a batch was not granted: {verdicts:?}");
        }
        let used: Vec<SettleItem> = ids.iter().map(|id| settle_item(*id, account_id)).collect();
        let settled = self.session.settle_many(&used).await?;
        if !settled.iter().all(|settlement| settlement.outcome == SettleOutcome::Settled) {
            bail!("a call of a batch was not settled: {settled:?}");
        }
        Ok(())
    }
}

/// The id of the account with this number, and of its owner.
pub const fn numbered_id(number: u32) -> Uuid {
    Uuid::from_u128(0x7000_8000_0000_0000_0000 | number as u128)
}

fn reserve_item(request_id: Uuid, account_id: Uuid) -> ReserveItem {
    ReserveItem {
        request_id,
        id_is_fresh: true,
        account_id,
        api_key_id: None,
        user_id: account_id,
        model: "gpt-5.4-mini".to_owned(),
        endpoint: "chat.completions",
        input_tokens: 100,
        output_tokens: Some(500),
        choices: 1,
        reasoning: None,
        idempotency_key: None,
        body_hash: None,
    }
}

fn settle_item(request_id: Uuid, account_id: Uuid) -> SettleItem {
    SettleItem {
        request_id,
        account_id,
        usage: SettledUsage { input_tokens: 90, output_tokens: 100, ..SettledUsage::default() },
        source: SettleSource::Provider,
        response_model: Some("gpt-5.4-mini-2026-03-17".to_owned()),
        service_tier: Some("default".to_owned()),
        raw_usage: Some(serde_json::json!({ "prompt_tokens": 90, "completion_tokens": 100 })),
        latency_ms: Some(900),
        first_token_ms: Some(200),
        upstream_request_id: Some("req_bench".to_owned()),
        stored: None,
    }
}
