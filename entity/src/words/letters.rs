//! The words of letters and news: what is written, how it leaves, what comes back.

use super::UnknownWord;
use sea_orm::{DeriveActiveEnum, EnumIter, prelude::StringLen};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

words! {
    /// The kinds of letters.
    LetterKind {
        Receipt = "receipt",
        StaffNotice = "staff_notice",
        RecurringBegun = "recurring_begun",
        RecurringChanged = "recurring_changed",
        RecurringPaused = "recurring_paused",
        RecurringEnded = "recurring_ended",
        /// A payment of a recurring donation failed: how to mend the card.
        RecurringFailed = "recurring_failed",
        CardExpiring = "card_expiring",
        /// The link to a supporter's own pages.
        PortalLink = "portal_link",
        /// A receipt is no longer valid and none takes its place.
        ReceiptCancelled = "receipt_cancelled",
        /// The gifts of one tax year.
        Statement = "statement",
        /// What she funded cannot be bought: she is asked what is to become of her money.
        PromiseChanged = "promise_changed",
        /// What became of it.
        PromiseDone = "promise_done",
        /// How to pay a bank transfer that was announced.
        TransferAnnounced = "transfer_announced",
        /// News that was asked for: the one kind of the stream of updates.
        Update = "update",
        /// Did you ask for news? (double opt-in)
        Confirmation = "confirmation",
        /// Another address was asked for or taken: a link with which its mailbox agrees, says no, or takes it back.
        AddressChange = "address_change",
        /// The last letter to somebody who was erased: what is kept, and until when.
        Goodbye = "goodbye",
        /// What came of something that she ordered for us at a shop.
        OrderSettled = "order_settled",
    }
    /// The life of an update. Whether it is on a page is another question: that needs a date of publication, and that nobody hid it.
    UpdateState {
        /// It is written; only staff know of it.
        Draft = "draft",
        /// It is on its page; no letters were asked for.
        Published = "published",
        /// Its letters leave at a set time.
        Scheduled = "scheduled",
        /// Its letters are being written and sent.
        Sending = "sending",
        /// Its letters are held back.
        Paused = "paused",
        /// Its letters were ended before all had left.
        Stopped = "stopped",
        /// All its letters have left.
        Sent = "sent",
    }
    /// Who gets the letters of an update: never somebody who did not ask for such news and confirm it.
    UpdateAudience {
        /// Everybody who asked for such news.
        Asked = "asked",
        /// Of those, who gave for what the news are about.
        Gave = "gave",
    }
    /// The streams that letters leave by; each has its own sender and its own connections.
    LetterStream {
        /// Receipts, sign-in links, notices: what somebody waits for.
        Transactional = "transactional",
        /// News, to many at once.
        Updates = "updates",
    }
    /// Why an address gets no letters, or not all.
    SuppressionReason {
        /// She said so, by the link in a letter or on her own pages.
        Unsubscribed = "unsubscribed",
        /// The address takes no letters.
        HardBounce = "hard_bounce",
        /// She told her mail provider that she does not want them.
        Complaint = "complaint",
        /// A member of staff said so.
        Staff = "staff",
    }
    /// How we heard of a bounce.
    BounceVia {
        /// The mail server refused the letter.
        Answer = "answer",
        /// A report came back (RFC 3464).
        Report = "report",
        /// The recipient complained (RFC 5965).
        Complaint = "complaint",
    }
    /// What a bounce says of the address.
    BounceSeverity {
        /// There is no such mailbox.
        Gone = "gone",
        /// It was refused for good, for some other reason.
        Hard = "hard",
        /// The mailbox is full or busy.
        Soft = "soft",
        /// It is we who are refused: nothing about the address.
        Sender = "sender",
        /// She does not want it.
        Complaint = "complaint",
    }
    /// The state of a letter in the outbox.
    LetterState {
        Queued = "queued", Leased = "leased", Sent = "sent", Deferred = "deferred", Bounced = "bounced",
        Suppressed = "suppressed",
        /// The connection broke after the final dot: it may have arrived.
        Unknown = "unknown",
        Dead = "dead",
    }
    /// How far the talk with the mail server came.
    LetterStage { Connect = "connect", Mail = "mail", Rcpt = "rcpt", Data = "data", Dot = "dot", Done = "done" }
}
