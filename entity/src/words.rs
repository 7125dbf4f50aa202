//! The words for states and kinds, stored as text so that a person who reads the database understands it.

use sea_orm::{DeriveActiveEnum, EnumIter, prelude::StringLen};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A word that is not one of an enumeration's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownWord;

impl fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not one of the known words")
    }
}

impl std::error::Error for UnknownWord {}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, DeriveActiveEnum, Serialize, Deserialize)]
        #[sea_orm(rs_type = "String", db_type = "String(StringLen::None)")]
        pub enum $name {
            $($(#[$vdoc])* #[sea_orm(string_value = $text)] #[serde(rename = $text)] $variant),+
        }

        impl $name {
            /// Every value, in the order of a life.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word as stored, and as the key of its translation.
            pub const fn as_str(&self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;
            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                match text { $($text => Ok(Self::$variant),)+ _ => Err(UnknownWord) }
            }
        }
    )+};
}

/// Letters and news: what is written, how it leaves, what comes back.
mod letters;

pub use letters::*;

words! {
    /// Who asked that a supporter be erased.
    ErasureBy {
        /// She herself, on her own pages.
        Supporter = "supporter",
        /// An administrator at the desk, on her request.
        Staff = "staff",
        /// Whoever runs the program, from the command line.
        Operator = "operator",
        /// Nobody: her last gift was longer ago than names are kept.
        Retention = "retention",
    }
    /// Why a wish for another e-mail address came to nothing.
    AddressChangeEnd {
        /// It has not.
        None = "",
        /// One of the mailboxes said no.
        Refused = "refused",
        /// It was done, and the old mailbox took it back.
        Undone = "undone",
        /// Another wish came after it.
        Replaced = "replaced",
        /// Somebody else gave with the new address.
        Taken = "taken",
    }
    /// The links of the chain that a gift goes through, in their order, as the canary tries them.
    CanaryLink {
        /// A checkout is made at Stripe, and ended again.
        Checkout = "checkout",
        /// Stripe takes a practice payment.
        Payment = "payment",
        /// Stripe's message about it reaches us.
        Message = "message",
        /// A practice gift is settled in the books, and all of it taken back.
        Books = "books",
        /// A practice letter leaves.
        Letter = "letter",
    }
    /// What was sealed.
    SealedKind {
        Receipt = "receipt", Statement = "statement", GiftAidDeclaration = "gift_aid_declaration",
        /// Her row of the schedule of a Gift Aid claim.
        GiftAidLine = "gift_aid_line",
    }
    /// Where an article is read.
    ArticleKind {
        /// Its text is kept here.
        Hosted = "hosted",
        /// It is a page elsewhere, known by its canonical URL.
        Elsewhere = "elsewhere",
    }
    /// Whether readers see an article.
    ArticleStatus { Draft = "draft", Published = "published", Unpublished = "unpublished" }
    /// What readers are told about an article.
    NoticeKind { Corrected = "corrected", Retracted = "retracted" }
    /// What a genuine link of the organisation is.
    GenuineKind {
        Site = "site", Donate = "donate", Channel = "channel", Onion = "onion", Email = "email", Bank = "bank", Other = "other",
    }
    /// Why an article asks no more.
    EndingReason { Sensitive = "sensitive", Retracted = "retracted", Unpublished = "unpublished" }
    /// What became of a checkout that was open when its article stopped asking.
    EndingOutcome {
        /// It is still to be ended.
        Open = "open",
        /// It was ended at Stripe; nothing was charged.
        Ended = "ended",
        /// Somebody paid in that very moment: the gift stands.
        Paid = "paid",
        /// Her bank was at work already, which cannot be stopped here.
        Processing = "processing",
        /// It was over by itself.
        Over = "over",
    }
    /// What an attachment is tied to.
    AttachmentScope { Article = "article", Category = "category", Everywhere = "everywhere" }
    /// What an attachment ties.
    AttachmentTarget { Campaign = "campaign", WishItem = "wish_item" }
    /// The life of a campaign: only a live one takes gifts; a paused or closed one stays readable.
    CampaignStatus { Draft = "draft", Live = "live", Paused = "paused", Closed = "closed" }
    /// What happened to a campaign: one row each, with who, when and why, never edited.
    CampaignStepKind {
        Launch = "launch", Pause = "pause", Resume = "resume", Close = "close", Reopen = "reopen",
        /// Its deadline was over: it closed by itself.
        Deadline = "deadline",
    }
    /// What readers are told of the money of a campaign that is paused or closed.
    CampaignMoney {
        /// Nothing.
        None = "none",
        /// It is used for what it was given for.
        Purpose = "purpose",
        /// What is not needed goes to the general work.
        General = "general",
        /// It was given back.
        Returned = "returned",
    }
    /// The life of a matching pot: only an open one adds to gifts; what was promised to a giver stands whatever becomes of the pot.
    MatchPotStatus { Draft = "draft", Open = "open", Paused = "paused", Closed = "closed" }
    /// The life of what a donation has of a matching pot.
    MatchState {
        /// Its checkout is open.
        Held = "held",
        /// Its donation is paid.
        Confirmed = "confirmed",
        /// Its checkout came to nothing, or the money came when nothing was left: it takes nothing from the pot.
        Freed = "freed",
    }
    /// What happened to a matching pot: one row each, with who and when, never edited.
    MatchStepKind {
        Made = "made", Edited = "edited", Opened = "opened", Paused = "paused", Closed = "closed",
        /// A checkout holds some.
        Held = "held",
        /// A checkout ended or ran out: what it held is free.
        Freed = "freed",
        /// The gift is paid.
        Confirmed = "confirmed",
        /// The money came after the hold was lost, and some was still free.
        Late = "late",
        /// The money came after the hold was lost, and nothing was free.
        Missed = "missed",
        /// Some of the gift went back.
        Shrunk = "shrunk",
        /// What went back came again, because a refund failed or a dispute was won.
        Restored = "restored",
        /// A donation counts as the sponsor's payment.
        Paid = "paid",
        /// It counts as that no more.
        Unpaid = "unpaid",
        /// What the pot said of itself was put right.
        Repaired = "repaired",
    }
    /// The life of one payment.
    DonationStatus {
        /// Written here; the supporter has not paid.
        Pending = "pending",
        /// The supporter has done her part; the bank has not yet said that the money moves.
        Processing = "processing",
        /// Stripe says paid. In the ledger, with a receipt.
        Paid = "paid",
        /// The payment was refused for good.
        Failed = "failed",
        /// The checkout ran out before anything was paid.
        Expired = "expired",
    }
    /// What binds the money of a fund (ASC 958 and the UK SORP name these classes).
    Restriction { Without = "without", With = "with", Designated = "designated", Endowment = "endowment" }
    /// The accounts of the ledger. Debits are positive, credits negative.
    Account {
        /// Asset: what Stripe holds for us.
        StripeClearing = "stripe_clearing",
        /// Income: gifts, by fund.
        Donations = "donations",
        /// Expense: what Stripe keeps.
        StripeFees = "stripe_fees",
        /// Equity: the two sides of a settlement in another currency than the gift's.
        Exchange = "exchange",
        /// Asset: the bank account that payouts and transfers reach.
        Bank = "bank",
        /// Asset: cash and cheques that are not at the bank yet.
        Undeposited = "undeposited",
        /// Asset: what a bank has taken back while a dispute is open; it comes back when won and is income lost when lost.
        Disputed = "disputed",
        /// Asset: what Stripe holds in reserve.
        StripeReserve = "stripe_reserve",
        /// Equity: what else happens on the same Stripe account, which is not ours to explain.
        OtherActivity = "other_activity",
        /// Nobody knows yet: must be zero before a period closes.
        Unmapped = "unmapped",
    }
    /// What moved money.
    MovementKind {
        Donation = "donation", Fee = "fee",
        Refund = "refund", RefundFailure = "refund_failure",
        /// A bank took the money back until a dispute is decided.
        Dispute = "dispute",
        /// It came back, because the dispute was won or withdrawn.
        DisputeReversal = "dispute_reversal",
        /// The dispute is lost: the income is taken back.
        DisputeLoss = "dispute_loss",
        Payout = "payout", PayoutFailure = "payout_failure",
        /// What Stripe charges beside the fees of single payments.
        StripeFee = "stripe_fee",
        Reserve = "reserve", TopUp = "top_up",
        /// Activity on the same Stripe account that is not ours.
        Other = "other",
        Unmapped = "unmapped",
        /// Takes back what was entered by hand.
        Reversal = "reversal",
        /// Cash and cheques were taken to the bank.
        Deposit = "deposit",
        /// Income moves from one purpose to another, because its giver chose so.
        Reclassification = "reclassification",
        /// More was taken back of a gift than it was worth: what goes beyond it is a cost.
        Shortfall = "shortfall",
    }
    /// How a donation came to us.
    DonationSource { Checkout = "checkout", Recurring = "recurring", Manual = "manual", Imported = "imported" }
    /// How often a recurring donation comes.
    GiftInterval { Month = "month", Year = "year" }
    /// The life of a recurring donation.
    RecurringStatus {
        /// Written here; the supporter has not paid for the first time.
        Pending = "pending",
        Active = "active",
        /// A payment failed; Stripe tries again, and it is not over.
        PastDue = "past_due",
        /// Nothing is charged until it is resumed.
        Paused = "paused",
        Ended = "ended",
    }
    /// The life of a refund.
    RefundState {
        /// Written here; Stripe has not answered yet.
        Asked = "asked",
        Pending = "pending", Succeeded = "succeeded", Failed = "failed", Canceled = "canceled",
    }
    /// How a dispute stands.
    DisputeOutcome {
        /// A question of the bank, before any money moves.
        Inquiry = "inquiry",
        Open = "open", Won = "won", Lost = "lost",
    }
    /// The life of a payout.
    PayoutState { Pending = "pending", InTransit = "in_transit", Paid = "paid", Failed = "failed", Canceled = "canceled" }
    /// How far Stripe has come with saying what a payout is made of.
    PayoutReconciliation {
        /// Made by hand or at once: Stripe does not itemise it.
        NotApplicable = "not_applicable",
        InProgress = "in_progress", Completed = "completed",
    }
    /// What a movement of Stripe's balance is to us.
    BalanceMapping {
        Gift = "gift", Refund = "refund", RefundFailure = "refund_failure", Dispute = "dispute", DisputeReversal = "dispute_reversal",
        Payout = "payout", PayoutFailure = "payout_failure", StripeFee = "stripe_fee", Reserve = "reserve", TopUp = "top_up",
        /// Activity on the same account that is not ours.
        Other = "other",
        /// Of a kind that this version does not know: it keeps a period from closing until somebody has looked.
        Unmapped = "unmapped",
    }
    /// Whether an accounting period takes postings.
    PeriodState { Open = "open", Closed = "closed" }
    /// The state of a receipt: never edited, only voided or replaced.
    ReceiptStatus { Issued = "issued", Void = "void", Replaced = "replaced" }
    /// Which gifts a Gift Aid declaration covers.
    GiftAidScope {
        /// The gift that it was made with.
        This = "this",
        /// That gift, those of the four years before, and those to come.
        All = "all",
    }
    /// How a Gift Aid declaration was made.
    GiftAidMade {
        /// On the giving form.
        Online = "online",
        /// On paper; staff wrote it off.
        Paper = "paper",
        /// By word of mouth; a written record was sent to her.
        Oral = "oral",
    }
    /// The life of a Gift Aid claim.
    GiftAidClaimState {
        /// Its gifts are set aside; it was not sent yet.
        Made = "made",
        /// It was sent to HMRC: its gifts are never claimed again.
        Submitted = "submitted",
        /// It was not sent: its gifts are free again.
        Withdrawn = "withdrawn",
    }
    /// How a wish item is paid.
    WishKind {
        /// At a price, by quantity, here.
        Priced = "priced",
        /// On a shop's own wish list elsewhere.
        Link = "link",
    }
    /// Whether a wish item is asked for.
    WishStatus { Open = "open", Cancelled = "cancelled" }
    /// How a priced wish item is funded.
    WishFunding {
        /// Each gift pays for whole ones.
        Whole = "whole",
        /// Many pay for it together, each with what she wants.
        Shared = "shared",
    }
    /// Why an item is asked for no more. Readers are told it in words that endanger nobody.
    CancelReason {
        /// Nothing was said.
        None = "none",
        Price = "price", Unavailable = "unavailable", Border = "border", Danger = "danger", NotNeeded = "not_needed", Other = "other",
    }
    /// What happened to a wish item: one row each, with who and when, never edited.
    WishStepKind {
        Made = "made", Edited = "edited",
        /// A checkout holds some.
        Reserved = "reserved",
        /// A checkout ended or ran out: what it held is free.
        Released = "released",
        Paid = "paid",
        /// The money came after the hold was lost, and enough was still free.
        PaidLate = "paid_late",
        /// The money came after the hold was lost, and the item was gone: the gift stays with its campaign or fund.
        Missed = "missed",
        /// The money went back.
        GivenBack = "given_back",
        /// A supporter says that she ordered it at a shop elsewhere.
        Ordered = "ordered",
        /// What she ordered did not come, or nobody confirmed it in time.
        OrderEnded = "order_ended",
        /// Staff bought it; a negative number takes an earlier step back.
        Bought = "bought",
        /// It is where it is needed; a negative number takes an earlier step back.
        Delivered = "delivered",
        Cancelled = "cancelled", Reopened = "reopened",
        /// A proof of delivery was released.
        Proved = "proved",
    }
    /// Where the money of a promise goes that cannot be kept.
    PromiseWay {
        /// Nobody has chosen yet.
        Open = "open",
        /// To another item.
        Item = "item",
        /// To the general fund.
        General = "general",
        /// Back to the giver.
        Refund = "refund",
    }
    /// The life of an order at a shop elsewhere.
    OrderState {
        /// The supporter says that she ordered it; nobody else is asked for it meanwhile.
        Held = "held",
        Confirmed = "confirmed", Refused = "refused", Expired = "expired",
    }
    /// The life of a proof of delivery.
    ProofState {
        /// A second member of staff must look at it.
        Waiting = "waiting",
        Released = "released", Refused = "refused", Withdrawn = "withdrawn",
    }
    /// The life of a reservation.
    ReservationState { Held = "held", Paid = "paid", Released = "released" }
    /// What a member of staff may do.
    Role { Admin = "admin", Editor = "editor", Finance = "finance" }
    /// What a reader is counted for.
    ReaderScope { Site = "site", Campaign = "campaign", Article = "article" }
    /// How a view reached us.
    ReaderSource { Script = "script", Pixel = "pixel" }
}
