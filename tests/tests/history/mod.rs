//! One account under a history: every step goes to the database and to the model, and both must say the same.

mod apply;

use octroi_tests::cast::{ApiKey, Caller};
use octroi_tests::model::{Account, Amount, Ask, LimitKey, PRICES, Report, State, Told};
use octroi_tests::stage::Stage;
use octroi_tests::verbs::{Call, Verdict};
use proptest::sample::Index;
use serde_json::json;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// Noon of the account's first day.
const NOON: OffsetDateTime = datetime!(2027-02-01 12:00 UTC);

/// What an account may set itself.
const BUDGETS: [LimitKey; 6] = [
    ("account", 0, "tokens", "month"),
    ("account", 0, "cost", "day"),
    ("member", 1, "tokens", "month"),
    ("api_key", 0, "requests", "day"),
    ("model", 0, "tokens", "day"),
    ("account", 0, "requests", "lifetime"),
];

/// One step.
#[derive(Clone, Debug)]
pub enum Op {
    Reserve(Vec<Ask>),
    Settle(Vec<(Index, Report)>),
    Release(Vec<Index>),
    Record { user: usize, input: i64, output: i64 },
    Grant { kind: usize, amount: i64, hours: Option<i64> },
    Plan(usize),
    Budget { budget: usize, amount: Option<i64> },
    Pass { hours: i64 },
    Sweep,
}

pub struct World<'s> {
    stage: &'s Stage,
    model: Account,
    batched: bool,
    users: [Caller; 2],
    keys: [ApiKey; 2],
    plans: [(String, Vec<(LimitKey, Amount)>); 3],
    /// Ids of the model's requests.
    ids: Vec<Uuid>,
}

impl<'s> World<'s> {
    pub async fn new(stage: &'s Stage, batched: bool) -> Self {
        let owner = stage.sign_up("owner").await;
        let member = Caller { user_id: stage.sign_up("member").await.user_id, ..owner };
        sqlx::query(
            "insert into octroi_private.member (account_id, user_id, role) values ($1, $2, 'member')",
        )
        .bind(owner.account_id)
        .bind(member.user_id)
        .execute(&stage.pool)
        .await
        .unwrap();
        let keys = [stage.make_key(owner, json!([])).await, stage.make_key(owner, json!([])).await];
        sqlx::query("update octroi_private.api_key set user_id = $1 where id = $2")
            .bind(member.user_id)
            .bind(keys[1].id)
            .execute(&stage.pool)
            .await
            .unwrap();
        let plans = [
            Self::plan(
                stage,
                &[
                    ("account", "tokens", "month", 500, 0),
                    ("account", "requests", "day", 6, 0),
                    ("member", "tokens", "day", 300, 0),
                ],
            )
            .await,
            Self::plan(
                stage,
                &[
                    ("account", "tokens", "month", 1_200, 100),
                    ("model", "cost", "month", 500_000, 0),
                    ("api_key", "tokens", "lifetime", 700, 0),
                ],
            )
            .await,
            Self::plan(stage, &[]).await,
        ];
        let mut world = Self {
            stage,
            model: Account::default(),
            batched,
            users: [owner, member],
            keys,
            plans,
            ids: Vec::new(),
        };
        world.change_plan(0).await;
        world
    }

    /// A plan in the database, and its limits in full for the model.
    async fn plan(
        stage: &Stage,
        limits: &[(&'static str, &'static str, &'static str, i64, i64)],
    ) -> (String, Vec<(LimitKey, Amount)>) {
        let rows: Vec<_> = limits
            .iter()
            .map(|(scope, meter, period, amount, overage)| {
                let model = if *scope == "model" { PRICES[1].0 } else { "" };
                (*scope, model, *meter, *period, *amount, *overage)
            })
            .collect();
        let mut all = Vec::new();
        for (scope, meter, period, amount, overage) in limits {
            let subjects = match *scope {
                "member" | "api_key" => vec![0, 1],
                "model" => vec![1],
                _ => vec![0],
            };
            all.extend(
                subjects.into_iter().map(|subject| ((*scope, subject, *meter, *period), (*amount, *overage))),
            );
        }
        (stage.make_plan(&rows).await, all)
    }

    /// Half past the model's hour, so that no boundary is near.
    pub async fn wait_until_half_past(&mut self) {
        self.stage.travel_to(NOON + Duration::minutes(30) + Duration::hours(self.model.hour)).await;
        self.touch().await;
    }

    /// A call that changes nothing, so that the database has seen the rules as they are now.
    async fn touch(&mut self) {
        let call = Call { caller: self.users[0], ..Call::new(self.users[0], 0, 0) };
        octroi_tests::verbs::reserve(&self.stage.pool, &call).await;
        octroi_tests::verbs::release(&self.stage.pool, call.request_id).await;
        self.model.refresh();
    }

    fn subject(&self, (scope, subject, ..): &LimitKey) -> String {
        match *scope {
            "member" => self.users[*subject].user_id.to_string(),
            "api_key" => self.keys[*subject].id.to_string(),
            "model" => PRICES[*subject].0.to_owned(),
            _ => String::new(),
        }
    }

    fn call(&self, ask: &Ask) -> Call {
        let caller = match ask.key {
            Some(key) => self.users[ask.user].with_key(&self.keys[key]),
            None => self.users[ask.user],
        };
        let mut call = Call::new(caller, ask.input_tokens, 0).of(PRICES[ask.model].0);
        call.output_tokens = ask.output_tokens;
        call.choices = ask.choices as i32;
        match ask.idempotency {
            Some((key, body)) => call.keyed(&format!("key-{key}"), body),
            None => call,
        }
    }

    /// Compares a verdict with what the model says of the same call, in the state the model has just reached.
    fn check(&mut self, ask: &Ask, call: &Call, verdict: &Verdict) {
        let told = self.model.reserve(ask);
        let context = format!("{ask:?}: the model says {told:?}, the database {verdict:?}");
        let named = match &told {
            Told::Granted { output_tokens, named, .. } => {
                self.ids.push(call.request_id);
                assert_eq!(
                    (verdict.verdict.as_str(), verdict.output_tokens),
                    ("granted", Some(*output_tokens)),
                    "{context}"
                );
                assert_eq!(verdict.hold_tokens, Some(ask.hold("tokens", *output_tokens)), "{context}");
                assert_eq!(verdict.hold_cost_nano_usd, Some(ask.hold("cost", *output_tokens)), "{context}");
                named
            }
            Told::Held { named } => {
                assert_eq!(
                    (verdict.verdict.as_str(), verdict.reason(), verdict.retry_after_seconds),
                    ("held", "quota_held", None),
                    "{context}"
                );
                named
            }
            Told::Refused { named } => {
                let reasons = [
                    "quota_exceeded",
                    "spend_cap_reached",
                    "member_budget_reached",
                    "key_budget_reached",
                    "model_budget_reached",
                ];
                assert_eq!(verdict.verdict, "refused", "{context}");
                assert!(reasons.contains(&verdict.reason()), "{context}");
                named
            }
            Told::Replayed { request, state } => {
                assert_eq!(
                    (verdict.verdict.as_str(), verdict.request_id),
                    ("replayed", self.ids[*request]),
                    "{context}"
                );
                assert_eq!(verdict.reason(), state_name(*state), "{context}");
                return;
            }
            Told::Mismatch => {
                assert_eq!(
                    (verdict.verdict.as_str(), verdict.reason()),
                    ("refused", "idempotency_mismatch"),
                    "{context}"
                );
                return;
            }
        };
        let Some(limit) = named.iter().find(|key| (key.0, key.2, key.3) == verdict.limit()) else {
            assert!(named.is_empty() && verdict.scope.is_none(), "{context}");
            return;
        };
        let balance = self.model.running(limit);
        let standing =
            (Some(balance.granted()), Some(balance.used), Some(balance.reserved), Some(balance.room()));
        // The row that decided is the one before this call's own hold.
        let told = (verdict.granted, verdict.used, verdict.reserved, verdict.remaining);
        assert_eq!(told, standing, "{context}");
    }

    /// Every balance in the database is as the model has it.
    pub async fn assert_balances(&self) {
        for row in self.stage.balances(self.users[0]).await {
            let is_row = |key: &LimitKey| {
                (key.0, key.2, key.3) == (row.scope.as_str(), row.meter.as_str(), row.period.as_str())
                    && self.subject(key) == row.subject
            };
            let hours = ((row.period_start - NOON).as_seconds_f64() / 3_600.0).round() as i64;
            let known = self.model.balances.iter().find(|((key, start), _)| *start == hours && is_row(key));
            let (_, balance) = known.unwrap_or_else(|| panic!("the model has no {row:?}"));
            let said = (row.granted, row.used, row.reserved);
            assert_eq!(
                said,
                (balance.granted(), balance.used, balance.reserved),
                "{row:?} is {balance:?} in the model"
            );
        }
    }
}

fn state_name(state: State) -> &'static str {
    match state {
        State::Open => "open",
        State::Settled => "settled",
        State::Released => "released",
        State::Expired => "expired",
    }
}
