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
use entity::{staff_member, words::Role};

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

/// Refuses to take real money where the demo's accounts can still sign in: everybody knows their password, and whoever tried the demo
/// may have given them a second factor of her own.
pub async fn refuse_demo_accounts(app: &App) -> Result<(), Error> {
    let left = store::members(app.db.read()).await?.into_iter().filter(is_demo_account).count();
    if left == 0 || app.config.demo {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "{left} of the demo's accounts (…@{DOMAIN}) can sign in to this database, and the Stripe key is live: everybody knows their \
         password. Begin on an empty database"
    )))
}

fn is_demo_account(member: &staff_member::Model) -> bool {
    member.email.rsplit('@').next() == Some(DOMAIN) && member.disabled_at.is_none()
}

/// The demo's accounts with their present codes; none where this is not the demo.
pub async fn demo_accounts(app: &App) -> Result<Vec<DemoAccount>, Error> {
    if !app.config.demo {
        return Ok(Vec::new());
    }
    let key = app.key(totp::KEY_LABEL);
    let mut accounts = Vec::new();
    for member in store::members(app.db.read()).await? {
        let Some(sealed) = member.totp_secret.as_deref().filter(|_| is_demo_account(&member)) else { continue };
        let code = TotpSecret::open(sealed, &key, &member.id.to_string())?.code_after(member.totp_last_step, app.now())?;
        accounts.push(DemoAccount { role: member.role, name: member.name, email: member.email, password: PASSWORD, code });
    }
    accounts.sort_by_key(|account| account.role);
    Ok(accounts)
}
