//! Typed ids: a campaign's id cannot be passed where an article's is meant.
//!
//! All are version 7 UUIDs, so rows sort by the time they were made. They are names, not secrets: what a URL must keep
//! secret is a 256-bit token, stored hashed.

use sea_orm::{DbErr, DeriveValueType, TryFromU64, prelude::Uuid};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

macro_rules! typed_ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, DeriveValueType, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl TryFromU64 for $name {
            fn try_from_u64(_: u64) -> Result<Self, DbErr> {
                Err(DbErr::ConvertFromU64(stringify!($name)))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    )+};
}

typed_ids! {
    /// Names a wish for another e-mail address.
    AddressChangeId,
    /// Names a sealed document of an erased supporter.
    SealedDocumentId,
    /// Names an accounting period.
    AccountingPeriodId,
    /// Names an article.
    ArticleId,
    /// Names what readers are told about an article.
    ArticleNoticeId,
    /// Names an attachment of a campaign or wish item to articles.
    AttachmentId,
    /// Names a campaign.
    CampaignId,
    /// Names a milestone or stretch goal of a campaign.
    CampaignGoalId,
    /// Names a category of articles.
    CategoryId,
    /// Names a dispute of a payment.
    DisputeId,
    /// Names one donation (one payment).
    DonationId,
    /// Names a deposit of cash and cheques.
    DepositId,
    /// Names a fund.
    FundId,
    /// Names a genuine link of the organisation.
    GenuineLinkId,
    /// Names a Gift Aid claim.
    GiftAidClaimId,
    /// Names a Gift Aid declaration.
    GiftAidDeclarationId,
    /// Names a job.
    JobId,
    /// Names a letter in the outbox.
    LetterId,
    /// Names a picture.
    PictureId,
    /// Names the text of a mailing in one language.
    LetterContentId,
    /// Names a text that goes to many.
    MailingId,
    /// Names what a donation has of a matching pot.
    MatchHoldId,
    /// Names a matching pot.
    MatchPotId,
    /// Names a payout from Stripe to the bank.
    PayoutId,
    /// Names a promise that cannot be kept.
    PromiseId,
    /// Names what becomes of one gift for it.
    PromiseChoiceId,
    /// Names a receipt.
    ReceiptId,
    /// Names a series of receipt numbers.
    ReceiptSeriesId,
    /// Names a recurring donation.
    RecurringId,
    /// Names a refund.
    RefundId,
    /// Names a reservation of a wish item by a donation.
    ReservationId,
    /// Names a member of staff.
    StaffId,
    /// Names a session of a member of staff.
    SessionId,
    /// Names a statement of a year's gifts.
    StatementId,
    /// Names somebody's wish to get news.
    SubscriptionId,
    /// Names a supporter.
    SupporterId,
    /// Names somebody's wish to get no letters.
    SuppressionId,
    /// Names news of a campaign, a wish item or the newsroom.
    UpdateId,
    /// Names the text of these in one language.
    UpdateTextId,
    /// Names a wish item.
    WishItemId,
    /// Names an order of a wish item at a shop elsewhere.
    WishOrderId,
    /// Names a proof that a wish item was delivered.
    WishProofId,
}
