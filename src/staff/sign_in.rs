//! Signing in: a password, then a code; enrolment of the second factor; and what one may change of one's own account.

use super::{
    attempts::{Attempt, Wait},
    audit::{self, Actor},
    password,
    people::normal_email,
    session::{self, SignedIn},
    store,
    totp::{self, TotpSecret},
};
use crate::{app::App, error::Error, web::qr::Picture};
use entity::{ids::SessionId, staff_member};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ConnectionTrait};
use serde_json::json;
use std::net::IpAddr;

/// What came of an attempt.
pub enum Outcome<T> {
    /// It was right.
    Right(T),
    /// It was wrong; nothing says which part.
    Wrong,
    /// Too many were wrong: this one was not looked at.
    Wait(Wait),
}

/// Gives the first factor. Right: the token of a session that has yet to give the second, and whether she is enrolled.
/// An unknown address costs the same time and gets the same answer as a wrong password.
pub async fn sign_in(app: &App, email: &str, password: String, network: IpAddr) -> Result<Outcome<(String, bool)>, Error> {
    let email = normal_email(email);
    let attempt = match Attempt::with_password(app, &email, network) {
        Ok(attempt) => attempt,
        Err(wait) => return Ok(Outcome::Wait(wait)),
    };
    let member = store::member_by_email(app.db.read(), &email).await?.filter(|member| member.disabled_at.is_none());
    if password.chars().count() > password::CHARACTERS_MAX {
        password::verify(String::new(), None).await?;
        return Ok(Outcome::Wrong);
    }
    let right = password::verify(password, member.as_ref().map(|member| member.password_hash.clone())).await?;
    let Some(member) = member.filter(|_| right) else { return Ok(Outcome::Wrong) };
    attempt.forgive();
    let (token, now) = (app.random.token(), app.now());
    app.db.write(async |tx| session::open(tx, now, app.new_id(), member.id, &token, false).await).await?;
    Ok(Outcome::Right((token, member.totp_secret.is_some())))
}

/// Gives the second factor: a code of the phone, or a recovery code. Right: the token of the session that is let in,
/// which takes the place of the half-open one. The fifth wrong code ends the half-open session.
pub async fn give_code(app: &App, who: &SignedIn, typed: &str) -> Result<Outcome<String>, Error> {
    let Some(sealed) = &who.staff.totp_secret else { return Err(Error::Conflict("there is no second factor yet".to_owned())) };
    let id = who.staff.id;
    let attempt = match Attempt::of_member(app, "code", &id.to_string()) {
        Ok(attempt) => attempt,
        Err(wait) => {
            app.db.write(async |tx| store::delete_session(tx, id, who.session.id).await).await?;
            return Ok(Outcome::Wait(wait));
        }
    };
    let now = app.now();
    let secret = TotpSecret::open(sealed, &app.key(totp::KEY_LABEL), &id.to_string())?;
    let step = secret.step_of(typed, now, who.staff.totp_last_step)?;
    let recovery = totp::recovery_code_hash(typed);
    let token = app.random.token();
    let right = app
        .db
        .write(async |tx| {
            let with = match (step, &recovery) {
                (Some(step), _) if store::take_step(tx, id, step).await? => "code",
                (None, Some(hash)) if store::take_recovery_code(tx, id, hash, now).await? => "recovery code",
                _ => return Ok(false),
            };
            if !store::delete_session(tx, id, who.session.id).await? {
                return Ok(false);
            }
            session::open(tx, now, app.new_id(), id, &token, true).await?;
            let detail = json!({"with": with, "recovery_codes_left": store::count_recovery_codes(tx, id).await?});
            audit::record(tx, now, &actor(&who.staff), "staff.sign-in", "staff", &id.to_string(), detail).await?;
            Ok(true)
        })
        .await?;
    if right {
        attempt.forgive();
        Ok(Outcome::Right(token))
    } else {
        Ok(Outcome::Wrong)
    }
}

/// A second factor that is offered and not yet taken up.
pub struct Enrolment {
    /// For typing into a phone.
    pub text: String,
    /// For scanning.
    pub picture: Picture,
    /// The secret sealed for this session: the form brings it back, so that nothing is stored before the first code is right.
    pub sealed: String,
}

/// Offers a second factor. Who has one already must have given her password again first.
pub fn begin_enrolment(app: &App, who: &SignedIn) -> Result<Enrolment, Error> {
    offer(app, who, &TotpSecret::new(&app.random))
}

/// Offers the same second factor once more, after a wrong code.
pub fn repeat_enrolment(app: &App, who: &SignedIn, sealed: &str) -> Result<Enrolment, Error> {
    offer(app, who, &open_offer(app, who, sealed)?)
}

fn offer(app: &App, who: &SignedIn, secret: &TotpSecret) -> Result<Enrolment, Error> {
    Ok(Enrolment {
        text: secret.as_text(),
        picture: secret.picture(&app.config.org_name, &who.staff.email)?,
        sealed: secret.seal(&app.key(totp::KEY_LABEL), &offered_to(who.session.id), &app.random)?,
    })
}

fn open_offer(app: &App, who: &SignedIn, sealed: &str) -> Result<TotpSecret, Error> {
    TotpSecret::open(sealed, &app.key(totp::KEY_LABEL), &offered_to(who.session.id))
        .map_err(|_| Error::Invalid("this page is too old: begin again with a new picture".to_owned()))
}

fn offered_to(session: SessionId) -> String {
    format!("offered to session {session}")
}

/// Takes the offered second factor up, when the code shows that the phone has it. Right: the token of a new session, all
/// others having ended, and ten recovery codes that are shown once.
pub async fn finish_enrolment(app: &App, who: &SignedIn, sealed: &str, code: &str) -> Result<Outcome<(String, Vec<String>)>, Error> {
    if who.staff.totp_secret.is_some() && !who.session.verified {
        return Err(Error::Forbidden("Give the code of the second factor that you have.".to_owned()));
    }
    let (now, id) = (app.now(), who.staff.id);
    let attempt = match Attempt::of_member(app, "enrolment", &id.to_string()) {
        Ok(attempt) => attempt,
        Err(wait) => return Ok(Outcome::Wait(wait)),
    };
    let secret = open_offer(app, who, sealed)?;
    let Some(step) = secret.step_of(code, now, 0)? else { return Ok(Outcome::Wrong) };
    attempt.forgive();
    let own_seal = secret.seal(&app.key(totp::KEY_LABEL), &id.to_string(), &app.random)?;
    let (token, codes) = (app.random.token(), totp::new_recovery_codes(&app.random));
    app.db
        .write(async |tx| {
            let mut changed: staff_member::ActiveModel = store::member(tx, id).await?.ok_or(Error::NotFound)?.into();
            changed.totp_secret = Set(Some(own_seal.clone()));
            changed.totp_last_step = Set(step);
            changed.updated_at = Set(now);
            changed.update(tx).await?;
            store::replace_recovery_codes(tx, id, codes.iter().filter_map(|code| totp::recovery_code_hash(code)).collect()).await?;
            restart_session(tx, app, who, &token).await?;
            audit::record(tx, now, &actor(&who.staff), "staff.second-factor", "staff", &id.to_string(), json!({})).await
        })
        .await?;
    Ok(Outcome::Right((token, codes)))
}

/// Whether the password of somebody who is signed in was typed again rightly.
pub async fn confirm_password(app: &App, who: &SignedIn, typed: String) -> Result<Outcome<()>, Error> {
    let attempt = match Attempt::of_member(app, "password again", &who.staff.id.to_string()) {
        Ok(attempt) => attempt,
        Err(wait) => return Ok(Outcome::Wait(wait)),
    };
    let bounded = typed.chars().count() <= password::CHARACTERS_MAX;
    let stored = Some(who.staff.password_hash.clone()).filter(|_| bounded);
    if !password::verify(if bounded { typed } else { String::new() }, stored).await? {
        return Ok(Outcome::Wrong);
    }
    attempt.forgive();
    Ok(Outcome::Right(()))
}

/// Changes one's own password, which was judged by [`password::check`]. Every session ends; the token is of the new one.
pub async fn change_password(app: &App, who: &SignedIn, new: String) -> Result<String, Error> {
    let hash = password::hash(new, &app.random).await?;
    let (now, id, token) = (app.now(), who.staff.id, app.random.token());
    app.db
        .write(async |tx| {
            let mut changed: staff_member::ActiveModel = store::member(tx, id).await?.ok_or(Error::NotFound)?.into();
            changed.password_hash = Set(hash.clone());
            changed.updated_at = Set(now);
            changed.update(tx).await?;
            restart_session(tx, app, who, &token).await?;
            audit::record(tx, now, &actor(&who.staff), "staff.password", "staff", &id.to_string(), json!({})).await
        })
        .await?;
    Ok(token)
}

/// Puts ten new recovery codes in the place of the earlier ones.
pub async fn renew_recovery_codes(app: &App, who: &SignedIn) -> Result<Vec<String>, Error> {
    let (now, id, codes) = (app.now(), who.staff.id, totp::new_recovery_codes(&app.random));
    app.db
        .write(async |tx| {
            store::replace_recovery_codes(tx, id, codes.iter().filter_map(|code| totp::recovery_code_hash(code)).collect()).await?;
            audit::record(tx, now, &actor(&who.staff), "staff.recovery-codes", "staff", &id.to_string(), json!({})).await
        })
        .await?;
    Ok(codes)
}

/// Ends one of one's own sessions.
pub async fn end_session(app: &App, who: &SignedIn, session: SessionId) -> Result<(), Error> {
    let (now, id) = (app.now(), who.staff.id);
    app.db
        .write(async |tx| {
            if !store::delete_session(tx, id, session).await? {
                return Err(Error::NotFound);
            }
            audit::record(tx, now, &actor(&who.staff), "staff.session-end", "staff", &id.to_string(), json!({"sessions": 1})).await
        })
        .await
}

/// Ends all of one's own sessions but the present one.
pub async fn end_other_sessions(app: &App, who: &SignedIn) -> Result<(), Error> {
    let (now, id) = (app.now(), who.staff.id);
    app.db
        .write(async |tx| {
            let ended = store::delete_sessions(tx, id, Some(who.session.id)).await?;
            audit::record(tx, now, &actor(&who.staff), "staff.session-end", "staff", &id.to_string(), json!({"sessions": ended})).await
        })
        .await
}

/// Signs out: the present session ends.
pub async fn sign_out(app: &App, who: &SignedIn) -> Result<(), Error> {
    app.db.write(async |tx| store::delete_session(tx, who.staff.id, who.session.id).await).await?;
    Ok(())
}

/// A change of what one signs in with ends every session and opens one anew; a session that was ended while its form was on the way
/// opens nothing.
async fn restart_session(tx: &impl ConnectionTrait, app: &App, who: &SignedIn, token: &str) -> Result<(), Error> {
    if !store::delete_session(tx, who.staff.id, who.session.id).await? {
        return Err(Error::SignInNeeded);
    }
    store::delete_sessions(tx, who.staff.id, None).await?;
    session::open(tx, app.now(), app.new_id(), who.staff.id, token, who.session.verified || who.staff.totp_secret.is_none()).await
}

fn actor(staff: &staff_member::Model) -> Actor {
    Actor { staff_id: Some(staff.id), name: staff.name.clone() }
}
