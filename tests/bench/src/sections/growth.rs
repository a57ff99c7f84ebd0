//! What calls cost when the ledger has grown: the same accounts with few and with many usage rows.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use super::pairs::numbered_id;
use crate::figure::{Figure, Target};
use crate::pgbench::claims;
use crate::rig::Rig;
use crate::scale::in_words;
use crate::window::{Opened, Series, Window, Work, median, percentile};

/// Accounts that call while it is measured; all have usage, account 1 a tenth of all there is.
const ACTIVE_ACCOUNTS: u32 = 1_000;
/// Months that the usage is spread over.
const MONTHS: i32 = 12;
/// Of the median latency with few rows.
const LATENCY_RATIO_MAX: f64 = 1.1;
/// Of the WAL with few rows.
const WAL_RATIO_MAX: f64 = 1.2;

/// A database with usage in it, and what was measured there.
struct Ledger {
    rows: u64,
    backend: PgConnection,
    user: PgConnection,
    superuser: PgConnection,
    calls: usize,
    reserve: Series,
    settle: Series,
    my_quota: Series,
    wal_bytes: Vec<f64>,
    wal_bytes_after_checkpoint: f64,
}

/// Fills two copies of `template` and measures them in turn.
pub async fn measure(rig: &Rig, template: &str) -> Result<Vec<Figure>> {
    let (few, many) = rig.scale.usage_rows;
    let mut ledgers = Vec::new();
    for (database, rows) in [("growth_small", few), ("growth_large", many)] {
        Rig::say(&format!("Filling a ledger with {} usage rows", in_words(rows)));
        crate::seed::copy_database(rig, database, template).await?;
        fill(rig, database, rows, rig.scale.accounts).await?;
        ledgers.push(Ledger::open(rig, database, rows).await?);
    }
    Rig::say("Reserve, settle and my_quota with few and with many usage rows");
    ledgers[0].superuser.execute("checkpoint").await?;
    for ledger in &mut ledgers {
        // Every page that these accounts touch goes to the WAL in full once after a checkpoint, and not in what follows.
        ledger.pairs(rig, ACTIVE_ACCOUNTS as usize * 2).await?;
    }
    for _ in 0..rig.scale.rounds {
        for ledger in &mut ledgers {
            ledger.round(rig).await?;
        }
    }
    for ledger in &mut ledgers {
        ledger.superuser.execute("checkpoint").await?;
        let before = ledger.wal_position().await?;
        ledger.pairs(rig, ACTIVE_ACCOUNTS as usize).await?;
        ledger.wal_bytes_after_checkpoint =
            (ledger.wal_position().await? - before) / f64::from(ACTIVE_ACCOUNTS);
    }
    Ok(figures(&mut ledgers))
}

fn figures(ledgers: &mut [Ledger]) -> Vec<Figure> {
    let [few, many] = ledgers else { return Vec::new() };
    let sizes = format!("{} vs {} usage rows", in_words(many.rows), in_words(few.rows));
    let latency = |what: &str, many: &Series, few: &Series| {
        Figure::new(
            format!("{what} p50, {sizes}"),
            "us",
            many.p50_us(),
            Some(few.p50_us()),
            Target::RatioAtMost(LATENCY_RATIO_MAX),
        )
        .with_cost((many.cpu_us(), few.cpu_us()), many.steal_percent().max(few.steal_percent()))
    };
    vec![
        latency("reserve", &many.reserve, &few.reserve),
        latency("settle", &many.settle, &few.settle),
        latency("my_quota", &many.my_quota, &few.my_quota),
        Figure::new(
            format!("WAL per pair, steady, {sizes}"),
            "bytes",
            median(&mut many.wal_bytes),
            Some(median(&mut few.wal_bytes)),
            Target::RatioAtMost(WAL_RATIO_MAX),
        ),
        Figure::new(
            format!("WAL per pair, right after a checkpoint, {sizes}"),
            "bytes",
            many.wal_bytes_after_checkpoint,
            Some(few.wal_bytes_after_checkpoint),
            Target::None,
        ),
    ]
}

impl Ledger {
    async fn open(rig: &Rig, database: &str, rows: u64) -> Result<Self> {
        let connect = async |user| PgConnection::connect_with(&rig.options(user, database)).await;
        let mut user = connect("bench_user").await?;
        user.execute("set role authenticated").await?;
        Ok(Self {
            rows,
            backend: connect("bench_backend").await?,
            user,
            superuser: connect("postgres").await?,
            calls: 0,
            reserve: Series::default(),
            settle: Series::default(),
            my_quota: Series::default(),
            wal_bytes: Vec::new(),
            wal_bytes_after_checkpoint: 0.0,
        })
    }

    async fn round(&mut self, rig: &Rig) -> Result<()> {
        let pairs = rig.scale.growth_pairs;
        let before = self.wal_position().await?;
        let (reserve, settle) = self.pairs(rig, pairs).await?;
        let after = self.wal_position().await?;
        self.wal_bytes.push((after - before) / pairs as f64);
        self.reserve.push(reserve);
        self.settle.push(settle);
        let my_quota = self.quotas(rig, pairs).await?;
        self.my_quota.push(my_quota);
        Ok(())
    }

    /// The next active account; they take turns, far apart from one another.
    fn next_account(&mut self, rig: &Rig) -> u32 {
        let active = ACTIVE_ACCOUNTS.min(rig.scale.accounts);
        let turn = u32::try_from(self.calls * 97 % active as usize).unwrap_or(0);
        self.calls += 1;
        1 + turn * (rig.scale.accounts / active)
    }

    async fn pairs(&mut self, rig: &Rig, pairs: usize) -> Result<(Window, Window)> {
        let opened = Opened::now(&[rig.postmaster])?;
        let (mut reserve_us, mut settle_us) = (Vec::new(), Vec::new());
        for _ in 0..pairs {
            let account_id = numbered_id(self.next_account(rig));
            let request_id = Uuid::now_v7();
            let asked = Instant::now();
            let verdict: String = sqlx::query_scalar(
                "select verdict from octroi_private.reserve($1, $2, null, $2, 'gpt-5.4-mini', 100, 500)",
            )
            .bind(request_id)
            .bind(account_id)
            .fetch_one(&mut self.backend)
            .await?;
            reserve_us.push(asked.elapsed().as_secs_f64() * 1e6);
            ensure!(verdict == "granted", "a call was not granted: {verdict}");
            let used = Instant::now();
            let outcome: String =
                sqlx::query_scalar("select outcome from octroi_private.settle($1, 90, 100)")
                    .bind(request_id)
                    .fetch_one(&mut self.backend)
                    .await?;
            settle_us.push(used.elapsed().as_secs_f64() * 1e6);
            ensure!(outcome == "settled", "a call was not settled: {outcome}");
        }
        let seconds = opened.seconds();
        let [reserve, settle] = [reserve_us, settle_us].map(|latencies| work(latencies, seconds));
        // CPU is of a pair: the two cannot be told apart.
        Ok((opened.close(&[rig.postmaster], reserve)?, opened.close(&[rig.postmaster], settle)?))
    }

    async fn quotas(&mut self, rig: &Rig, calls: usize) -> Result<Window> {
        let mut latencies_us = Vec::new();
        let opened = Opened::now(&[rig.postmaster])?;
        for _ in 0..calls {
            let number = self.next_account(rig);
            sqlx::query("select set_config('request.jwt.claims', $1, false)")
                .bind(claims(number))
                .execute(&mut self.user)
                .await?;
            let asked = Instant::now();
            let limits = sqlx::query("select * from octroi.my_quota()").fetch_all(&mut self.user).await?;
            latencies_us.push(asked.elapsed().as_secs_f64() * 1e6);
            ensure!(limits.len() == 1, "account {number} has {} limits", limits.len());
        }
        let seconds = opened.seconds();
        opened.close(&[rig.postmaster], work(latencies_us, seconds))
    }

    async fn wal_position(&mut self) -> Result<f64> {
        let bytes: i64 = sqlx::query_scalar("select (pg_current_wal_insert_lsn() - '0/0')::bigint")
            .fetch_one(&mut self.superuser)
            .await?;
        Ok(bytes as f64)
    }
}

fn work(mut latencies_us: Vec<f64>, seconds: f64) -> Work {
    latencies_us.sort_by(f64::total_cmp);
    Work {
        operations: latencies_us.len() as f64,
        seconds,
        p50_us: percentile(&latencies_us, 50.0),
        p99_us: percentile(&latencies_us, 99.0),
    }
}

type Month = (Date, OffsetDateTime, OffsetDateTime);

/// Spreads `rows` of so many accounts evenly over the last months, two months at a time. The month under way ends now.
pub async fn fill(rig: &Rig, database: &str, rows: u64, accounts: u32) -> Result<()> {
    let mut connection = PgConnection::connect_with(&rig.options("postgres", database)).await?;
    let months: Vec<Month> = sqlx::query_as(
        "select m::date, m at time zone 'utc', least((m + interval '1 month') at time zone 'utc', now())
         from generate_series(
           date_trunc('month', now() at time zone 'utc') - make_interval(months => $1 - 1),
           date_trunc('month', now() at time zone 'utc'), '1 month'
         ) as m",
    )
    .bind(MONTHS)
    .fetch_all(&mut connection)
    .await?;
    for (month, _, _) in &months {
        sqlx::query("select octroi_private.make_usage_partition($1)")
            .bind(month)
            .execute(&mut connection)
            .await?;
    }
    let halves = [0, 1].map(|half| fill_months(rig, database, &months, half, (rows, accounts)));
    let [first, second] = halves;
    tokio::try_join!(first, second)?;
    connection.execute(include_str!("../../sql/fill_requests.sql")).await?;
    // Not the months to come: nobody has them analyzed while they are empty, and the planner takes an empty table that was
    // analyzed for one that stays empty.
    let filled: Vec<String> = sqlx::query_scalar(
        "select relid::text from pg_partition_tree('octroi_private.usage_event')
         where isleaf and pg_relation_size(relid) > 0",
    )
    .fetch_all(&mut connection)
    .await?;
    let others = ["usage_daily", "request"].map(|table| format!("octroi_private.{table}"));
    for table in filled.iter().chain(&others) {
        connection.execute(AssertSqlSafe(format!("vacuum analyze {table}"))).await?;
    }
    Ok(connection.close().await?)
}

async fn fill_months(
    rig: &Rig,
    database: &str,
    months: &[Month],
    half: usize,
    (rows, accounts): (u64, u32),
) -> Result<()> {
    let mut connection = PgConnection::connect_with(&rig.options("postgres", database)).await?;
    connection.execute("set synchronous_commit = off; set work_mem = '256MB'").await?;
    let each = rows / months.len() as u64;
    for (index, (month, from, until)) in months.iter().enumerate().skip(half).step_by(2) {
        let first = i64::try_from(index as u64 * each)? + 1;
        // The last month takes what does not divide.
        let last = if index + 1 == months.len() { rows } else { (index as u64 + 1) * each };
        sqlx::query(include_str!("../../sql/fill_usage.sql"))
            .bind(first)
            .bind(i64::try_from(last)?)
            .bind(from)
            .bind(until)
            .bind(i64::from(accounts))
            .execute(&mut connection)
            .await
            .with_context(|| format!("{month} cannot be filled"))?;
        sqlx::query(include_str!("../../sql/fill_daily.sql"))
            .bind(from)
            .bind(until)
            .execute(&mut connection)
            .await?;
    }
    Ok(connection.close().await?)
}
