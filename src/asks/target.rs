//! What a gift is for: a campaign, a wish item, or the organisation's work as a whole; and the article that it came from.

use crate::clock;
use chrono::{DateTime, NaiveTime, Utc};
use chrono_tz::Tz;
use entity::{
    Money, article, campaign,
    ids::{ArticleId, CampaignId, FundId},
    wish_item,
    words::{ArticleStatus, CampaignStatus, WishKind, WishStatus},
};

/// What a gift is for. All fields empty: the organisation's work as a whole.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// The campaign: of the item, where there is one.
    pub campaign: Option<campaign::Model>,
    /// The item.
    pub item: Option<TargetItem>,
    /// The article that the supporter came from.
    pub article: Option<article::Model>,
    /// What a sponsor adds to gifts for the campaign now.
    pub matching: Option<MatchOffer>,
}

/// How many minutes the match of a gift is held while it is paid: as long as its checkout is open.
pub const MATCH_HELD_MINUTES: i64 = 60;

/// What a sponsor adds to the gifts for a campaign, as readers are told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchOffer {
    /// How much is added: ten thousandths of the gift.
    pub ratio_bp: i64,
    /// How much is left.
    pub left: Money,
    /// How much was promised in all.
    pub total: Money,
    /// Smaller gifts are not matched.
    pub gift_min: Option<Money>,
    /// At most so much is added to one gift.
    pub match_max: Option<Money>,
    /// Until when.
    pub ends_at: Option<DateTime<Utc>>,
    /// The sponsor's name for readers; empty when she is not named.
    pub sponsor: String,
}

impl MatchOffer {
    /// Whether it doubles gifts.
    pub const fn is_double(&self) -> bool {
        self.ratio_bp == 10_000
    }

    /// An amount to explain the ratio with, and what is added to it: of ten units of the currency.
    pub fn example(&self) -> (Money, Money) {
        let ten = 10_i64.saturating_mul(10_i64.pow(self.left.currency.exponent()));
        let added = i128::from(ten) * i128::from(self.ratio_bp) / 10_000;
        let added = i64::try_from(added).unwrap_or(i64::MAX);
        (Money::new(ten, self.left.currency), Money::new(added, self.left.currency))
    }
}

/// A wish item that can be given.
#[derive(Clone, Debug)]
pub struct TargetItem {
    /// The item.
    pub item: wish_item::Model,
    /// How many are left.
    pub left: i64,
    /// How much money is missing, of an item that many pay for together.
    pub missing: Option<Money>,
}

/// Why nothing can be given for a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetProblem {
    /// The campaign does not take gifts: not live, or outside its days.
    CampaignClosed,
    /// The item is not asked for any more, or is on a shop's list elsewhere.
    ItemClosed,
    /// All of the item are taken.
    NoneLeft,
}

impl TargetProblem {
    /// The key of its text in the translations.
    pub const fn key(self) -> &'static str {
        match self {
            Self::CampaignClosed => "asks-problem-campaign",
            Self::ItemClosed => "asks-problem-item",
            Self::NoneLeft => "asks-problem-none-left",
        }
    }
}

/// Whether a campaign takes gifts at `now` (by the clocks of the organisation's zone): it is live, its first day has come, and its deadline
/// is not over.
pub fn accepts_gifts(campaign: &campaign::Model, now: &DateTime<Tz>) -> bool {
    campaign.status == CampaignStatus::Live
        && campaign.starts_on.is_none_or(|first| first <= now.date_naive())
        && deadline(campaign, now.timezone()).is_none_or(|end| now.to_utc() < end)
}

/// The time of its last day at which a campaign ends; none: the end of the day.
pub fn ends_time(campaign: &campaign::Model) -> Option<NaiveTime> {
    let minute = campaign.ends_at_minute.and_then(|minute| u32::try_from(minute).ok())?;
    NaiveTime::from_hms_opt(minute / 60, minute % 60, 0)
}

/// The first moment at which a campaign takes no gifts any more; none: it has no last day.
pub fn deadline(campaign: &campaign::Model, zone: Tz) -> Option<DateTime<Utc>> {
    campaign.ends_on.map(|last| clock::end_of(zone, last, ends_time(campaign)))
}

/// Whether an article asks for nothing, whoever sees it: it is sensitive or retracted. One that is corrected is marked as sensitive
/// until somebody has looked whether its ask still stands.
pub fn asks_for_nothing(article: &article::Model) -> bool {
    article.sensitive || article.retracted
}

/// Whether an article asks for anything at `now`: readers see it, and no mark speaks against it.
pub fn article_may_ask(article: &article::Model, now: DateTime<Utc>) -> bool {
    let is_public = article.status == ArticleStatus::Published && article.published_at.is_some_and(|at| at <= now);
    is_public && !asks_for_nothing(article)
}

impl Target {
    /// Why nothing can be given for it at `now`, if so.
    pub fn problem(&self, now: &DateTime<Tz>) -> Option<TargetProblem> {
        if self.campaign.as_ref().is_some_and(|campaign| !accepts_gifts(campaign, now)) {
            return Some(TargetProblem::CampaignClosed);
        }
        let TargetItem { item, left, .. } = self.item.as_ref()?;
        if item.status != WishStatus::Open || item.kind != WishKind::Priced {
            return Some(TargetProblem::ItemClosed);
        }
        (*left < 1).then_some(TargetProblem::NoneLeft)
    }

    /// The fund that the gift goes to, when its target names one.
    pub fn fund_id(&self) -> Option<FundId> {
        let of_item = self.item.as_ref().map(|target| target.item.fund_id);
        of_item.or_else(|| self.campaign.as_ref().map(|campaign| campaign.fund_id))
    }

    /// The campaign's id.
    pub fn campaign_id(&self) -> Option<CampaignId> {
        self.campaign.as_ref().map(|campaign| campaign.id)
    }

    /// The article's id.
    pub fn article_id(&self) -> Option<ArticleId> {
        self.article.as_ref().map(|article| article.id)
    }

    /// The campaign's slug for the form; empty when the item brings it.
    pub fn campaign_slug(&self) -> &str {
        self.campaign.as_ref().map_or("", |campaign| &campaign.slug)
    }

    /// The item's slug; empty without one.
    pub fn item_slug(&self) -> &str {
        self.item.as_ref().map_or("", |target| &target.item.slug)
    }

    /// The article's slug; empty without one.
    pub fn article_slug(&self) -> &str {
        self.article.as_ref().map_or("", |article| &article.slug)
    }
}
