//! Windows measured by pgbench: many clients, one short script each, prepared statements.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;

use crate::rig::Rig;
use crate::window::{self, Opened, Window, Work};

/// The first second is not counted: clients connect, and every backend prepares its statements.
const WARM_UP_SECONDS: u64 = 1;

/// A script and who runs it.
#[derive(Debug, Clone, Copy)]
pub struct Script {
    /// Name of the file in `tests/bench/pgbench`, without its ending.
    pub name: &'static str,
    text: &'static str,
    user: &'static str,
}

macro_rules! script {
    ($name:literal, $user:literal) => {
        Script { name: $name, text: include_str!(concat!("../pgbench/", $name, ".sql")), user: $user }
    };
}

/// `select 1`, by a signed-in user.
pub const SELECT_ONE: Script = script!("select_one", "bench_user");
/// `octroi.check_quota`, by a signed-in user.
pub const CHECK_QUOTA: Script = script!("check_quota", "bench_user");
/// One row inserted and committed.
pub const BARE_INSERT: Script = script!("bare_insert", "bench_backend");
/// The naive reserve and settle, a commit each.
pub const NAIVE_PAIR: Script = script!("naive_pair", "bench_backend");
/// Octroi's reserve and settle, a commit each.
pub const OCTROI_PAIR: Script = script!("octroi_pair", "bench_backend");
/// One job put into our queue.
pub const ENQUEUE: Script = script!("enqueue", "postgres");

/// Runs `script` for one window with so many clients, over so many accounts.
pub async fn measure(rig: &Rig, script: Script, clients: u32, accounts: u32) -> Result<Window> {
    measure_in(rig, rig.database(), script, clients, accounts).await
}

/// The same in another database.
pub async fn measure_in(
    rig: &Rig,
    database: &str,
    script: Script,
    clients: u32,
    accounts: u32,
) -> Result<Window> {
    let file = rig.args.state.join(format!("{}.sql", script.name));
    std::fs::write(&file, script.text).with_context(|| format!("{} cannot be written", file.display()))?;
    window::steady(async || run(rig, database, script, &file, clients, accounts).await).await
}

async fn run(
    rig: &Rig,
    database: &str,
    script: Script,
    file: &Path,
    clients: u32,
    accounts: u32,
) -> Result<Window> {
    let (host, port) = rig.server();
    let seconds = rig.scale.window_seconds() + WARM_UP_SECONDS;
    let mut child = Command::new(&rig.args.pgbench)
        .args(["--no-vacuum", "--protocol=prepared", "--progress=1", "--jobs=1"])
        .arg(format!("--client={clients}"))
        .arg(format!("--time={seconds}"))
        .arg(format!("--define=accounts={accounts}"))
        .arg(format!("--file={}", file.display()))
        .args(["--host", host, "--port", &port.to_string(), "--username", script.user, database])
        .env("PGPASSWORD", rig.password()?)
        .env("PGOPTIONS", session_of(script.user))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("{} cannot be started", rig.args.pgbench.display()))?;
    let errors = child.stderr.take().context("pgbench has no standard error")?;
    let mut lines = BufReader::new(errors).lines();
    let mut opened: Option<Opened> = None;
    let mut work = Work::default();
    let mut closed = None;
    let mut said = String::new();
    while let Some(line) = lines.next_line().await? {
        let Some(progress) = Progress::read(&line) else {
            said.push_str(&line);
            said.push('\n');
            continue;
        };
        if let Some(opened) = opened {
            work.operations += progress.tps * (progress.at_seconds - work.seconds - WARM_UP_SECONDS as f64);
            work.seconds = progress.at_seconds - WARM_UP_SECONDS as f64;
            closed = Some(opened.close(&[rig.postmaster], work)?);
        } else {
            opened = Some(Opened::now(&[rig.postmaster])?);
        }
    }
    let mut summary = String::new();
    if let Some(mut output) = child.stdout.take() {
        output.read_to_string(&mut summary).await?;
    }
    let status = child.wait().await?;
    if !status.success() || !summary.contains("number of failed transactions: 0 ") {
        bail!("pgbench {} with {clients} clients failed:\n{said}{summary}", script.name);
    }
    closed.with_context(|| format!("pgbench {} showed no progress:\n{said}{summary}", script.name))
}

/// A signed-in user is whom the Data API would make of them.
fn session_of(user: &str) -> String {
    match user {
        "bench_user" => format!("-c role=authenticated -c request.jwt.claims={}", claims(1).replace(' ', "")),
        _ => String::new(),
    }
}

/// The claims of the owner of the account with this number.
pub fn claims(number: u32) -> String {
    format!(r#"{{"sub":"00000000-0000-7000-8000-{number:012x}","role":"authenticated"}}"#)
}

/// One line such as `progress: 2.0 s, 5123.4 tps, lat 1.560 ms stddev 0.1, 0 failed`.
struct Progress {
    at_seconds: f64,
    tps: f64,
}

impl Progress {
    fn read(line: &str) -> Option<Self> {
        let mut parts = line.strip_prefix("progress: ")?.split(", ");
        let at_seconds = parts.next()?.strip_suffix(" s")?.parse().ok()?;
        let tps = parts.next()?.strip_suffix(" tps")?.parse().ok()?;
        Some(Self { at_seconds, tps })
    }
}
