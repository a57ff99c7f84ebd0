//! The deliveries, and where each of them stands.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};

use super::plan::{WebhookFault, WebhookFaultKind, WebhookFaultPlan};
use crate::stripe::api::events::Event;
use crate::stripe::api::invoices;
use crate::stripe::world::{Due, World};

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It goes next.
    Ready,
    /// It is under way.
    Sent,
    /// It waits for a release.
    Held,
    /// It was taken with a 2xx.
    Taken,
    /// It was not, and waits for its next try.
    Waiting,
    /// It was not, and is not tried again.
    GivenUp,
    /// It was never sent, on purpose.
    Lost,
}

/// One event on its way to one endpoint.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Delivery {
    /// Its number.
    pub number: u64,
    /// The event's id.
    pub event: String,
    /// The event's type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The endpoint's id.
    pub endpoint: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was sent.
    pub attempts: u32,
    /// The last answer's HTTP status; none if there was no answer.
    pub status: Option<u16>,
    /// Whether it is an extra copy.
    pub copy: bool,
    /// Real milliseconds that it waits before it is sent.
    pub delay_ms: u64,
    /// Whether its signature is wrong on purpose.
    pub forged: bool,
    /// How old its signature is on purpose, in seconds.
    pub stale_seconds: i64,
}

/// In which order held deliveries go.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// As their events happened.
    #[default]
    AsHappened,
    /// The other way round.
    Reversed,
    /// These events first, in this order; then the rest as it happened.
    Events(Vec<String>),
}

/// All deliveries.
#[derive(Debug)]
pub struct Outbox {
    /// What will go wrong.
    pub faults: WebhookFaultPlan,
    pub(super) deliveries: Vec<Delivery>,
    pub(super) ready: VecDeque<u64>,
    under_way: usize,
    changes: u64,
    wake: Arc<Notify>,
    busy: watch::Sender<usize>,
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            faults: WebhookFaultPlan::default(),
            deliveries: Vec::new(),
            ready: VecDeque::new(),
            under_way: 0,
            changes: 0,
            wake: Arc::default(),
            busy: watch::Sender::new(0),
        }
    }
}

impl Outbox {
    /// Every delivery so far.
    pub fn deliveries(&self) -> &[Delivery] {
        &self.deliveries
    }

    /// Whether anybody was ever told anything.
    pub fn listens(&self) -> bool {
        !self.deliveries.is_empty()
    }

    /// What wakes the sender.
    pub fn wake(&self) -> Arc<Notify> {
        Arc::clone(&self.wake)
    }

    /// How many deliveries are ready or under way.
    pub fn busy(&self) -> watch::Receiver<usize> {
        self.busy.subscribe()
    }

    pub(super) fn changed(&mut self) {
        self.changes += 1;
        self.busy.send_replace(self.ready.len() + self.under_way);
        self.wake.notify_one();
    }

    /// How often a delivery has got somewhere since the stand-in began.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    fn at(&mut self, number: u64) -> Option<&mut Delivery> {
        self.deliveries.get_mut(usize::try_from(number).ok()?)
    }

    /// Makes out a delivery, and its copies.
    pub fn make_out(
        &mut self,
        event: &str,
        kind: &str,
        endpoint: &str,
        state: DeliveryState,
        fault: Option<&WebhookFault>,
    ) {
        let mut delivery = Delivery {
            number: 0,
            event: event.to_owned(),
            kind: kind.to_owned(),
            endpoint: endpoint.to_owned(),
            state,
            attempts: 0,
            status: None,
            copy: false,
            delay_ms: 0,
            forged: false,
            stale_seconds: 0,
        };
        let mut copies = 0;
        for kind in fault.into_iter().flat_map(WebhookFault::kinds) {
            match kind {
                WebhookFaultKind::Drop => delivery.state = DeliveryState::Lost,
                WebhookFaultKind::Hold => delivery.state = DeliveryState::Held,
                WebhookFaultKind::Delay { ms } => delivery.delay_ms = *ms,
                WebhookFaultKind::Duplicate { copies: more } => copies += more,
                WebhookFaultKind::ForgedSignature => delivery.forged = true,
                WebhookFaultKind::StaleSignature { seconds } => delivery.stale_seconds = *seconds,
            }
        }
        self.enter(delivery.clone());
        for _ in 0..copies {
            self.enter(Delivery { copy: true, ..delivery.clone() });
        }
    }

    fn enter(&mut self, delivery: Delivery) {
        let number = self.deliveries.len() as u64;
        if delivery.state == DeliveryState::Ready {
            self.ready.push_back(number);
        }
        self.deliveries.push(Delivery { number, ..delivery });
        self.changed();
    }

    /// Sends an event again, to every endpoint it was made out for.
    pub fn resend(&mut self, event: &str) -> usize {
        let of_event = self.deliveries.iter().filter(|delivery| delivery.event == event && !delivery.copy);
        let again: Vec<Delivery> = of_event.cloned().collect();
        for delivery in &again {
            let copy = delivery.state == DeliveryState::Taken;
            let (forged, stale_seconds, delay_ms) = (false, 0, 0);
            let ready = DeliveryState::Ready;
            self.enter(Delivery { copy, forged, stale_seconds, delay_ms, state: ready, ..delivery.clone() });
        }
        again.len()
    }

    /// Lets the held deliveries go, `copies` more times each.
    pub fn release(&mut self, order: &Order, copies: u32) -> usize {
        let mut held: Vec<u64> =
            self.deliveries.iter().filter(|of| of.state == DeliveryState::Held).map(|of| of.number).collect();
        match order {
            Order::AsHappened => {}
            Order::Reversed => held.reverse(),
            Order::Events(first) => {
                let event = |number: &u64| {
                    self.deliveries.get(usize::try_from(*number).unwrap_or(0)).map(|of| &of.event)
                };
                let place = |number: &u64| {
                    first.iter().position(|id| Some(id) == event(number)).unwrap_or(first.len())
                };
                held.sort_by_key(place);
            }
        }
        for number in &held {
            if let Some(delivery) = self.at(*number) {
                delivery.state = DeliveryState::Ready;
                self.ready.push_back(*number);
            }
        }
        for _ in 0..copies {
            for number in &held {
                if let Some(delivery) = self.at(*number).cloned() {
                    self.enter(Delivery { copy: true, ..delivery });
                }
            }
        }
        self.changed();
        held.len()
    }

    /// A failed delivery's time has come again.
    pub fn redeliver(&mut self, number: u64) {
        if let Some(delivery) = self.at(number).filter(|delivery| delivery.state == DeliveryState::Waiting) {
            delivery.state = DeliveryState::Ready;
            self.ready.push_back(number);
            self.changed();
        }
    }

    /// Takes the next delivery, if fewer than `most` are under way.
    pub fn take_ready(&mut self, most: usize) -> Option<Delivery> {
        if self.under_way >= most.max(1) {
            return None;
        }
        let number = self.ready.pop_front()?;
        self.under_way += 1;
        let delivery = self.at(number)?;
        delivery.state = DeliveryState::Sent;
        delivery.attempts += 1;
        Some(delivery.clone())
    }
}

/// A delivery came back: with a status, or without any answer.
pub fn came_back(world: &mut World, number: u64, status: Option<u16>) {
    world.outbox.under_way = world.outbox.under_way.saturating_sub(1);
    let retries = world.settings.webhook_retry_seconds.clone();
    let now = world.now;
    let Some(delivery) = world.outbox.at(number) else { return };
    delivery.status = status;
    if status.is_some_and(|status| (200..300).contains(&status)) {
        delivery.state = DeliveryState::Taken;
        let (event, copy) = (delivery.event.clone(), delivery.copy);
        if !copy {
            taken(world, &event);
        }
    } else {
        let tries = usize::try_from(delivery.attempts).unwrap_or(1).saturating_sub(1);
        let next = retries.get(tries).filter(|_| !delivery.copy);
        delivery.state = if next.is_some() { DeliveryState::Waiting } else { DeliveryState::GivenUp };
        if let Some(seconds) = next {
            world.plan(now + seconds, Due::Redeliver(number));
        }
    }
    world.outbox.changed();
}

fn taken(world: &mut World, event: &str) {
    world.change::<Event>(event, |event| event.pending = event.pending.saturating_sub(1));
    let Some(event) = world.events.get(event) else { return };
    if event.pending == 0 && event.kind == "invoice.created" {
        let invoice = event.object_id.clone().unwrap_or_default();
        invoices::created_was_delivered(world, &invoice);
    }
}
