//! The outbox in the state file: every delivery, and which of them go next.

use std::collections::VecDeque;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::outbox::{Delivery, DeliveryState, Outbox};

#[derive(Serialize)]
struct Written<'o> {
    deliveries: &'o [Delivery],
    ready: &'o VecDeque<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    deliveries: Vec<Delivery>,
    ready: VecDeque<u64>,
}

impl Serialize for Outbox {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written { deliveries: &self.deliveries, ready: &self.ready }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Outbox {
    /// Nobody knows whether what was under way has arrived: it is sent again, before the rest.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Read { mut deliveries, ready } = Read::deserialize(deserializer)?;
        let mut next = VecDeque::new();
        for delivery in deliveries.iter_mut().filter(|delivery| delivery.state == DeliveryState::Sent) {
            delivery.state = DeliveryState::Ready;
            // It is the same try again, not the next one of the schedule.
            delivery.attempts = delivery.attempts.saturating_sub(1);
            next.push_back(delivery.number);
        }
        next.extend(ready);
        let mut outbox = Self::default();
        (outbox.deliveries, outbox.ready) = (deliveries, next);
        outbox.changed();
        Ok(outbox)
    }
}
