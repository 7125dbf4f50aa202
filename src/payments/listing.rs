//! Stripe's lists: page after page, newest first, over as many pages as there are (docs.stripe.com/api/pagination).
//!
//! The place to go on from is the last row of the page before. So what is made while a list is read stands before its first page, and neither
//! shifts nor repeats a row; the next time finds it.

use super::StripeFailure;
use stripe_types::List;

/// The most rows Stripe gives in one page.
pub const PAGE_MAX: u8 = 100;

/// How many pages of one list are read before it counts as endless: ten million rows.
const PAGES_MAX: usize = 100_000;

/// One page of a list, newest first.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The rows of this page.
    pub items: Vec<T>,
    /// The ids of rows that could not be read. They are for a person to look at: among what other programs do on the account may be what this
    /// program does not understand, and it must not hide the rest.
    pub unread: Vec<String>,
    /// Pass it as the place to go on from; `None` at the end.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Reads the rows of a page. One that cannot be read is told by its id.
    pub(super) fn of<R>(
        list: List<R>,
        id: impl Fn(&R) -> String,
        read: impl Fn(R) -> Result<T, StripeFailure>,
    ) -> Result<Self, StripeFailure> {
        let next = if list.has_more { list.data.last().map(&id) } else { None };
        if list.has_more && next.is_none() {
            return Err(StripeFailure::BadAnswer { detail: "a page without rows says that there are more" });
        }
        let (mut items, mut unread) = (Vec::with_capacity(list.data.len()), Vec::new());
        for row in list.data {
            let name = id(&row);
            match read(row) {
                Ok(item) => items.push(item),
                Err(failure) => {
                    tracing::warn!(object = name, %failure, "an object in a list of Stripe's could not be read");
                    unread.push(name);
                }
            }
        }
        Ok(Self { items, unread, next })
    }
}

/// The way through a list, page by page:
///
/// ```ignore
/// let mut pages = Pages::new();
/// while let Some(place) = pages.ahead()? {
///     let page = pages.turn(stripe.list_payouts(since, place.as_deref()).await?);
/// }
/// ```
#[derive(Debug)]
pub struct Pages {
    /// Where the next page begins: the inner `None` is the first page. The outer `None` is the end.
    place: Option<Option<String>>,
    left: usize,
}

impl Pages {
    /// At the beginning of a list.
    pub fn new() -> Self {
        Self { place: Some(None), left: PAGES_MAX }
    }

    /// The place at which the next page begins, or nothing at the end of the list.
    ///
    /// # Errors
    /// A list that does not end is not read for ever.
    pub fn ahead(&mut self) -> Result<Option<Option<String>>, StripeFailure> {
        if self.place.is_some() && self.left == 0 {
            return Err(StripeFailure::BadAnswer { detail: "the list does not end" });
        }
        self.left = self.left.saturating_sub(1);
        Ok(self.place.take())
    }

    /// Goes on from a page that was read.
    pub fn turn<T>(&mut self, page: Page<T>) -> Page<T> {
        self.place = page.next.clone().map(Some);
        page
    }
}

impl Default for Pages {
    fn default() -> Self {
        Self::new()
    }
}
