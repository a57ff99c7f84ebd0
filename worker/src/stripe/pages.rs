//! Lists, read page by page to their end.

use stripe_types::{AsCursorOpt, List, Object};

use super::error::StripeError;

/// Objects asked for at once: the most Stripe gives.
pub(super) const PAGE_OBJECTS: i64 = 100;
/// Most pages of one list. What is longer is a mistake somewhere, and would be read for ever.
const PAGES_MAX: usize = 1_000;

/// Every object of a list. `fetch` is given the id after which to go on.
pub(super) async fn all<T, F, Page>(fetch: F) -> Result<Vec<T>, StripeError>
where
    T: Object,
    F: Fn(Option<String>) -> Page,
    Page: Future<Output = Result<List<T>, StripeError>>,
{
    let mut objects = Vec::new();
    let mut after = None;
    for _ in 0..PAGES_MAX {
        let page = fetch(after.take()).await?;
        objects.extend(page.data);
        after = objects.last().and_then(|last| last.id().as_cursor_opt()).map(str::to_owned);
        if !page.has_more || after.is_none() {
            return Ok(objects);
        }
    }
    Err(StripeError::Unreadable(format!("a list of more than {PAGES_MAX} pages")))
}
