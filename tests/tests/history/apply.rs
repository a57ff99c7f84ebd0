//! The steps of a history.

use std::collections::HashSet;

use octroi_tests::model::{Grant, LimitKey, Report, State};
use octroi_tests::verbs::{self, Outcome, Usage};
use time::Duration;

use super::{BUDGETS, NOON, Op, World};

impl World<'_> {
    /// Takes one step in the database and in the model.
    pub async fn apply(&mut self, op: &Op) {
        match op {
            Op::Reserve(asks) => self.reserve(asks).await,
            Op::Settle(settles) if !self.ids.is_empty() => {
                let picks: Vec<(usize, Report)> =
                    settles.iter().map(|(pick, report)| (pick.index(self.ids.len()), *report)).collect();
                self.settle(&picks).await;
            }
            Op::Release(picks) if !self.ids.is_empty() => {
                for pick in picks {
                    let index = pick.index(self.ids.len());
                    let outcome = verbs::release(&self.stage.pool, self.ids[index]).await;
                    assert_eq!(outcome, self.model.release(index));
                }
            }
            Op::Settle(_) | Op::Release(_) => {}
            Op::Record { user, input, output } => self.record(*user, *input, *output).await,
            Op::Grant { kind, amount, hours } => self.grant(*kind, *amount, *hours).await,
            Op::Plan(plan) => self.change_plan(*plan).await,
            Op::Budget { budget, amount } => self.change_budget(&BUDGETS[*budget], *amount).await,
            Op::Pass { hours } => self.pass(*hours).await,
            Op::Sweep => {
                verbs::expire_due(&self.stage.pool).await;
                self.model.sweep();
            }
        }
    }

    async fn reserve(&mut self, asks: &[octroi_tests::model::Ask]) {
        let calls: Vec<_> = asks.iter().map(|ask| self.call(ask)).collect();
        if self.batched {
            let verdicts = verbs::try_reserve_many(&self.stage.pool, &calls).await.unwrap();
            // A key that stands twice ends a statement: the second must see what became of the first.
            let mut keys = HashSet::new();
            self.model.begin_statement();
            for ((ask, call), verdict) in asks.iter().zip(&calls).zip(&verdicts) {
                if ask.idempotency.is_some_and(|(key, _)| keys.contains(&key)) {
                    keys.clear();
                    self.model.begin_statement();
                }
                keys.extend(ask.idempotency.map(|(key, _)| key));
                self.check(ask, call, verdict);
            }
        } else {
            for (ask, call) in asks.iter().zip(&calls) {
                let verdict = verbs::reserve(&self.stage.pool, call).await;
                self.model.begin_statement();
                self.check(ask, call, &verdict);
            }
        }
    }

    async fn settle(&mut self, picks: &[(usize, Report)]) {
        let usages: Vec<Usage> = picks
            .iter()
            .map(|(index, report)| match report {
                Some((input, output)) => Usage::new(self.ids[*index], *input, *output),
                None => Usage::unknown(self.ids[*index]),
            })
            .collect();
        let outcomes = if self.batched {
            verbs::try_settle_many(&self.stage.pool, &usages).await.unwrap()
        } else {
            let mut outcomes = Vec::new();
            for usage in &usages {
                outcomes.push(verbs::settle(&self.stage.pool, usage).await);
            }
            outcomes
        };
        // A late settle takes what the rest of its batch leaves.
        let is_late =
            |place: &usize| self.batched && self.model.requests[picks[*place].0].state == State::Expired;
        let (late, on_time): (Vec<usize>, Vec<usize>) = (0..picks.len()).partition(is_late);
        for place in on_time.into_iter().chain(late) {
            let ((index, report), outcome) = (&picks[place], &outcomes[place]);
            let settled = self.model.settle(*index, *report);
            let context = format!("{report:?} for {:?}", self.model.requests[*index]);
            assert_eq!(outcome.outcome, settled.outcome, "{context}");
            assert_eq!(recorded(outcome), settled.recorded, "{context}");
        }
    }

    /// Usage from elsewhere: a call that is granted whatever is left, and settled at once.
    async fn record(&mut self, user: usize, input: i64, output: i64) {
        let caller = self.users[user];
        let (id, outcome, total, overrun): (uuid::Uuid, String, i64, i64) = sqlx::query_as(
            "select request_id, outcome, total_tokens, overrun_tokens
             from octroi_private.record_usage($1, $2, 'gpt-5.4-mini', $3, $4)",
        )
        .bind(caller.account_id)
        .bind(caller.user_id)
        .bind(input)
        .bind(output)
        .fetch_one(&self.stage.pool)
        .await
        .unwrap();
        self.ids.push(id);
        let recorded = self.model.record(user, input, output).recorded.unwrap();
        assert_eq!((outcome.as_str(), total, overrun), ("settled", recorded.0, recorded.2));
    }

    async fn grant(&mut self, kind: usize, amount: i64, hours: Option<i64>) {
        let expires = hours.map_or(i64::MAX, |hours| self.model.hour + hours);
        let expires_at = hours.map(|_| NOON + Duration::hours(expires));
        self.stage.grant(self.users[0], ["rollover", "promo", "top_up"][kind], amount, expires_at).await;
        self.model.grants.push(Grant { kind, amount, drawn: 0, expires, ended: false });
        self.touch().await;
    }

    pub(super) async fn change_plan(&mut self, plan: usize) {
        let limits = self.plans[plan].1.iter().copied().collect();
        let mut changed = self.model.clone();
        changed.plans.push(limits);
        if !changed.limits().keys().eq(self.model.limits().keys()) && !self.model.is_quiet() {
            return;
        }
        self.stage.assign(self.users[0], &self.plans[plan].0).await;
        self.model.plans = changed.plans;
        self.touch().await;
    }

    async fn change_budget(&mut self, limit: &LimitKey, amount: Option<i64>) {
        let is_new_set = self.model.limits().contains_key(limit)
            != (amount.is_some() || self.model.plans.last().is_some_and(|plan| plan.contains_key(limit)));
        if is_new_set && !self.model.is_quiet() {
            return;
        }
        let (scope, _, meter, period) = *limit;
        let amount = amount.map(|amount| if meter == "cost" { amount * 1_000 } else { amount });
        let subject = self.subject(limit);
        if let Some(amount) = amount {
            self.stage.set_budget(self.users[0], (scope, &subject), meter, period, amount).await;
            self.model.budgets.insert(*limit, amount);
        } else {
            sqlx::query(
                "delete from octroi_private.budget where (account_id, scope, subject, meter, period) = ($1, $2, $3, $4, $5)",
            )
            .bind(self.users[0].account_id)
            .bind(scope)
            .bind(subject)
            .bind(meter)
            .bind(period)
            .execute(&self.stage.pool)
            .await
            .unwrap();
            self.model.budgets.remove(limit);
        }
        self.touch().await;
    }

    /// A month begins with every call of the last one resolved; a day may begin in the middle of a call.
    async fn pass(&mut self, hours: i64) {
        let hour = self.model.hour + hours;
        if hour >= (28 + 30) * 24 {
            return;
        }
        let mut at_end = self.model.clone();
        at_end.hour = hour;
        if at_end.resets(&BUDGETS[0]) != self.model.resets(&BUDGETS[0]) {
            for index in 0..self.ids.len() {
                if matches!(self.model.requests[index].state, State::Open | State::Expired) {
                    self.settle(&[(index, None)]).await;
                }
            }
        }
        self.model.hour = hour;
        self.wait_until_half_past().await;
    }
}

fn recorded(outcome: &Outcome) -> Option<(i64, i64, i64)> {
    Some((outcome.total_tokens?, outcome.cost_nano_usd?, outcome.overrun_tokens?))
}
