//! What the database holds of supporters: every column of every table, and what becomes of it when she asks for it or wants it gone.
//!
//! A test holds this list against the database, so a column that is added later must be put somewhere here first.

/// A table with rows that are about one supporter.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// What its rows are, to her.
    pub what: &'static str,
    /// Columns that name her, or in which she or others wrote about her: she gets them with her data, and when she is erased they are
    /// emptied, or their row deleted.
    pub erased: &'static str,
    /// Columns of documents that the law wants kept: she gets them, and when she is erased they are sealed.
    pub sealed: &'static str,
    /// Columns that are about her and name nobody: she gets them, and they stay.
    pub kept: &'static str,
    /// Columns that she does not get: hashes of secrets and addresses, who of the staff did something and the staff's own remarks, links that
    /// still open something, and second copies of what is in another column.
    pub hidden: &'static str,
}

impl Table {
    /// Whether a column is among her data.
    pub fn is_hers(&self, column: &str) -> bool {
        [self.erased, self.sealed, self.kept].iter().any(|list| list.split(' ').any(|one| one == column))
    }

    /// Every column, in no order.
    pub fn columns(&self) -> impl Iterator<Item = &'static str> {
        let all = [self.erased, self.sealed, self.kept, self.hidden];
        all.into_iter().flat_map(|list| list.split(' ')).filter(|column| !column.is_empty())
    }
}

/// The tables with rows about supporters, in the order in which she gets them.
pub const HERS: &[Table] = &[
    Table {
        name: "supporter",
        what: "Who you are to us.",
        erased: "email name",
        sealed: "",
        kept: "id language wants_updates wants_updates_since created_at updated_at discreet",
        hidden: "",
    },
    Table {
        name: "donation",
        what: "Your gifts. The ids that begin with cs_, pi_ and ch_ are Stripe’s.",
        erased: "donor_name public_name note reference",
        sealed: "",
        kept: "id status supporter_id wants_updates discreet language amount_minor fee_cover_minor currency campaign_id wish_item_id wish_quantity article_id fund_id fund_code restriction gl_income gl_fee checkout_session_id payment_intent_id charge_id livemode expires_at created_at paid_at updated_at source method invoice_id recurring_donation_id",
        hidden: "token_hash form_token request_hash idempotency_key checkout_url",
    },
    Table {
        name: "donation_address",
        what: "The postal address given with a gift.",
        erased: "address",
        sealed: "",
        kept: "donation_id updated_at",
        hidden: "",
    },
    Table {
        name: "donation_step",
        what: "What happened to each gift, step by step.",
        erased: "detail",
        sealed: "",
        kept: "id donation_id at kind",
        hidden: "",
    },
    Table {
        name: "refund",
        what: "What was given back.",
        erased: "",
        sealed: "",
        kept: "id donation_id stripe_refund_id amount_minor currency state reason failure created_at updated_at",
        hidden: "idempotency_key asked_by",
    },
    Table {
        name: "dispute",
        what: "What a bank asked about or took back.",
        erased: "",
        sealed: "",
        kept: "id donation_id stripe_dispute_id amount_minor currency reason stripe_status outcome evidence_due_at opened_at closed_at updated_at",
        hidden: "",
    },
    Table {
        name: "receipt",
        what: "Your receipts, with everything that they say.",
        erased: "",
        sealed: "snapshot",
        kept: "id series_id number code donation_id status status_reason gift_on issued_at amount_minor currency profile language replaces_id sealed_at",
        hidden: "",
    },
    Table {
        name: "statement",
        what: "Your annual statements, with everything that they say.",
        erased: "",
        sealed: "snapshot",
        kept: "id series_id number code supporter_id starts_on ends_on status status_reason issued_at profile language replaces_id sealed_at",
        hidden: "",
    },
    Table {
        name: "confirmation",
        what: "Which gift stands on which German confirmation.",
        erased: "",
        sealed: "",
        kept: "donation_id receipt_id statement_id",
        hidden: "",
    },
    Table {
        name: "recurring_donation",
        what: "What you give every month or year. The ids that begin with sub_ and cus_ are Stripe’s.",
        erased: "donor_name public_name end_note",
        sealed: "",
        kept: "id supporter_id status every amount_minor fee_cover_minor currency language campaign_id article_id fund_id fund_code restriction subscription_id customer_id item_id product_id livemode started_at ended_at end_reason asked_end failing_since paused_until next_at card_exp_year card_exp_month heard_at created_at updated_at",
        hidden: "",
    },
    Table {
        name: "recurring_step",
        what: "What happened to what you give every month or year.",
        erased: "",
        sealed: "",
        kept: "id recurring_donation_id at kind actor before_minor after_minor detail",
        hidden: "",
    },
    Table {
        name: "letter",
        what: "The letters that we wrote to you.",
        erased: "to_address to_name subject text_body last_reply domain",
        sealed: "",
        kept: "id kind dedupe_key donation_id receipt_id language state attempts next_at last_stage smtp_code created_at sent_at stream topic mailing_id content_id discreet",
        hidden: "html_body message_id lease_until",
    },
    Table {
        name: "letter_attempt",
        what: "How each letter was handed to your mail provider.",
        erased: "reply",
        sealed: "",
        kept: "id letter_id at stage state smtp_code",
        hidden: "",
    },
    Table {
        name: "bounce",
        what: "Letters that came back.",
        erased: "diagnostic",
        sealed: "",
        kept: "id letter_id via severity status at",
        hidden: "address_hash",
    },
    Table {
        name: "subscription",
        what: "The news that you asked for, with the words that you agreed to.",
        erased: "",
        sealed: "",
        kept: "id supporter_id topic language wording wording_version requested_at expires_at confirmed_at ended_at ended_by",
        hidden: "address_hash token_hash",
    },
    Table {
        name: "suppression",
        what: "The letters that you do not get.",
        erased: "note lift_note",
        sealed: "",
        kept: "id topic reason letter_id made_at renewed_at lifted_at",
        hidden: "address_hash made_by lifted_by",
    },
    Table {
        name: "portal_link",
        what: "When you asked for a link to your pages.",
        erased: "supporter_id created_at expires_at",
        sealed: "",
        kept: "",
        hidden: "token_hash",
    },
    Table {
        name: "portal_session",
        what: "When your pages were opened.",
        erased: "supporter_id created_at expires_at",
        sealed: "",
        kept: "",
        hidden: "token_hash",
    },
    Table {
        name: "wish_order",
        what: "What you ordered for us at a shop.",
        erased: "email",
        sealed: "",
        kept: "id wish_item_id quantity state language expires_at created_at updated_at supporter_id answer_due",
        hidden: "form_token",
    },
    Table {
        name: "wish_reservation",
        what: "What your gifts pay for on the wish list.",
        erased: "",
        sealed: "",
        kept: "id wish_item_id donation_id quantity state expires_at created_at updated_at amount_minor",
        hidden: "",
    },
    Table {
        name: "wish_step",
        what: "What happened on the wish list because of your gifts and orders.",
        erased: "",
        sealed: "",
        kept: "id wish_item_id at kind quantity amount_minor donation_id order_id undoes_id",
        hidden: "staff_id actor note",
    },
    Table {
        name: "promise_choice",
        what: "What you were asked when something that you funded could not be bought.",
        erased: "",
        sealed: "",
        kept: "id promise_id donation_id quantity share_minor held_minor amount_minor currency is_whole way to_item_id chosen_by chosen_at carried_at moved_minor source trouble created_at updated_at returning_at after_entry",
        hidden: "token_hash refund_key",
    },
    Table {
        name: "match_hold",
        what: "What sponsors add to your gifts.",
        erased: "",
        sealed: "",
        kept: "id match_pot_id donation_id position ratio_bp base_minor promised_minor minor state expires_at created_at updated_at",
        hidden: "",
    },
    Table {
        name: "match_step",
        what: "What happened to what sponsors add to your gifts.",
        erased: "",
        sealed: "",
        kept: "id match_pot_id at kind change_minor donation_id",
        hidden: "staff_id actor note",
    },
    Table {
        name: "match_payment",
        what: "Your gifts that pay what you promised as a sponsor.",
        erased: "",
        sealed: "",
        kept: "id match_pot_id donation_id linked_at unlinked_at",
        hidden: "linked_by",
    },
    Table {
        name: "checkout_ending",
        what: "Payment pages of yours that were closed because their article asks for nothing any more.",
        erased: "",
        sealed: "",
        kept: "donation_id article_id reason asked_at outcome done_at",
        hidden: "",
    },
    Table {
        name: "news_ask",
        what: "When news asked you for a gift.",
        erased: "",
        sealed: "",
        kept: "supporter_id update_id letter_key asked_at",
        hidden: "",
    },
    Table {
        name: "gift_aid_declaration",
        what: "Your Gift Aid declarations.",
        erased: "",
        sealed: "title first_name last_name house postcode",
        kept: "id donation_id supporter_id scope wording_version wording declared_at void_from cancelled_at cancel_reason made record_sent_on sealed_at",
        hidden: "recorded_by",
    },
    Table {
        name: "gift_aid_line",
        what: "Your gifts in Gift Aid claims, as HM Revenue & Customs got them.",
        erased: "",
        sealed: "schedule",
        kept: "claim_id donation_id amount_minor locked sealed_at",
        hidden: "",
    },
    Table {
        name: "ledger_transaction",
        what: "Your gifts in our books.",
        erased: "",
        sealed: "",
        kept: "id kind source donation_id occurred_at posted_at stripe_balance_transaction reverses_id booked_at",
        hidden: "",
    },
    Table {
        name: "balance_movement",
        what: "Your gifts in what Stripe paid out.",
        erased: "",
        sealed: "",
        kept: "id category kind source_id gross_minor fee_minor net_minor currency occurred_at available_at payout_id donation_id mapped_to heard_at balance",
        hidden: "",
    },
    Table {
        name: "deposit_gift",
        what: "Your gifts among what was brought to the bank.",
        erased: "",
        sealed: "",
        kept: "deposit_id donation_id counts returned_at",
        hidden: "",
    },
    Table {
        name: "stripe_event",
        what: "What Stripe told us of your payments.",
        erased: "payload",
        sealed: "",
        kept: "id event_type api_version livemode object_id donation_id received_at outcome settled_at stripped_at",
        hidden: "",
    },
    Table {
        name: "address_change",
        what: "When another e-mail address was asked for.",
        erased: "old_address new_address",
        sealed: "",
        kept: "id supporter_id asked_by asked_at expires_at old_agreed_at new_agreed_at done_at undo_until ended_at ended_why",
        hidden: "old_token_hash new_token_hash old_letter_id",
    },
    Table {
        name: "audit_entry",
        what: "When staff or you changed or took away something of yours.",
        erased: "",
        sealed: "",
        kept: "id at action object_kind object_id",
        hidden: "staff_id actor detail previous_hash hash",
    },
];

/// The tables and columns that are about no supporter: content, settings, figures, staff, machinery.
///
/// The sponsor's name of a `match_pot` is finance's own record of who promised it, changed at the desk.
/// `erasure`, `sealed_document` and `letter_to_forget` are about supporters who can ask for nothing any more; `job` holds ids only.
pub const NOBODYS: &[(&str, &str)] = &[
    (
        "accounting_period",
        "id starts_on ends_on timezone starts_at ends_at state entries control_hash closed_by closed_at created_at updated_at",
    ),
    (
        "article",
        "id slug kind canonical_url title standfirst byline body_markdown source_name source_url source_date category_id language status sensitive retracted published_at imported_views import_key import_hash created_at updated_at",
    ),
    ("article_notice", "id article_id kind noted_on texts made_by made_at lifted_by lifted_at"),
    ("attachment", "id target campaign_id wish_item_id scope article_id category_id position starts_on ends_on created_at"),
    (
        "campaign",
        "id slug title summary story_markdown language goal_minor currency fund_id status starts_on ends_on ends_at_minute created_at updated_at",
    ),
    ("campaign_goal", "id campaign_id amount_minor title text created_at updated_at"),
    ("campaign_goal_text", "id campaign_goal_id language title text"),
    ("campaign_step", "id campaign_id at kind status staff_id actor reason public_reason money"),
    ("campaign_text", "id campaign_id language title summary story_markdown updated_at"),
    ("canary_link", "run_id link tried_at well_at failure reference silent_since"),
    ("canary_run", "id started_at unfinished"),
    ("category", "id path slug created_at"),
    ("deposit", "id source deposited_on reference amount_minor currency made_by made_at reversed_at reason"),
    ("difference", "id kind object_id detail found_at done settled_at"),
    ("donation_fund", "donation_id fund_id fund_code restriction gl_income gl_fee"),
    ("erasure", "supporter_id erased_at asked_by documents kept_until wrapped_key key_destroyed_at stripe_done_at"),
    ("fund", "id code name restriction gl_income gl_fee created_at"),
    ("gift_aid_claim", "id state until_on reference made_by made_at settled_at"),
    ("genuine_key", "number old_public vouched begun_by begun_at"),
    ("genuine_link", "id kind label address added_by added_at removed_by removed_at"),
    ("genuine_shown", "number public_key shown_at"),
    ("job", "id kind payload dedupe_key run_at attempts lease_until last_error given_up_at created_at"),
    ("last_outcome", "name ok summary report began_at ended_at"),
    ("ledger_entry", "id transaction_id account amount_minor currency fund_id campaign_id wish_item_id article_id"),
    ("letter_content", "id mailing_id language subject text_body html_body discreet_text discreet_html"),
    ("letter_to_forget", "letter_id since"),
    ("mail_domain", "stream domain strikes struck_at wait_until"),
    ("mail_key", "id mark noted_at"),
    ("mail_stream", "stream paused_at reason"),
    ("mailing", "id name created_at paused_at stopped_at reason"),
    (
        "match_pot",
        "id campaign_id sponsor_name public_name total_minor currency ratio_bp gift_min_minor match_max_minor starts_at ends_at position status held_minor confirmed_minor version created_at updated_at",
    ),
    ("news_text", "id update_id language title body_markdown"),
    (
        "news_update",
        "id slug campaign_id wish_item_id language asks state audience only_language send_at published_at hidden mailing_id expected cursor_id taken_in_at sent_at left_budget left_given left_other written_by_name sent_by_name created_at updated_at",
    ),
    (
        "payout",
        "id stripe_payout_id amount_minor currency state automatic arrives_on statement_descriptor trace_id balance_transaction_id failure_balance_transaction_id failure_code original_payout_id reversed_by_id reconciliation livemode itemised_at created_at updated_at",
    ),
    ("picture", "id hash content_type bytes width height created_at"),
    ("promise", "id wish_item_id reason note decide_by declared_by declared_by_name created_at after_step"),
    (
        "reader_day",
        "scope scope_id day source readers views duplicates bots prefetch opt_out malformed unknown_article capped staff received epochs readers_min form rules_version closed",
    ),
    ("reader_key", "day epoch key"),
    ("reader_segment", "id day epoch node body"),
    ("receipt_series", "id prefix year next_number"),
    ("recovery_code", "code_hash staff_id used_at"),
    ("schedule", "name last_run_at"),
    ("sealed_document", "id supporter_id kind object_id code sealed sealed_at"),
    ("staff_invite", "token_hash role email created_at expires_at used_at"),
    ("staff_member", "id email name role password_hash totp_secret totp_last_step disabled_at created_at updated_at"),
    ("staff_session", "id staff_id token_hash verified created_at last_seen_at expires_at"),
    (
        "wish_item",
        "id slug title description language kind price_minor currency quantity shop_url campaign_id fund_id status created_at updated_at funding cancel_reason picture_id picture_text",
    ),
    (
        "wish_proof",
        "id wish_item_id quantity state withheld picture_id picture_text words place month made_by made_by_name decided_by decided_by_name created_at decided_at",
    ),
];

/// A table of [`HERS`] by its name.
pub fn table(name: &str) -> Option<&'static Table> {
    HERS.iter().find(|table| table.name == name)
}
