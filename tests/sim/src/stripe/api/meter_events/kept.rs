//! Meter events in the state file: the log, from which the sums are made again.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{MeterEvent, MeterEvents, State};

impl Serialize for MeterEvents {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.log.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for MeterEvents {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut events = Self::default();
        for event in Vec::<MeterEvent>::deserialize(deserializer)? {
            let counts = event.state == State::Counted;
            events.accept(event, !counts);
        }
        Ok(events)
    }
}
