//! May a call go ahead, and how much may it spend?

use super::{Account, LimitKey, PRICES, Request, State};

/// Answers shorter than this are of no use, unless even fewer tokens are asked for.
const MIN_OUTPUT_TOKENS: i64 = 16;
/// What a choice may have that names no limit.
const DEFAULT_OUTPUT_TOKENS: i64 = 4_096;

/// A call that asks.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// Who acts, a number of the test's own.
    pub user: usize,
    /// With which key.
    pub key: Option<usize>,
    /// Index into [`PRICES`].
    pub model: usize,
    /// Upper bound of the input.
    pub input_tokens: i64,
    /// Output wanted per choice; none leaves it to the default.
    pub output_tokens: Option<i64>,
    /// Answers wanted.
    pub choices: i64,
    /// Idempotency key and body.
    pub idempotency: Option<(u8, u8)>,
}

impl Ask {
    /// Whether a limit bounds this call.
    pub fn concerns(&self, (scope, subject, ..): &LimitKey) -> bool {
        match *scope {
            "account" => true,
            "member" => self.user == *subject,
            "api_key" => self.key == Some(*subject),
            _ => self.model == *subject,
        }
    }

    /// Nano-USD of so many tokens, rounded up once.
    pub fn cost(&self, input_tokens: i64, output_tokens: i64) -> i64 {
        let (_, input_price, output_price) = PRICES[self.model];
        (input_tokens * input_price + output_tokens * output_price + 999) / 1_000
    }

    /// What the call holds of a meter.
    pub fn hold(&self, meter: &str, output_tokens: i64) -> i64 {
        let output = output_tokens * self.choices;
        match meter {
            "tokens" => self.input_tokens + output,
            "cost" => self.cost(self.input_tokens, output),
            _ => 1,
        }
    }

    /// Output per choice that so much room affords; negative when not even the input fits.
    fn fits(&self, meter: &str, room: i64) -> i64 {
        let (_, input_price, output_price) = PRICES[self.model];
        let left = match meter {
            "tokens" => room - self.input_tokens,
            "cost" => room * 1_000 - self.input_tokens * input_price,
            _ if room >= 1 => i64::MAX,
            _ => -1,
        };
        match meter {
            _ if left < 0 => -1,
            "tokens" => left / self.choices,
            "cost" => left / (output_price * self.choices),
            _ => i64::MAX,
        }
    }
}

/// What a call is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// Go ahead.
    Granted {
        /// Output allowed per choice.
        output_tokens: i64,
        /// Limits of which one must be named.
        named: Vec<LimitKey>,
    },
    /// Not beside what other calls hold.
    Held {
        /// Limits of which one must be named.
        named: Vec<LimitKey>,
    },
    /// No.
    Refused {
        /// Limits of which one must be named.
        named: Vec<LimitKey>,
    },
    /// As an earlier request.
    Replayed {
        /// Its number.
        request: usize,
        /// How it stands.
        state: State,
    },
    /// The idempotency key belongs to another body.
    Mismatch,
}

impl Account {
    /// What is decided from here on is decided in another statement: nobody of the one before waits any more.
    pub fn begin_statement(&mut self) {
        self.awaited.clear();
    }

    /// Decides a call, and holds what it may spend.
    pub fn reserve(&mut self, ask: &Ask) -> Told {
        if let Some((key, body)) = ask.idempotency {
            let same = |request: &Request| {
                request.state != State::Released
                    && request.ask.idempotency.is_some_and(|known| known.0 == key)
            };
            if let Some(request) = self.requests.iter().position(same) {
                let first = &self.requests[request];
                return match first.ask.idempotency {
                    Some((_, known)) if known == body => Told::Replayed { request, state: first.state },
                    _ => Told::Mismatch,
                };
            }
        }
        let limits: Vec<LimitKey> = self.limits().into_keys().filter(|key| ask.concerns(key)).collect();
        let at = |key: &LimitKey| (*key, self.period_start(key.3));
        // What is used up refuses and bounds the output; what others hold only makes wait.
        let fits = |key: &LimitKey| ask.fits(key.2, self.balances[&at(key)].unused());
        let wanted = ask.output_tokens.unwrap_or(DEFAULT_OUTPUT_TOKENS);
        let enough = wanted.min(MIN_OUTPUT_TOKENS);
        let refusing: Vec<LimitKey> = limits.iter().filter(|key| fits(key) < enough).copied().collect();
        if let Some(latest) = refusing.iter().map(|key| self.resets(key)).max() {
            return Told::Refused {
                named: refusing.into_iter().filter(|key| self.resets(key) == latest).collect(),
            };
        }
        let least = limits.iter().map(fits).min().unwrap_or(i64::MAX);
        let named = limits.iter().filter(|key| fits(key) == least).copied().collect();
        let output_tokens = wanted.min(least);
        let is_short = |key: &&LimitKey| {
            ask.hold(key.2, output_tokens) > self.balances[&at(key)].room() || self.awaited.contains(key)
        };
        let short: Vec<LimitKey> = limits.iter().filter(is_short).copied().collect();
        if !short.is_empty() {
            self.awaited.extend(&short);
            return Told::Held { named: short };
        }
        let holds: Vec<_> = limits.iter().map(|key| (at(key), ask.hold(key.2, output_tokens))).collect();
        for (at, amount) in &holds {
            self.balances.get_mut(at).expect("a balance").reserved += amount;
        }
        self.requests.push(Request {
            ask: ask.clone(),
            output_tokens,
            started: self.hour,
            plan: self.plans.len() - 1,
            state: State::Open,
            holds,
            report: None,
            charged: [0; 3],
        });
        Told::Granted { output_tokens, named }
    }
}
