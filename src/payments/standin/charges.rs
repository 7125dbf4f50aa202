//! A charge as asking for it shows it: with the payer's address, which the payer gave on the card page.

use super::{
    shapes,
    state::{Charge, Vault},
};
use serde_json::{Value, json};

/// The charge, with who paid.
pub(super) fn with_payer(vault: &Vault, charge: &Charge) -> Value {
    let mut shown = shapes::charge(charge);
    let session = vault.intents.get(&charge.intent_id).and_then(|intent| vault.sessions.get(&intent.session_id));
    if let Some(email) = session.and_then(|session| session.email.as_ref()) {
        shown["billing_details"]["email"] = json!(email);
    }
    shown
}
