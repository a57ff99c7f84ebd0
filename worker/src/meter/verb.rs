//! The three verbs a lane can carry.

use uuid::Uuid;

use super::MeterError;
use crate::coalesce::{Lane, Waiting};
use crate::database::{
    DatabaseError, ReleaseOutcome, Replay, ReplayState, ReserveItem, ReserveVerdict, Session, SettleItem,
    Settlement,
};

/// An item of a verb on its way, with its caller.
pub(super) type Pending<V> = Waiting<<V as Verb>::Item, Result<<V as Verb>::Answer, MeterError>>;

/// A lane that carries a verb.
pub(super) type VerbLane<V> = Lane<<V as Verb>::Item, Result<<V as Verb>::Answer, MeterError>>;

/// How a batch of one kind is put to the database.
pub(super) trait Verb: Send + Sync + 'static {
    /// What callers bring.
    type Item: Send + Sync + 'static;
    /// What the database answers for each.
    type Answer: Send + 'static;

    /// The lane's name in logs and metrics.
    const NAME: &'static str;

    /// The account whose rows the item locks, or what stands for it.
    fn account(item: &Self::Item) -> Uuid;

    /// How many items at the start of `part` are of one account.
    fn first_account(part: &[Pending<Self>]) -> usize
    where
        Self: Sized,
    {
        let Some(first) = part.first().map(|waiting| Self::account(waiting.as_ref())) else { return 0 };
        part.iter().take_while(|waiting| Self::account(waiting.as_ref()) == first).count()
    }

    /// Puts a batch to the database. `again` says that an earlier try of the same batch may have been carried out.
    fn call(
        &self,
        session: &mut Session,
        batch: &[Pending<Self>],
        again: bool,
    ) -> impl Future<Output = Result<Vec<Self::Answer>, DatabaseError>> + Send
    where
        Self: Sized;

    /// Takes from an item what the database refused and the verb can do without; false when there is nothing to take.
    fn simplify(&self, _item: &mut Self::Item) -> bool {
        false
    }

    /// An answer nobody waits for any more.
    fn unclaimed(&self, _answer: Self::Answer) {}

    /// An item that is given up with an unknown outcome.
    fn abandoned(&self, _item: &Self::Item) {}
}

/// May these calls go upstream?
pub(super) struct Reserve {
    pub(super) lease_seconds: i32,
    /// Where holds go that nobody will use.
    pub(super) release: VerbLane<Release>,
}

/// This is what they used.
pub(super) struct Settle;

/// They did not happen.
pub(super) struct Release;

impl Reserve {
    /// Nobody waits for the outcome, and if the queue is full the hold lapses by itself.
    fn give_back(&self, request_id: Uuid, reason: &'static str) {
        self.release.send_and_forget((request_id, reason));
    }
}

impl Reserve {
    /// A fresh id that replays was granted by a try whose answer was lost, and what was granted is not told again.
    fn give_back_lost(&self, batch: &[Pending<Self>], verdicts: &[ReserveVerdict]) {
        for (item, verdict) in batch.iter().map(AsRef::as_ref).zip(verdicts) {
            let own = Replay { request_id: item.request_id, state: ReplayState::Open };
            if item.id_is_fresh && *verdict == ReserveVerdict::Replayed(own) {
                self.give_back(item.request_id, "verdict_lost");
            }
        }
    }
}

impl Verb for Reserve {
    type Item = ReserveItem;
    type Answer = ReserveVerdict;

    const NAME: &'static str = "reserve";

    fn account(item: &ReserveItem) -> Uuid {
        item.account_id
    }

    async fn call(
        &self,
        session: &mut Session,
        batch: &[Pending<Self>],
        again: bool,
    ) -> Result<Vec<ReserveVerdict>, DatabaseError> {
        let verdicts = session.reserve_many(batch, self.lease_seconds, again).await?;
        if again {
            self.give_back_lost(batch, &verdicts);
        }
        Ok(verdicts)
    }

    fn unclaimed(&self, verdict: ReserveVerdict) {
        if let ReserveVerdict::Granted(hold) = verdict {
            self.give_back(hold.request_id, "caller_left");
        }
    }

    fn abandoned(&self, item: &ReserveItem) {
        self.give_back(item.request_id, "no_verdict");
    }
}

impl Verb for Settle {
    type Item = SettleItem;
    type Answer = Settlement;

    const NAME: &'static str = "settle";

    fn account(item: &SettleItem) -> Uuid {
        item.account_id
    }

    async fn call(
        &self,
        session: &mut Session,
        batch: &[Pending<Self>],
        _again: bool,
    ) -> Result<Vec<Settlement>, DatabaseError> {
        session.settle_many(batch).await
    }

    /// The charge matters more than its evidence: texts and JSON come from the provider, and Postgres takes neither
    /// U+0000 nor every number that JSON can spell.
    fn simplify(&self, item: &mut SettleItem) -> bool {
        let had_extras =
            item.raw_usage.is_some() || item.service_tier.is_some() || item.upstream_request_id.is_some();
        item.raw_usage = None;
        item.service_tier = None;
        item.upstream_request_id = None;
        had_extras
    }
}

impl Verb for Release {
    type Item = (Uuid, &'static str);
    type Answer = ReleaseOutcome;

    const NAME: &'static str = "release";

    /// Releases are rare: each stands for itself.
    fn account(item: &(Uuid, &'static str)) -> Uuid {
        item.0
    }

    async fn call(
        &self,
        session: &mut Session,
        batch: &[Pending<Self>],
        _again: bool,
    ) -> Result<Vec<ReleaseOutcome>, DatabaseError> {
        session.release_many(batch).await
    }
}
