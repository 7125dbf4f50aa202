//! What the ledger's accounts are called elsewhere: by the fund's codes for income and fees, as they were when the gift was given, by
//! GL_ACCOUNTS for the others, else by name.

use super::Side;
use crate::{clock::sha256_hex, config::Config};
use entity::words::Account;
use std::collections::BTreeMap;

/// The names of accounts.
#[derive(Clone, Debug)]
pub struct Accounts {
    codes: BTreeMap<Account, String>,
}

impl Accounts {
    /// Those of the settings.
    pub fn of(config: &Config) -> Self {
        Self { codes: config.gl_accounts.clone() }
    }

    /// The account's code in the accounting program, or its name there.
    pub fn code(&self, side: &Side) -> String {
        if side.gl_code.is_empty() {
            self.codes.get(&side.account).cloned().unwrap_or_else(|| name(side.account).to_owned())
        } else {
            side.gl_code.clone()
        }
    }

    /// The account's place in the tree of plain-text accounting: `Income:Donations:4000-SCHOOLS`. Each part begins with a capital or a
    /// digit and holds letters, digits and hyphens only, which hledger and beancount both take; and no account has others below it,
    /// because beancount counts those into its balance.
    pub fn path(&self, side: &Side) -> String {
        let own = self.codes.get(&side.account).map(|code| clean(code)).filter(|code| !code.is_empty());
        let leaf = match side.account {
            Account::Donations | Account::StripeFees if side.fund_code.is_empty() => Some(own.unwrap_or_else(|| "No-Fund".to_owned())),
            Account::Donations | Account::StripeFees => Some(fund_leaf(&side.gl_code, &side.fund_code)),
            _ => own,
        };
        leaf.map_or_else(|| root(side.account).to_owned(), |leaf| format!("{}:{leaf}", root(side.account)))
    }
}

fn fund_leaf(gl: &str, code: &str) -> String {
    let parts: Vec<String> = [gl, code].iter().map(|part| clean(part)).filter(|part| !part.is_empty()).collect();
    let leaf = if parts.is_empty() { "No-Fund".to_owned() } else { parts.join("-") };
    // Codes may hold signs that names of accounts may not: two that differ in these alone are two accounts.
    let is_kept = [gl, code].iter().all(|part| clean(part) == part.to_ascii_uppercase());
    if is_kept { leaf } else { format!("{leaf}-{}", sha256_hex(&format!("{gl} {code}"))[..6].to_ascii_uppercase()) }
}

fn clean(part: &str) -> String {
    let kept = part.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '-' });
    kept.collect::<String>().trim_start_matches('-').to_owned()
}

/// The account's name where it has no code.
const fn name(account: Account) -> &'static str {
    match account {
        Account::StripeClearing => "Stripe clearing",
        Account::Donations => "Donations",
        Account::StripeFees => "Stripe fees",
        Account::Exchange => "Currency exchange",
        Account::Bank => "Bank",
        Account::Undeposited => "Undeposited funds",
        Account::Disputed => "Stripe disputes",
        Account::StripeReserve => "Stripe reserve",
        Account::OtherActivity => "Other Stripe activity",
        Account::Unmapped => "Stripe unmapped",
    }
}

const fn root(account: Account) -> &'static str {
    match account {
        Account::StripeClearing => "Assets:Stripe:Clearing",
        Account::Donations => "Income:Donations",
        Account::StripeFees => "Expenses:Fees:Stripe",
        Account::Exchange => "Equity:Exchange",
        Account::Bank => "Assets:Bank",
        Account::Undeposited => "Assets:Undeposited",
        Account::Disputed => "Assets:Stripe:Disputed",
        Account::StripeReserve => "Assets:Stripe:Reserve",
        Account::OtherActivity => "Equity:Stripe:Other",
        Account::Unmapped => "Equity:Stripe:Unmapped",
    }
}
