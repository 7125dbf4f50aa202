//! What the giving form says beside its button of what may become of the money. It is told before anybody pays, and again in the record of
//! a gift on paper.

use super::target::{MATCH_HELD_MINUTES, MatchOffer};
use crate::web::Page;

/// Of a gift for an item: what happens when too much or too little comes in, and when it cannot be bought.
pub fn of_item(page: &Page, stays_with: Option<&str>, is_shared: bool) -> Vec<String> {
    let too_much = match stays_with {
        Some(campaign) => page.t1("asks-rule-campaign", "campaign", campaign),
        None => page.t("asks-rule-fund"),
    };
    let too_little = page.t(if is_shared { "asks-rule-shared" } else { "asks-rule-dearer" });
    vec![too_much, too_little, page.tn("asks-rule-promise", page.config().promise_days)]
}

/// Of a gift that a sponsor adds to: which gifts, how much, and for how long it is held.
pub fn of_match(page: &Page, offer: &MatchOffer) -> Vec<String> {
    let mut rules = Vec::new();
    if let Some(min) = offer.gift_min {
        rules.push(page.t1("asks-match-from", "min", page.money(min)));
    }
    if let Some(max) = offer.match_max {
        rules.push(page.t1("asks-match-most", "max", page.money(max)));
    }
    rules.push(page.tn("asks-match-held", MATCH_HELD_MINUTES));
    rules.push(page.t1("asks-match-rules", "currency", offer.left.currency));
    rules
}
