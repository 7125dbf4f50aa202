//! The demo's members of staff: one per role, shown with their password and present code where one signs in. Only the demo
//! asks for them, and only accounts at the demo's own domain are shown, whatever database the demo runs on.

use super::{
    NewMember,
    audit::Actor,
    people::create_member,
    store,
    totp::{self, TotpSecret},
};
use crate::{app::App, error::Error};
use entity::words::Role;

/// A domain that can never receive mail (RFC 2606).
const DOMAIN: &str = "demo.example";
/// The password that all of them have until somebody changes it.
const PASSWORD: &str = "practice makes progress";

/// How to sign in to the demo.
#[derive(Clone, Debug)]
pub struct DemoAccount {
    /// What she may do.
    pub role: Role,
    /// Her name.
    pub name: String,
    /// Her address.
    pub email: String,
    /// The password.
    pub password: &'static str,
    /// Six digits that are right now; the next ones follow within thirty seconds.
    pub code: String,
}

/// Adds the demo's member of staff with this role: `editor@demo.example` for an editor.
pub async fn add_demo_account(app: &App, role: Role, name: &str) -> Result<(), Error> {
    let hash = super::password::hash(PASSWORD.to_owned(), &app.random).await?;
    let secret = app.random.bytes::<20>();
    app.db
        .write(async |tx| {
            let new = NewMember {
                name: name.to_owned(),
                email: format!("{role}@{DOMAIN}"),
                role,
                password_hash: hash.clone(),
                second_factor: Some(TotpSecret::from_bytes(&secret)),
            };
            create_member(tx, app, &Actor::system(), &new).await.map(|_| ())
        })
        .await
}

/// The demo's accounts with their present codes; none where this is not the demo.
pub async fn demo_accounts(app: &App) -> Result<Vec<DemoAccount>, Error> {
    if !app.config.demo {
        return Ok(Vec::new());
    }
    let key = app.key(totp::KEY_LABEL);
    let mut accounts = Vec::new();
    for member in store::members(app.db.read()).await? {
        let at_demo = member.email.rsplit('@').next() == Some(DOMAIN) && member.disabled_at.is_none();
        let Some(sealed) = member.totp_secret.as_deref().filter(|_| at_demo) else { continue };
        let code = TotpSecret::open(sealed, &key, &member.id.to_string())?.code_after(member.totp_last_step, app.now())?;
        accounts.push(DemoAccount { role: member.role, name: member.name, email: member.email, password: PASSWORD, code });
    }
    accounts.sort_by_key(|account| account.role);
    Ok(accounts)
}
