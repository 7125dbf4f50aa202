//! Wellwisher: donations and supporter campaigns for small newsrooms and advocacy groups.
//!
//! This file is the map. A module may use only those above it (`tests/architecture.rs` checks it), so read from the top.

/// The one error value, and what each kind means to a person and to a program.
pub mod error;
/// The clock and the random source: nothing else may ask the machine for time or chance.
pub mod clock;
/// The database: one writer and several readers on SQLite, a pool on PostgreSQL, transactions that retry.
pub mod db;
/// Every setting: flags, environment and `.env`, in one struct.
pub mod config;
/// The languages, and how amounts, numbers and dates are written in them.
pub mod i18n;
/// Logs that hold ids only.
pub mod telemetry;
/// Limits by network, kept in memory only.
pub mod limits;
/// Letters: the outbox, and the ways out of it (SMTP, files).
pub mod mail;
/// Stripe: what we ask of it, what it tells us, and the stand-in that answers in its place.
pub mod payments;
/// Work that outlives a request: a table, leases, retries, schedules.
pub mod jobs;
/// What every part shares: settings, database, clock, random source, mailer, Stripe.
pub mod app;
/// Pages: layout, forms, extractors, security headers, assets.
pub mod web;
/// A daily practice gift that shows whether every link from the checkout to the letter holds; apart from everything that counts.
pub mod canary;
/// Members of staff: sign-in, roles, sessions, the audit trail, the desk's frame.
pub mod staff;
/// The organisation's genuine links, signed, so that a false appeal can be told from ours.
pub mod genuine;
/// The people who give.
pub mod supporters;
/// Who asked for news, and who wants no letters.
pub mod consents;
/// Double-entry, append-only: the figures everything else is computed from.
pub mod ledger;
/// What was published of campaigns, wish items and the newsroom, for every page that names it.
pub mod news;
/// What a page asks for: the giving form, its amounts and its checks.
pub mod asks;
/// Sponsors who add to the gifts for a campaign, up to a sum.
pub mod matching;
/// Wish items: needed, reserved, paid, bought, delivered.
pub mod wishes;
/// Campaigns: draft, live, paused, closed; progress from the ledger.
pub mod campaigns;
/// Which campaigns and wish items stand on which article.
pub mod attachments;
/// Numbered without gaps, never edited.
pub mod receipts;
/// Tax that a charity of the United Kingdom gets back: declarations, claims, what is given back.
pub mod gift_aid;
/// One payment, from the form to the ledger: `settle` is the one door.
pub mod donations;
/// Promises that cannot be kept: who funded it chooses what becomes of the money.
pub mod promises;
/// Gifts that come every month or year: Stripe charges, we follow.
pub mod recurring;
/// Stripe's balance and payouts: every movement in the books, every payout explained to the cent.
pub mod payouts;
/// News, written once and mailed to those who asked for them: pages, feeds, letters in batches.
pub mod updates;
/// Who read what, counted once a day and then forgotten.
pub mod readers;
/// The newsroom: articles, categories, import.
pub mod articles;
/// What other sites show of ours in a frame: an article's ask, a campaign.
pub mod embed;
/// What finance takes away: exports, and `verify`, which recomputes everything.
pub mod reports;
/// What is known of a supporter, for herself: taking it along, and having it erased.
pub mod privacy;
/// A supporter's own pages, by a link in a letter.
pub mod portal;
/// The desk's home: what came in, and what waits for a person.
pub mod desk;
/// A sample newsroom, made through the real code.
pub mod demo;
/// Every route.
pub mod router;
/// Every job and schedule.
pub mod worker;
/// Every command.
pub mod cli;
