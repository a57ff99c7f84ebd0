//! Meter events: usage as it is reported, kept for ever, summed raw.

mod adjust;
mod create;
mod kept;

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};

pub use adjust::endpoint as adjustment_endpoint;
pub use create::endpoint;

use super::meters::{Formula, Meter};

/// What has become of an event.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Accepted, but not in any sum yet.
    Accepted,
    /// In the sums.
    Counted,
    /// Found invalid after it was accepted.
    Rejected,
    /// Cancelled by an adjustment.
    Cancelled,
}

/// One event.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct MeterEvent {
    /// The reporter's own, or one made up.
    pub identifier: String,
    /// The meter's id.
    pub meter: String,
    /// The meter's event name.
    pub event_name: String,
    /// The customer's id.
    pub customer: String,
    /// Units.
    pub value: i64,
    /// When the usage was, in Unix seconds.
    pub timestamp: i64,
    /// When Stripe got it, in Unix seconds.
    pub received_at: i64,
    /// What has become of it.
    pub state: State,
}

/// A customer's events of one meter: their values by time, and by arrival within a second.
type Series = BTreeMap<(i64, usize), i64>;

/// A meter's id and a customer's.
pub type Pair = (String, String);

/// All events.
#[derive(Debug, Default)]
pub struct MeterEvents {
    log: Vec<MeterEvent>,
    counted: HashMap<Pair, Series>,
    /// Where in the log the last event of that identifier is.
    identifiers: HashMap<String, usize>,
    /// Pairs with a call in progress: Stripe allows one at a time.
    busy: HashSet<Pair>,
    /// The pair that the request being answered keeps busy.
    just_started: Option<Pair>,
    changes: u64,
}

impl MeterEvents {
    /// Every event, in order of arrival.
    pub fn log(&self) -> &[MeterEvent] {
        &self.log
    }

    /// How often an event came or became something else since the stand-in began.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// The last event of that identifier.
    pub fn last(&self, identifier: &str) -> Option<&MeterEvent> {
        self.identifiers.get(identifier).and_then(|place| self.log.get(*place))
    }

    /// What the meter shows of the customer's usage from `from` until just before `until`; none without any event.
    pub fn aggregate(&self, meter: &Meter, customer: &str, from: i64, until: i64) -> Option<i64> {
        let series = self.counted.get(&(meter.id.clone(), customer.to_owned()))?;
        let mut values = series.range((from, 0)..(until, 0)).map(|(_, value)| *value).peekable();
        values.peek()?;
        Some(match meter.formula {
            Formula::Sum => values.fold(0, i64::saturating_add),
            Formula::Count => i64::try_from(values.count()).unwrap_or(i64::MAX),
            Formula::Last => values.last().unwrap_or(0),
        })
    }

    /// Takes an event in. It counts at once unless `later`.
    fn accept(&mut self, event: MeterEvent, later: bool) {
        self.changes += 1;
        let place = self.log.len();
        self.identifiers.insert(event.identifier.clone(), place);
        self.log.push(event);
        if !later {
            self.count(place);
        }
    }

    fn count(&mut self, place: usize) {
        self.changes += 1;
        let Some(event) = self.log.get_mut(place) else { return };
        event.state = State::Counted;
        let series = self.counted.entry((event.meter.clone(), event.customer.clone())).or_default();
        series.insert((event.timestamp, place), event.value);
    }

    /// Counts what was accepted and not counted, and returns the customers it was about.
    pub fn count_all(&mut self) -> HashSet<String> {
        let accepted =
            |(place, event): (usize, &MeterEvent)| (event.state == State::Accepted).then_some(place);
        let places: Vec<usize> = self.log.iter().enumerate().filter_map(accepted).collect();
        places.iter().for_each(|place| self.count(*place));
        places
            .into_iter()
            .filter_map(|place| self.log.get(place))
            .map(|event| event.customer.clone())
            .collect()
    }

    /// Takes an event out of the sums, and returns it.
    pub fn take_out(&mut self, identifier: &str, state: State) -> Option<MeterEvent> {
        self.changes += 1;
        let place = *self.identifiers.get(identifier)?;
        let event = self.log.get_mut(place)?;
        event.state = state;
        let event = event.clone();
        if let Some(series) = self.counted.get_mut(&(event.meter.clone(), event.customer.clone())) {
            series.remove(&(event.timestamp, place));
        }
        Some(event)
    }

    /// Marks a pair busy for the request being answered; false if it is already.
    fn start(&mut self, pair: Pair) -> bool {
        let started = self.busy.insert(pair.clone());
        if started {
            self.just_started = Some(pair);
        }
        started
    }

    /// The pair that the request just answered keeps busy until its answer is sent.
    pub fn take_started(&mut self) -> Option<Pair> {
        self.just_started.take()
    }

    /// The call is over.
    pub fn end(&mut self, pair: &Pair) {
        self.busy.remove(pair);
    }
}
