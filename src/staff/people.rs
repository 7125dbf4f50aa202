//! Who works here: invited by a link that works once, with a role, never without an administrator left.

use super::{
    audit::{self, Actor},
    session, store,
    totp::{self, TotpSecret},
};
use crate::{app::App, clock::sha256_hex, db::is_unique_violation, error::Error};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{ids::StaffId, staff_invite, staff_member, words::Role};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ConnectionTrait, entity::prelude::*};
use serde_json::json;

/// How long an invite works.
pub const INVITE_LASTS: TimeDelta = TimeDelta::hours(24);

/// What is needed to make somebody a member of staff.
pub struct NewMember {
    /// The name that the audit trail shows.
    pub name: String,
    /// The address.
    pub email: String,
    /// What she may do.
    pub role: Role,
    /// As [`super::password::hash`] makes it.
    pub password_hash: String,
    /// The second factor where it is known already; without one she enrols when she first signs in.
    pub second_factor: Option<TotpSecret>,
}

/// An address as it is stored and looked up.
pub(super) fn normal_email(email: &str) -> String {
    email.trim().to_lowercase()
}

/// Whether a text can be an address that letters reach: one `@`, no spaces, a host.
pub(super) fn is_email(email: &str) -> bool {
    let (local, host) = email.split_once('@').unwrap_or_default();
    !local.is_empty()
        && !host.is_empty()
        && !host.contains('@')
        && !host.starts_with('.')
        && !host.ends_with('.')
        && email.len() <= 254
        && email.chars().all(|c| !c.is_whitespace() && !c.is_control())
}

/// Makes somebody a member of staff.
pub async fn create_member(tx: &impl ConnectionTrait, app: &App, actor: &Actor, new: &NewMember) -> Result<staff_member::Model, Error> {
    let (id, now, email) = (app.new_id::<StaffId>(), app.now(), normal_email(&new.email));
    if !is_email(&email) {
        return Err(Error::Invalid(format!("`{}` is not an e-mail address", new.email)));
    }
    let sealed = match &new.second_factor {
        Some(secret) => Some(secret.seal(&app.key(totp::KEY_LABEL), &id.to_string(), &app.random)?),
        None => None,
    };
    let member = staff_member::ActiveModel {
        id: Set(id),
        email: Set(email.clone()),
        name: Set(new.name.trim().to_owned()),
        role: Set(new.role),
        password_hash: Set(new.password_hash.clone()),
        totp_secret: Set(sealed),
        totp_last_step: Set(0),
        disabled_at: Set(None),
        created_at: Set(now),
        updated_at: Set(now),
    };
    staff_member::Entity::insert(member).exec_without_returning(tx).await.map_err(|e| {
        if is_unique_violation(&e) { Error::Conflict(format!("somebody with the address {email} works here already")) } else { e.into() }
    })?;
    audit::record(tx, now, actor, "staff.create", "staff", &id.to_string(), json!({"role": new.role})).await?;
    store::member(tx, id).await?.ok_or(Error::NotFound)
}

/// The link that makes the first administrator, when nobody works here yet. It works once and for a day; each start of
/// the program makes another, and all of them end when the first is used.
pub async fn first_account_link(app: &App) -> Result<Option<String>, Error> {
    if store::count_members(app.db.read()).await? > 0 {
        return Ok(None);
    }
    let token = app.random.token();
    app.db.write(async |tx| insert_invite(tx, app.now(), &token, Role::Admin, None).await).await?;
    Ok(Some(link_of(app, &token)))
}

/// Invites somebody: the link that makes her account, for a day, once. An earlier invite for the address ends.
pub async fn invite(app: &App, actor: &Actor, email: &str, role: Role) -> Result<String, Error> {
    let email = normal_email(email);
    if !is_email(&email) {
        return Err(Error::Invalid(format!("`{email}` is not an e-mail address such as name@example.org")));
    }
    let (token, now) = (app.random.token(), app.now());
    app.db
        .write(async |tx| {
            if store::member_by_email(tx, &email).await?.is_some() {
                return Err(Error::Conflict(format!(
                    "somebody with the address {email} works here already: make a new link to sign in instead"
                )));
            }
            store::delete_invites_for(tx, &email).await?;
            insert_invite(tx, now, &token, role, Some(email.clone())).await?;
            audit::record(tx, now, actor, "staff.invite", "invite", &sha256_hex(&token)[..16], json!({"role": role})).await
        })
        .await?;
    Ok(link_of(app, &token))
}

/// A link for a member who lost her password or her phone: she chooses a new password and enrols again. Nothing of hers
/// ends until the link is used.
pub async fn reset_link(app: &App, actor: &Actor, email: &str) -> Result<String, Error> {
    let (email, token, now) = (normal_email(email), app.random.token(), app.now());
    app.db
        .write(async |tx| {
            let member = store::member_by_email(tx, &email)
                .await?
                .ok_or_else(|| Error::Invalid(format!("nobody with the address {email} works here")))?;
            if member.disabled_at.is_some() {
                return Err(Error::Conflict("her access was ended: open it again first".to_owned()));
            }
            store::delete_invites_for(tx, &email).await?;
            insert_invite(tx, now, &token, member.role, Some(email.clone())).await?;
            audit::record(tx, now, actor, "staff.reset-link", "staff", &member.id.to_string(), json!({})).await
        })
        .await?;
    Ok(link_of(app, &token))
}

async fn insert_invite(tx: &impl ConnectionTrait, now: DateTime<Utc>, token: &str, role: Role, email: Option<String>) -> Result<(), Error> {
    let invite = staff_invite::ActiveModel {
        token_hash: Set(sha256_hex(token)),
        role: Set(role),
        email: Set(email),
        created_at: Set(now),
        expires_at: Set(now + INVITE_LASTS),
        used_at: Set(None),
    };
    staff_invite::Entity::insert(invite).exec_without_returning(tx).await?;
    Ok(())
}

fn link_of(app: &App, token: &str) -> String {
    app.config.link(&format!("/desk/join/{token}"))
}

/// The invite behind a link, if it can still be used; the first account's only while nobody works here.
pub(super) async fn find_invite(app: &App, token: &str) -> Result<staff_invite::Model, Error> {
    let invite = store::open_invite(app.db.read(), &sha256_hex(token), app.now()).await?.ok_or_else(link_ended)?;
    if invite.email.is_none() && store::count_members(app.db.read()).await? > 0 {
        return Err(link_ended());
    }
    Ok(invite)
}

fn link_ended() -> Error {
    Error::Forbidden("This link was used, has ended, or was replaced. Ask an administrator for a new one; for the first account, start the program again.".to_owned())
}

/// Uses an invite: makes the account, or gives an existing one its new password and takes its second factor away. Answers
/// with the token of a session that has yet to enrol. `password_hash` as [`super::password::hash`] makes it.
pub async fn join(app: &App, token: &str, name: &str, email: &str, password_hash: &str) -> Result<String, Error> {
    let (now, session_token, token_hash) = (app.now(), app.random.token(), sha256_hex(token));
    app.db
        .write(async |tx| {
            // Two people with two first links must not both become administrators.
            audit::serialise(tx).await?;
            let invite = store::open_invite(tx, &token_hash, now).await?.ok_or_else(link_ended)?;
            if !store::take_invite(tx, &token_hash, now).await? || (invite.email.is_none() && store::count_members(tx).await? > 0) {
                return Err(link_ended());
            }
            let email = invite.email.clone().unwrap_or_else(|| normal_email(email));
            let id = match store::member_by_email(tx, &email).await? {
                Some(known) => reset(tx, now, known, password_hash).await?,
                None => {
                    let new = NewMember {
                        name: name.to_owned(),
                        email,
                        role: invite.role,
                        password_hash: password_hash.to_owned(),
                        second_factor: None,
                    };
                    create_member(tx, app, &Actor { staff_id: None, name: name.trim().to_owned() }, &new).await?.id
                }
            };
            session::open(tx, now, app.new_id(), id, &session_token, false).await?;
            Ok(session_token.clone())
        })
        .await
}

async fn reset(tx: &impl ConnectionTrait, now: DateTime<Utc>, member: staff_member::Model, password_hash: &str) -> Result<StaffId, Error> {
    if member.disabled_at.is_some() {
        return Err(link_ended());
    }
    let id = member.id;
    let actor = Actor { staff_id: Some(id), name: member.name.clone() };
    let mut changed: staff_member::ActiveModel = member.into();
    changed.password_hash = Set(password_hash.to_owned());
    changed.totp_secret = Set(None);
    changed.updated_at = Set(now);
    changed.update(tx).await?;
    store::replace_recovery_codes(tx, id, Vec::new()).await?;
    store::delete_sessions(tx, id, None).await?;
    audit::record(tx, now, &actor, "staff.reset", "staff", &id.to_string(), json!({})).await?;
    Ok(id)
}

/// Gives a member another role. All her sessions end, so that no page of the earlier role stays open.
pub async fn change_role(app: &App, actor: &Actor, id: StaffId, role: Role) -> Result<(), Error> {
    refuse_oneself(actor, id)?;
    let now = app.now();
    app.db
        .write(async |tx| {
            let member = take_turn(tx, id).await?;
            let earlier = member.role;
            if earlier == role {
                return Ok(());
            }
            if earlier == Role::Admin {
                keep_an_admin(tx, id).await?;
            }
            let mut changed: staff_member::ActiveModel = member.into();
            changed.role = Set(role);
            changed.updated_at = Set(now);
            changed.update(tx).await?;
            store::delete_sessions(tx, id, None).await?;
            audit::record(tx, now, actor, "staff.role", "staff", &id.to_string(), json!({"from": earlier, "to": role})).await
        })
        .await
}

/// Ends a member's access at once; her entries in the audit trail stay.
pub async fn disable(app: &App, actor: &Actor, id: StaffId) -> Result<(), Error> {
    refuse_oneself(actor, id)?;
    let now = app.now();
    app.db
        .write(async |tx| {
            let member = take_turn(tx, id).await?;
            if member.disabled_at.is_some() {
                return Ok(());
            }
            if member.role == Role::Admin {
                keep_an_admin(tx, id).await?;
            }
            store::delete_invites_for(tx, &member.email).await?;
            let mut changed: staff_member::ActiveModel = member.into();
            changed.disabled_at = Set(Some(now));
            changed.updated_at = Set(now);
            changed.update(tx).await?;
            store::delete_sessions(tx, id, None).await?;
            audit::record(tx, now, actor, "staff.disable", "staff", &id.to_string(), json!({})).await
        })
        .await
}

/// Opens a member's access again, with the password and second factor that she had.
pub async fn enable(app: &App, actor: &Actor, id: StaffId) -> Result<(), Error> {
    refuse_oneself(actor, id)?;
    let now = app.now();
    app.db
        .write(async |tx| {
            let member = take_turn(tx, id).await?;
            if member.disabled_at.is_none() {
                return Ok(());
            }
            let mut changed: staff_member::ActiveModel = member.into();
            changed.disabled_at = Set(None);
            changed.updated_at = Set(now);
            changed.update(tx).await?;
            audit::record(tx, now, actor, "staff.enable", "staff", &id.to_string(), json!({})).await
        })
        .await
}

fn refuse_oneself(actor: &Actor, id: StaffId) -> Result<(), Error> {
    if actor.staff_id == Some(id) {
        return Err(Error::Conflict("You cannot change your own role or end your own access: ask another administrator.".to_owned()));
    }
    Ok(())
}

/// One change of somebody's account at a time, so that two administrators cannot end each other's access.
async fn take_turn(tx: &impl ConnectionTrait, id: StaffId) -> Result<staff_member::Model, Error> {
    audit::serialise(tx).await?;
    store::member(tx, id).await?.ok_or(Error::NotFound)
}

async fn keep_an_admin(tx: &impl ConnectionTrait, id: StaffId) -> Result<(), Error> {
    if store::count_other_admins(tx, id).await? == 0 {
        return Err(Error::Conflict("She is the last administrator: make somebody else one first.".to_owned()));
    }
    Ok(())
}

/// Whether an invite is for somebody who works here already: then it gives a new password, not a new account.
pub(super) async fn is_known(app: &App, email: Option<&str>) -> Result<bool, Error> {
    match email {
        Some(email) => Ok(store::member_by_email(app.db.read(), email).await?.is_some()),
        None => Ok(false),
    }
}
