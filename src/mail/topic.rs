//! What a letter of news is about, and so what somebody can ask for, or want no more of.

use entity::{
    ids::{CampaignId, WishItemId},
    words::UnknownWord,
};
use std::{fmt, str::FromStr};

/// What news are about. Stored as `everything`, `updates`, `campaign:<id>`, `item:<id>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Every letter, also receipts: only somebody who gets no letters at all has it.
    Everything,
    /// All news.
    Updates,
    /// The news of one campaign.
    Campaign(CampaignId),
    /// The news of one wish item.
    Item(WishItemId),
}

impl Topic {
    /// Whether whoever wants nothing of this topic wants nothing of the `other` one.
    pub fn covers(self, other: Self) -> bool {
        match self {
            Self::Everything => true,
            Self::Updates => other != Self::Everything,
            narrow => narrow == other,
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => f.write_str("everything"),
            Self::Updates => f.write_str("updates"),
            Self::Campaign(id) => write!(f, "campaign:{id}"),
            Self::Item(id) => write!(f, "item:{id}"),
        }
    }
}

impl FromStr for Topic {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        match text.split_once(':') {
            None if text == "everything" => Ok(Self::Everything),
            None if text == "updates" => Ok(Self::Updates),
            Some(("campaign", id)) => id.parse().map(Self::Campaign).map_err(|_| UnknownWord),
            Some(("item", id)) => id.parse().map(Self::Item).map_err(|_| UnknownWord),
            _ => Err(UnknownWord),
        }
    }
}
