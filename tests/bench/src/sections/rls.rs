//! What row level security costs whoever reads `octroi.usage`: the same questions asked by a signed-in user, who sees what
//! policies show them, and by the owner of the table, whom nothing is hidden from and who names the account instead.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use uuid::Uuid;

use super::growth;
use super::pairs::numbered_id;
use crate::figure::{Figure, Target};
use crate::pgbench::claims;
use crate::rig::Rig;
use crate::scale::in_words;
use crate::window::{self, Opened, Series, Window, Work, percentile};

/// Users that the usage is of.
const USERS: u32 = 1_000;
/// Users who ask in turn: few enough that what they read is in memory.
const READERS: u32 = 50;
/// Of the median latency of the owner.
const LATENCY_RATIO_MAX: f64 = 1.3;
const DATABASE: &str = "rls";

/// What is asked, without who asks.
struct Question {
    name: &'static str,
    columns: &'static str,
    condition: Option<String>,
    rest: &'static str,
    /// The RPC that answers it too.
    rpc: Option<&'static str>,
}

/// How a user asks it.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    /// Of the view, for one account by name.
    Naming,
    /// Of the view, for whatever policies show.
    Policies,
    /// By RPC.
    Rpc,
}

impl Question {
    /// As it is asked of the view, for one account by name or for whatever the reader sees.
    fn text(&self, names_account: bool) -> String {
        let account = names_account.then_some("account_id = $1");
        let conditions: Vec<&str> = account.into_iter().chain(self.condition.as_deref()).collect();
        let filter =
            if conditions.is_empty() { String::new() } else { format!("where {}", conditions.join(" and ")) };
        format!("select {} from octroi.usage {filter} {}", self.columns, self.rest)
    }

    /// The ways a user can ask it: what to say, the text, and whether it takes the account.
    fn ways(&self) -> Vec<(&'static str, String, Way)> {
        let mut ways = vec![
            ("naming their account", self.text(true), Way::Naming),
            ("as policies have it", self.text(false), Way::Policies),
        ];
        let rpc = self.rpc.map(|rpc| format!("select {} from {rpc}", self.columns));
        ways.extend(rpc.map(|text| ("by my_requests", text, Way::Rpc)));
        ways
    }
}

/// Who asks.
struct Reader {
    connection: PgConnection,
    is_owner: bool,
}

/// Fills a copy of `template` and has both ask in turn.
pub async fn measure(rig: &Rig, template: &str) -> Result<Vec<Figure>> {
    let rows = rig.scale.usage_rows.1;
    Rig::say(&format!(
        "Filling a ledger with {} usage rows of {} users",
        in_words(rows),
        in_words(USERS.into())
    ));
    crate::seed::copy_database(rig, DATABASE, template).await?;
    growth::fill(rig, DATABASE, rows, USERS).await?;
    let mut user = Reader::open(rig, "bench_user", "authenticated").await?;
    let mut owner = Reader::open(rig, "postgres", "octroi_owner").await?;
    Rig::say("Users and the owner ask for the users' calls");
    let mut figures = Vec::new();
    for question in questions(&mut owner.connection).await? {
        for (how, by_user, way) in question.ways() {
            let (by_owner, names_account) = (question.text(true), way == Way::Naming);
            agree(&mut user, &mut owner, &by_user, &by_owner, names_account).await?;
            let [mut ours, mut line] = [(); 2].map(|()| Series::default());
            for _ in 0..rig.scale.rounds {
                line.push(window::steady(async || owner.ask(rig, &by_owner, true).await).await?);
                ours.push(window::steady(async || user.ask(rig, &by_user, names_account).await).await?);
            }
            let name = format!(
                "usage, {}, {how}, vs the owner, 1 user of {} with {}",
                question.name,
                in_words(USERS.into()),
                in_words(rows)
            );
            figures.push(
                Figure::new(
                    name,
                    "us",
                    ours.p50_us(),
                    Some(line.p50_us()),
                    Target::RatioAtMost(LATENCY_RATIO_MAX),
                )
                .with_cost((ours.cpu_us(), line.cpu_us()), ours.steal_percent().max(line.steal_percent())),
            );
        }
    }
    for reader in [user, owner] {
        reader.connection.close().await?;
    }
    crate::seed::drop_database(rig, DATABASE).await?;
    Ok(figures)
}

/// A page of calls, and the sum of the last whole month.
async fn questions(connection: &mut PgConnection) -> Result<[Question; 2]> {
    // As literals, which is what a client sends.
    let month: String = sqlx::query_scalar(
        "select format('occurred_at >= %L and occurred_at < %L', m - interval '1 month', m)
         from date_trunc('month', now() at time zone 'utc') as m",
    )
    .fetch_one(connection)
    .await?;
    Ok([
        Question {
            name: "the last 100 calls",
            columns: "id, model, total_tokens, cost_nano_usd, occurred_at",
            condition: None,
            rest: "order by occurred_at desc limit 100",
            rpc: Some("octroi.my_requests(100)"),
        },
        Question {
            name: "count and sums of a month",
            columns: "count(*), sum(total_tokens), sum(cost_nano_usd)",
            condition: Some(month),
            rest: "",
            rpc: None,
        },
    ])
}

/// Both are told the same, and have everything in memory afterwards.
async fn agree(
    user: &mut Reader,
    owner: &mut Reader,
    by_user: &str,
    by_owner: &str,
    names_account: bool,
) -> Result<()> {
    for turn in 0..READERS {
        let seen = user.answer(turn, by_user, names_account).await?;
        let there = owner.answer(turn, by_owner, true).await?;
        ensure!(
            !there.is_empty() && seen == there,
            "user {} does not see what is theirs: {by_user}",
            user_number(turn)
        );
    }
    Ok(())
}

/// The user whose turn it is; not the first, who has a tenth of everything.
fn user_number(turn: u32) -> u32 {
    2 + turn % READERS
}

impl Reader {
    async fn open(rig: &Rig, login: &str, role: &str) -> Result<Self> {
        let mut connection = PgConnection::connect_with(&rig.options(login, DATABASE)).await?;
        connection.execute(AssertSqlSafe(format!("set role {role}"))).await?;
        // As the Data API takes it from the role (migration 001710); the owner's questions are too cheap to be compiled.
        connection.execute("set jit = off").await?;
        Ok(Self { connection, is_owner: role == "octroi_owner" })
    }

    /// Becomes a user, where it is not the owner.
    async fn turn_to(&mut self, turn: u32) -> Result<Uuid> {
        let number = user_number(turn);
        if !self.is_owner {
            sqlx::query("select set_config('request.jwt.claims', $1, false)")
                .bind(claims(number))
                .execute(&mut self.connection)
                .await?;
        }
        Ok(numbered_id(number))
    }

    /// Every row of the answer, as text.
    async fn answer(&mut self, turn: u32, text: &str, names_account: bool) -> Result<Vec<String>> {
        let account_id = self.turn_to(turn).await?;
        let text = format!("select x::text from ({text}) as x");
        let mut query = sqlx::query_scalar(AssertSqlSafe(text));
        if names_account {
            query = query.bind(account_id);
        }
        query.fetch_all(&mut self.connection).await.context("the question cannot be asked")
    }

    /// Asks for one window.
    async fn ask(&mut self, rig: &Rig, text: &str, names_account: bool) -> Result<Window> {
        let opened = Opened::now(&[rig.postmaster])?;
        let (mut latencies_us, mut turn) = (Vec::new(), 0);
        while opened.seconds() < rig.scale.window.as_secs_f64() {
            let account_id = self.turn_to(turn).await?;
            let asked = Instant::now();
            let mut query = sqlx::query(AssertSqlSafe(text.to_owned()));
            if names_account {
                query = query.bind(account_id);
            }
            query.fetch_all(&mut self.connection).await?;
            latencies_us.push(asked.elapsed().as_secs_f64() * 1e6);
            turn += 1;
        }
        latencies_us.sort_by(f64::total_cmp);
        let work = Work {
            operations: latencies_us.len() as f64,
            seconds: opened.seconds(),
            p50_us: percentile(&latencies_us, 50.0),
            p99_us: percentile(&latencies_us, 99.0),
        };
        opened.close(&[rig.postmaster], work)
    }
}
