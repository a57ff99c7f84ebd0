//! A running stand-in in a test's own process.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::task::AbortHandle;

use super::api::checkout::{self, Completion, Session};
use super::api::payment_methods::{self, Behaviour};
use super::api::{disputes, payments, refunds};
use super::books::Books;
use super::control::{self, Advance, Advanced, Reject};
use super::errors::ApiError;
use super::faults::{Fault, FaultPlan};
use super::kept::{StateFileError, Writer};
use super::settings::Settings;
use super::state::Sim;
use super::webhooks::{Delivery, Order, WebhookFault};
use super::world::{ClockReport, World};
use super::{MeterEvent, TooLate};
use crate::http::{ListenError, Listening};
use crate::plan::PlanFull;
use crate::received::ReceivedRequest;
use crate::wait;

/// The longest a test waits for something that must happen.
const WAIT_LIMIT: Duration = Duration::from_secs(30);

/// What the stand-in would not do; the words are for whoever wrote the test.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refused(String);

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        Self(error.message)
    }
}

/// A running stand-in. It stops when this is dropped; its state file then is as it was last written.
#[derive(Debug)]
pub struct Handle {
    /// Where it is: `http://127.0.0.1:PORT`. The API is under `/v1`, the controls are under `/sim`.
    pub url: String,
    sim: Arc<Sim>,
    listening: Listening,
    sender: AbortHandle,
    writer: Option<Writer>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.sender.abort();
    }
}

impl Handle {
    pub(super) fn new(
        sim: Arc<Sim>,
        listening: Listening,
        sender: AbortHandle,
        writer: Option<Writer>,
    ) -> Self {
        Self { url: format!("http://{}", listening.address()), sim, listening, sender, writer }
    }

    /// Stops, and writes the last state into the state file if there is one.
    ///
    /// # Errors
    /// The file cannot be written.
    pub async fn stop(mut self) -> Result<(), StateFileError> {
        // A listener that is gone is closed.
        let _ = self.listening.close().await;
        self.sender.abort();
        match self.writer.take() {
            Some(writer) => writer.finish().await,
            None => Ok(()),
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        let mut world = self.sim.world();
        world.catch_up();
        act(&mut world)
    }

    /// What Stripe thinks.
    pub fn books(&self) -> Books {
        Books::of(&self.sim)
    }

    /// Every meter event, in order of arrival.
    pub fn meter_events(&self) -> Vec<MeterEvent> {
        self.sim.world().meter_events.log().to_vec()
    }

    /// The last requests exactly as they came, oldest first.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.sim.received.all()
    }

    /// What the clock shows.
    pub fn clock(&self) -> ClockReport {
        self.with(|world| world.clock.report())
    }

    /// Moves the clock.
    pub async fn advance(&self, advance: Advance) -> Result<Advanced, Refused> {
        control::advance(&self.sim, advance).await.map_err(|error| Refused(error.to_string()))
    }

    /// Completes a checkout session as its customer would, and returns it.
    pub fn complete(&self, session: &str, completion: &Completion) -> Result<Value, Refused> {
        self.with(|world| {
            checkout::complete(world, session, completion)?;
            Ok(world.rendered::<Session>(session))
        })
    }

    /// The bank decides about a delayed payment.
    pub fn settle_payment(&self, intent: &str, paid: bool) -> Result<(), Refused> {
        self.with(|world| payments::settle_delayed(world, intent, paid)).map_err(Refused::from)
    }

    /// The customer has a new payment method, which pays from now on. Returns its id.
    pub fn set_payment_method(&self, customer: &str, behaviour: Behaviour) -> Result<String, Refused> {
        self.with(|world| payment_methods::set_default(world, customer, behaviour)).map_err(Refused::from)
    }

    /// The customer disputes a charge. Returns the dispute's id.
    pub fn dispute(&self, charge: &str, amount: Option<i64>) -> Result<String, Refused> {
        self.with(|world| disputes::open(world, charge, amount, "fraudulent")).map_err(Refused::from)
    }

    /// The bank decides about a dispute.
    pub fn close_dispute(&self, dispute: &str, won: bool) -> Result<(), Refused> {
        self.with(|world| disputes::close(world, dispute, won)).map_err(Refused::from)
    }

    /// A refund comes back.
    pub fn fail_refund(&self, refund: &str) -> Result<(), Refused> {
        self.with(|world| refunds::fail(world, refund)).map_err(Refused::from)
    }

    /// Stripe finds a meter event invalid after it has accepted it.
    pub fn reject_meter_event(&self, identifier: &str, code: &str) -> Result<(), Refused> {
        let reject = Reject { identifier: identifier.to_owned(), code: code.to_owned() };
        self.with(|world| control::reject_meter_event(world, &reject)).map_err(Refused::from)
    }

    /// Plans a fault behind those already planned.
    pub fn fault(&self, fault: impl Into<Fault>) -> Result<(), PlanFull> {
        self.faults().add([fault.into()])
    }

    /// The plan of faults.
    pub fn faults(&self) -> &FaultPlan {
        &self.sim.faults
    }

    /// Plans a fault of deliveries.
    pub fn webhook_fault(&self, fault: impl Into<WebhookFault>) -> Result<(), PlanFull> {
        self.sim.world().outbox.faults.add([fault.into()])
    }

    /// Every delivery so far.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.sim.world().outbox.deliveries().to_vec()
    }

    /// Waits until no delivery is ready or under way, and returns all of them.
    pub async fn delivered(&self) -> Result<Vec<Delivery>, TooLate> {
        let busy = self.sim.world().outbox.busy();
        let watched = busy.clone();
        wait::until(busy, WAIT_LIMIT, || *watched.borrow() == 0).await?;
        Ok(self.deliveries())
    }

    /// Lets held deliveries go in this order, each `copies` more times.
    pub fn release_webhooks(&self, order: &Order, copies: u32) -> usize {
        self.sim.world().outbox.release(order, copies)
    }

    /// Sends an event again.
    pub fn resend(&self, event: &str) -> usize {
        self.sim.world().outbox.resend(event)
    }

    /// The signature header and the body with which an event is delivered.
    pub fn signed(&self, event: &str) -> Result<(String, String), Refused> {
        control::signed(&self.sim, event).map_err(Refused::from)
    }

    /// Replaces the webhook secrets; two stand for one that is being rolled.
    pub fn set_webhook_secrets(&self, secrets: &[String]) {
        control::set_secrets(&self.sim, secrets);
    }

    /// Waits until `count` answers are held back by a stall.
    pub async fn held(&self, count: usize) -> Result<(), TooLate> {
        let holds = &self.sim.holds;
        wait::until(holds.subscribe(), WAIT_LIMIT, || holds.held() >= count).await
    }

    /// How many answers are held back now. A release takes a moment.
    pub fn holding(&self) -> usize {
        self.sim.holds.held()
    }

    /// Lets every held answer go on.
    pub fn release(&self) {
        self.sim.holds.release();
    }

    /// The settings in force.
    pub fn settings(&self) -> Settings {
        self.sim.world().settings.clone()
    }

    /// Changes the settings from now on.
    pub fn set(&self, settings: Settings) {
        control::set_settings(&self.sim, settings);
    }

    /// Cuts all connections and refuses new ones until [`Handle::come_back`].
    pub async fn go_down(&self) -> Result<(), ListenError> {
        self.listening.close().await
    }

    /// Listens again on the same port.
    pub async fn come_back(&self) -> Result<(), ListenError> {
        self.listening.open().await
    }
}
