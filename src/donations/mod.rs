//! One payment, from the form to the ledger: `settle` is the one door.
