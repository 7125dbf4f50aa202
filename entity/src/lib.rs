//! What the database of Wellwisher holds: one file per table, typed ids, money. No behaviour beyond what keeps a value correct.
//!
//! Times are UTC with microseconds (the clock truncates them, because PostgreSQL keeps no more). Amounts are minor units.

pub mod ids;
pub mod money;
pub mod words;

pub mod accounting_period;
pub mod article;
pub mod attachment;
pub mod audit_entry;
pub mod balance_movement;
pub mod campaign;
pub mod canary_run;
pub mod category;
pub mod confirmation;
pub mod difference;
pub mod dispute;
pub mod donation;
pub mod donation_address;
pub mod donation_step;
pub mod fund;
pub mod gift_aid_claim;
pub mod gift_aid_declaration;
pub mod gift_aid_line;
pub mod job;
pub mod last_outcome;
pub mod ledger_entry;
pub mod ledger_transaction;
pub mod letter;
pub mod letter_attempt;
pub mod payout;
pub mod picture;
pub mod portal_link;
pub mod portal_session;
pub mod promise;
pub mod promise_choice;
pub mod reader_day;
pub mod reader_key;
pub mod reader_segment;
pub mod receipt;
pub mod receipt_series;
pub mod recovery_code;
pub mod recurring_donation;
pub mod recurring_step;
pub mod refund;
pub mod schedule;
pub mod staff_invite;
pub mod staff_member;
pub mod staff_session;
pub mod statement;
pub mod stripe_event;
pub mod supporter;
pub mod wish_item;
pub mod wish_order;
pub mod wish_proof;
pub mod wish_reservation;
pub mod wish_step;

pub use money::{Currency, Money, MoneyError};
