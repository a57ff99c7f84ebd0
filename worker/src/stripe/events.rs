//! Events that never arrived, asked for.

use serde::{Deserialize, Serialize};

use super::{Stripe, StripeError};

/// Types that one call may ask for (Stripe's limit).
const TYPES_MAX: usize = 20;
/// Events asked for at once.
const PAGE_EVENTS: u32 = 100;
/// Most pages of one sweep: a backlog beyond that is left to the next.
const PAGES_MAX: usize = 200;

/// An event, reduced to what the inbox takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "Stripe's names, documented at https://docs.stripe.com/api/events/object")]
pub struct ListedEvent {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub created: i64,
    pub api_version: Option<String>,
    pub livemode: bool,
    /// `object` and `id`, and the ids of what it belongs to.
    pub object: serde_json::Map<String, serde_json::Value>,
}

/// The members of an event's object that the inbox takes.
const OBJECT_MEMBERS: [&str; 6] = ["object", "id", "customer", "charge", "payment_intent", "subscription"];

#[derive(Deserialize)]
struct Page {
    data: Vec<WholeEvent>,
    has_more: bool,
}

#[derive(Deserialize)]
struct WholeEvent {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    created: i64,
    api_version: Option<String>,
    livemode: bool,
    data: EventData,
}

#[derive(Deserialize)]
struct EventData {
    object: serde_json::Map<String, serde_json::Value>,
}

#[derive(Serialize)]
struct Query<'q> {
    delivery_success: bool,
    limit: u32,
    starting_after: Option<&'q str>,
    types: &'q [String],
}

impl Stripe {
    /// The events of these types that some webhook endpoint did not take, newest first. Stripe keeps events for 30 days.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn undelivered_events(&self, types: &[String]) -> Result<Vec<ListedEvent>, StripeError> {
        let mut events = Vec::new();
        for types in types.chunks(TYPES_MAX) {
            let mut after: Option<String> = None;
            for _ in 0..PAGES_MAX {
                let query = Query {
                    delivery_success: false,
                    limit: PAGE_EVENTS,
                    starting_after: after.as_deref(),
                    types,
                };
                let page: Page = self.read("/events", &query).await?;
                after = page.data.last().map(|event| event.id.clone());
                events.extend(page.data.into_iter().map(ListedEvent::from));
                if !page.has_more {
                    break;
                }
            }
        }
        Ok(events)
    }
}

impl From<WholeEvent> for ListedEvent {
    fn from(mut event: WholeEvent) -> Self {
        let object = OBJECT_MEMBERS
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), event.data.object.remove(name)?)))
            // What Stripe expanded is reduced to its id.
            .map(|(name, value)| match value.get("id") {
                Some(id) => (name, id.clone()),
                None => (name, value),
            })
            .collect();
        Self {
            id: event.id,
            kind: event.kind,
            created: event.created,
            api_version: event.api_version,
            livemode: event.livemode,
            object,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_inbox_takes_is_kept() {
        let event: WholeEvent = serde_json::from_value(serde_json::json!({
            "id": "evt_1", "type": "charge.refunded", "created": 5, "api_version": null, "livemode": false,
            "data": { "object": { "object": "charge", "id": "ch_1", "customer": { "id": "cus_1", "email": "a@b.c" },
                                  "billing_details": { "email": "a@b.c" } } },
        }))
        .unwrap();
        let listed = serde_json::to_value(ListedEvent::from(event)).unwrap();
        assert_eq!(
            listed["object"],
            serde_json::json!({ "object": "charge", "id": "ch_1", "customer": "cus_1" })
        );
        assert!(!listed.to_string().contains("a@b.c"));
    }
}
