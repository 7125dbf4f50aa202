//! Campaigns: draft, live, paused, closed; progress from the ledger.
