//! What a call used, once and for all.

use super::{Account, Ask, Request, State};

/// Usage as it is reported: input, output; none when the provider said nothing.
pub type Report = Option<(i64, i64)>;

/// What a settle is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled {
    /// `settled`, `settled_late`, `replayed` or `conflict`.
    pub outcome: &'static str,
    /// Tokens in all, cost and tokens not charged; nothing where nothing is recorded.
    pub recorded: Option<(i64, i64, i64)>,
}

impl Account {
    /// Settles a call.
    pub fn settle(&mut self, index: usize, report: Report) -> Settled {
        let request = &self.requests[index];
        match (request.state, request.report) {
            (State::Released, _) => Settled { outcome: "conflict", recorded: None },
            (State::Settled, known) => {
                let same = known.is_some_and(|known| known == report);
                Settled {
                    outcome: if same { "replayed" } else { "conflict" },
                    recorded: Some(request.recorded()),
                }
            }
            (State::Open, _) => self.close(index, report, "settled"),
            (State::Expired, _) => {
                self.hold_what_fits(index);
                self.close(index, report, "settled_late")
            }
        }
    }

    /// Records a call that was not asked for: its hold is what fits.
    pub fn record(&mut self, user: usize, input_tokens: i64, output_tokens: i64) -> Settled {
        let ask = Ask {
            user,
            key: None,
            model: 0,
            input_tokens,
            output_tokens: Some(output_tokens),
            choices: 1,
            idempotency: None,
        };
        let limits = self.limits().into_keys().filter(|key| ask.concerns(key));
        let holds = limits.map(|key| ((key, self.period_start(key.3)), 0)).collect();
        let (started, plan, state) = (self.hour, self.plans.len() - 1, State::Open);
        let request =
            Request { ask, output_tokens, started, plan, state, holds, report: None, charged: [0; 3] };
        self.requests.push(request);
        let index = self.requests.len() - 1;
        self.hold_what_fits(index);
        self.close(index, Some((input_tokens, output_tokens)), "settled")
    }

    /// Gives an expired call a hold again, as far as there is room.
    fn hold_what_fits(&mut self, index: usize) {
        let request = &self.requests[index];
        let mut holds = request.holds.clone();
        let room = |meter: &str| {
            let of_meter = request.holds.iter().filter(|((key, _), _)| key.2 == meter);
            let least = of_meter.map(|(at, _)| self.balances[at].room()).min();
            least.unwrap_or(i64::MAX).min(request.ask.hold(meter, request.output_tokens)).max(0)
        };
        for ((key, _), amount) in &mut holds {
            *amount = room(key.2);
        }
        for (at, amount) in &holds {
            self.balances.get_mut(at).expect("a held balance").reserved += amount;
        }
        self.requests[index].holds = holds;
    }

    fn close(&mut self, index: usize, report: Report, outcome: &'static str) -> Settled {
        let request = &mut self.requests[index];
        let ask = request.ask.clone();
        let (input, output) = report.unwrap_or((ask.input_tokens, request.output_tokens * ask.choices));
        let held = |meter: &str| {
            let of_meter = request.holds.iter().find(|((key, _), _)| key.2 == meter);
            of_meter.map_or_else(|| ask.hold(meter, request.output_tokens), |(_, amount)| *amount)
        };
        let cost = ask.cost(input, output);
        let charged = [(input + output).min(held("tokens")), cost.min(held("cost")), held("requests")];
        (request.state, request.report, request.charged) = (State::Settled, Some(report), charged);
        let (recorded, holds) = (request.recorded(), request.holds.clone());
        for ((key, start), amount) in holds {
            let meter =
                ["tokens", "cost", "requests"].iter().position(|meter| *meter == key.2).expect("a meter");
            let balance = self.balances.get_mut(&(key, start)).expect("a held balance");
            balance.reserved -= amount;
            balance.used += charged[meter];
            if (key.0, key.2, key.3) == ("account", "tokens", "month") {
                self.draw((key, start), index, charged[0]);
            }
        }
        Settled { outcome, recorded: Some(recorded) }
    }
}

impl Request {
    fn recorded(&self) -> (i64, i64, i64) {
        let output = self.output_tokens * self.ask.choices;
        let (input, output) = self.report.flatten().unwrap_or((self.ask.input_tokens, output));
        (input + output, self.ask.cost(input, output), input + output - self.charged[0])
    }
}
