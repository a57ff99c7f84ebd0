//! Subscription schedules: another plan from the next period on.

use stripe_billing::subscription::RetrieveSubscription;
use stripe_billing::subscription_schedule::{
    CreateSubscriptionSchedule, ReleaseSubscriptionSchedule, RetrieveSubscriptionSchedule,
    UpdateSubscriptionSchedule, UpdateSubscriptionSchedulePhases, UpdateSubscriptionSchedulePhasesDuration,
    UpdateSubscriptionSchedulePhasesDurationInterval, UpdateSubscriptionSchedulePhasesEndDate,
    UpdateSubscriptionSchedulePhasesItems, UpdateSubscriptionSchedulePhasesProrationBehavior,
    UpdateSubscriptionSchedulePhasesStartDate, UpdateSubscriptionSchedulePhasesTrialEnd,
};
use stripe_shared::{
    Subscription, SubscriptionSchedule, SubscriptionScheduleEndBehavior,
    SubscriptionSchedulePhaseConfiguration,
};
use stripe_types::Timestamp;

use super::subscriptions::NewItem;
use super::{Stripe, StripeError, fresh_key};

impl Stripe {
    pub(super) async fn schedule(&self, id: &str) -> Result<SubscriptionSchedule, StripeError> {
        self.get(&RetrieveSubscriptionSchedule::new(id)).await
    }

    /// Lets a subscription have these items once all that is paid for is over, instead of whatever it was to have. One
    /// that is billed by the year and by the month changes with its year: a schedule's own phase ends with the month.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn change_items_at_period_end(
        &self,
        subscription: &str,
        items: &[NewItem],
        key: &str,
    ) -> Result<(), StripeError> {
        let found = self.get(&RetrieveSubscription::new(subscription)).await?;
        let paid_until = found.items.data.iter().map(|item| item.current_period_end).max();
        let schedule = self.schedule_of(&found, key).await?;
        let now = schedule.phases.iter().find(|phase| is_current(&schedule, phase));
        let Some(now) = now else {
            return Err(StripeError::Unreadable("a schedule without a current phase".to_owned()));
        };
        let request = UpdateSubscriptionSchedule::new(schedule.id.clone())
            .end_behavior(SubscriptionScheduleEndBehavior::Release)
            .proration_behavior(
                stripe_billing::subscription_schedule::UpdateSubscriptionScheduleProrationBehavior::None,
            )
            .phases(vec![current_phase(now, paid_until.unwrap_or(now.end_date)), next_phase(items)]);
        self.change(&request, &format!("{key}-phases")).await.map(drop)
    }

    /// The schedule of a subscription: the one it has, else a new one that repeats what is.
    async fn schedule_of(
        &self,
        subscription: &Subscription,
        key: &str,
    ) -> Result<SubscriptionSchedule, StripeError> {
        if let Some(schedule) = &subscription.schedule {
            return self.schedule(schedule.id().as_ref()).await;
        }
        let request = CreateSubscriptionSchedule::new().from_subscription(subscription.id.as_str());
        self.change(&request, &format!("{key}-schedule")).await
    }

    /// Takes a subscription off its schedule, so that it goes on as it is. A schedule that is over is left alone.
    ///
    /// # Errors
    /// Any [`StripeError`] but a refusal.
    pub async fn release_schedule(&self, schedule: &str) -> Result<(), StripeError> {
        let request = ReleaseSubscriptionSchedule::new(schedule);
        match self.change(&request, &fresh_key(schedule)).await {
            Err(error) if !error.is_refusal() => Err(error),
            _ => Ok(()),
        }
    }
}

fn is_current(schedule: &SubscriptionSchedule, phase: &SubscriptionSchedulePhaseConfiguration) -> bool {
    schedule.current_phase.as_ref().is_some_and(|current| current.start_date == phase.start_date)
}

/// The current phase as it is, but for its end: Stripe wants it repeated with every change, its trial included.
fn current_phase(
    phase: &SubscriptionSchedulePhaseConfiguration,
    until: Timestamp,
) -> UpdateSubscriptionSchedulePhases {
    let items: Vec<_> =
        phase.items.iter().map(|item| phase_item(item.price.id().to_string(), item.quantity)).collect();
    let mut same = UpdateSubscriptionSchedulePhases::new(items);
    same.start_date = Some(UpdateSubscriptionSchedulePhasesStartDate::Timestamp(phase.start_date));
    same.end_date = Some(UpdateSubscriptionSchedulePhasesEndDate::Timestamp(until));
    same.trial_end = phase.trial_end.map(UpdateSubscriptionSchedulePhasesTrialEnd::Timestamp);
    same
}

/// Any length will do: when it is over the subscription is released with the items it then has.
fn next_phase(items: &[NewItem]) -> UpdateSubscriptionSchedulePhases {
    let items: Vec<_> = items.iter().map(|item| phase_item(item.price.clone(), item.quantity)).collect();
    let mut next = UpdateSubscriptionSchedulePhases::new(items);
    next.duration = Some(UpdateSubscriptionSchedulePhasesDuration {
        interval: UpdateSubscriptionSchedulePhasesDurationInterval::Month,
        interval_count: Some(1),
    });
    next.proration_behavior = Some(UpdateSubscriptionSchedulePhasesProrationBehavior::None);
    next
}

fn phase_item(price: String, quantity: Option<u64>) -> UpdateSubscriptionSchedulePhasesItems {
    let mut item = UpdateSubscriptionSchedulePhasesItems::new();
    item.price = Some(price);
    item.quantity = quantity;
    item
}
