//! The arithmetic of matching, free of any database. All of it rounds down: a sponsor never owes more than the ratio says.

use entity::ids::MatchPotId;

/// A ratio of one to one.
pub const ONE_TO_ONE: i64 = 10_000;

/// What a pot has to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// The pot.
    pub pot: MatchPotId,
    /// How much is added: ten thousandths of the gift.
    pub ratio_bp: i64,
    /// How much is left.
    pub left: i64,
    /// At most so much is added to one gift.
    pub match_max: Option<i64>,
}

/// What a gift gets of a pot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The pot.
    pub pot: MatchPotId,
    /// Its ratio.
    pub ratio_bp: i64,
    /// The part of the gift that it adds to.
    pub base: i64,
    /// How much it adds.
    pub minor: i64,
}

/// What a ratio adds to `base`.
pub fn matched(base: i64, ratio_bp: i64) -> i64 {
    let added = i128::from(base.max(0)) * i128::from(ratio_bp.max(0)) / i128::from(ONE_TO_ONE);
    i64::try_from(added).unwrap_or(i64::MAX)
}

/// The smallest part of a gift to which a ratio adds `minor`.
fn base_for(minor: i64, ratio_bp: i64) -> i64 {
    let ratio = i128::from(ratio_bp.max(1));
    let base = (i128::from(minor) * i128::from(ONE_TO_ONE) + ratio - 1) / ratio;
    i64::try_from(base).unwrap_or(i64::MAX)
}

/// What a gift gets of pots, in their order: no part of the gift is added to twice, and no pot gives more than it has.
pub fn allocate(base: i64, rooms: &[Room]) -> Vec<Part> {
    let (mut parts, mut rest) = (Vec::new(), base);
    for room in rooms {
        let minor = matched(rest, room.ratio_bp).min(room.match_max.unwrap_or(i64::MAX)).min(room.left);
        if minor < 1 {
            continue;
        }
        let base = base_for(minor, room.ratio_bp).min(rest);
        parts.push(Part { pot: room.pot, ratio_bp: room.ratio_bp, base, minor });
        rest -= base;
    }
    parts
}

/// What a part that was promised is worth when only `rest` of the gift is left for it and those after it: how much it adds, and what of the
/// gift remains for those after it.
pub fn shrink(rest: i64, part: &Part) -> (i64, i64) {
    let base = part.base.min(rest.max(0));
    (matched(base, part.ratio_bp).min(part.minor), rest.max(0) - base)
}
