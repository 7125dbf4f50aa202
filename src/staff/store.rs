//! Queries over members of staff, their sessions, invites and recovery codes.

use crate::error::Error;
use chrono::{DateTime, Utc};
use entity::{
    ids::{SessionId, StaffId},
    recovery_code, staff_invite, staff_member, staff_session,
    words::Role,
};
use sea_orm::{ActiveValue::Set, ConnectionTrait, ExprTrait, QueryOrder, entity::prelude::*, sea_query::Expr};

/// The member with this address, which must be in lower case.
pub async fn member_by_email(db: &impl ConnectionTrait, email: &str) -> Result<Option<staff_member::Model>, Error> {
    Ok(staff_member::Entity::find().filter(staff_member::Column::Email.eq(email)).one(db).await?)
}

/// The member with this id.
pub async fn member(db: &impl ConnectionTrait, id: StaffId) -> Result<Option<staff_member::Model>, Error> {
    Ok(staff_member::Entity::find_by_id(id).one(db).await?)
}

/// Everybody, by name.
pub async fn members(db: &impl ConnectionTrait) -> Result<Vec<staff_member::Model>, Error> {
    Ok(staff_member::Entity::find().order_by_asc(staff_member::Column::Name).order_by_asc(staff_member::Column::Id).all(db).await?)
}

/// Everybody who can sign in, by name.
pub async fn active_members(db: &impl ConnectionTrait) -> Result<Vec<staff_member::Model>, Error> {
    let active = staff_member::Entity::find().filter(staff_member::Column::DisabledAt.is_null());
    Ok(active.order_by_asc(staff_member::Column::Name).order_by_asc(staff_member::Column::Id).all(db).await?)
}

/// How many members there are, whatever their state.
pub async fn count_members(db: &impl ConnectionTrait) -> Result<u64, Error> {
    Ok(staff_member::Entity::find().count(db).await?)
}

/// How many administrators other than `id` can sign in.
pub async fn count_other_admins(db: &impl ConnectionTrait, id: StaffId) -> Result<u64, Error> {
    let admins = staff_member::Entity::find()
        .filter(staff_member::Column::Role.eq(Role::Admin))
        .filter(staff_member::Column::DisabledAt.is_null())
        .filter(staff_member::Column::Id.ne(id));
    Ok(admins.count(db).await?)
}

/// Takes the step of time as used; false when it, or a later one, was used already.
pub async fn take_step(tx: &impl ConnectionTrait, id: StaffId, step: i64) -> Result<bool, Error> {
    let taken = staff_member::Entity::update_many()
        .col_expr(staff_member::Column::TotpLastStep, Expr::value(step))
        .filter(staff_member::Column::Id.eq(id))
        .filter(staff_member::Column::TotpLastStep.lt(step))
        .exec(tx)
        .await?;
    Ok(taken.rows_affected == 1)
}

/// Takes a recovery code as used; false when there is none such or it was used already.
pub async fn take_recovery_code(tx: &impl ConnectionTrait, id: StaffId, hash: &str, now: DateTime<Utc>) -> Result<bool, Error> {
    let taken = recovery_code::Entity::update_many()
        .col_expr(recovery_code::Column::UsedAt, Expr::value(now))
        .filter(recovery_code::Column::CodeHash.eq(hash))
        .filter(recovery_code::Column::StaffId.eq(id))
        .filter(recovery_code::Column::UsedAt.is_null())
        .exec(tx)
        .await?;
    Ok(taken.rows_affected == 1)
}

/// How many recovery codes are left.
pub async fn count_recovery_codes(db: &impl ConnectionTrait, id: StaffId) -> Result<u64, Error> {
    let left = recovery_code::Entity::find().filter(recovery_code::Column::StaffId.eq(id)).filter(recovery_code::Column::UsedAt.is_null());
    Ok(left.count(db).await?)
}

/// Puts new recovery codes in the place of all earlier ones; `hashes` as [`super::totp::recovery_code_hash`] makes them.
pub async fn replace_recovery_codes(tx: &impl ConnectionTrait, id: StaffId, hashes: Vec<String>) -> Result<(), Error> {
    recovery_code::Entity::delete_many().filter(recovery_code::Column::StaffId.eq(id)).exec(tx).await?;
    if hashes.is_empty() {
        return Ok(());
    }
    let rows = hashes.into_iter().map(|hash| recovery_code::ActiveModel { code_hash: Set(hash), staff_id: Set(id), used_at: Set(None) });
    recovery_code::Entity::insert_many(rows).exec_without_returning(tx).await?;
    Ok(())
}

/// The session behind a cookie's token, with its member, when neither has ended.
pub async fn session_by_token_hash(
    db: &impl ConnectionTrait,
    token_hash: &str,
    now: DateTime<Utc>,
    seen_after: DateTime<Utc>,
) -> Result<Option<(staff_session::Model, staff_member::Model)>, Error> {
    let session = staff_session::Entity::find()
        .filter(staff_session::Column::TokenHash.eq(token_hash))
        .filter(staff_session::Column::ExpiresAt.gt(now))
        .filter(staff_session::Column::LastSeenAt.gt(seen_after))
        .one(db)
        .await?;
    let Some(session) = session else { return Ok(None) };
    let member = member(db, session.staff_id).await?.filter(|member| member.disabled_at.is_none());
    Ok(member.map(|member| (session, member)))
}

/// The sessions of a member that have not ended, the newest first.
pub async fn sessions_of(
    db: &impl ConnectionTrait,
    id: StaffId,
    now: DateTime<Utc>,
    seen_after: DateTime<Utc>,
) -> Result<Vec<staff_session::Model>, Error> {
    Ok(staff_session::Entity::find()
        .filter(staff_session::Column::StaffId.eq(id))
        .filter(staff_session::Column::ExpiresAt.gt(now))
        .filter(staff_session::Column::LastSeenAt.gt(seen_after))
        .order_by_desc(staff_session::Column::CreatedAt)
        .order_by_desc(staff_session::Column::Id)
        .all(db)
        .await?)
}

/// Writes down that a session was used.
pub async fn touch_session(tx: &impl ConnectionTrait, id: SessionId, now: DateTime<Utc>) -> Result<(), Error> {
    let touch = staff_session::Entity::update_many()
        .col_expr(staff_session::Column::LastSeenAt, Expr::value(now))
        .filter(staff_session::Column::Id.eq(id));
    touch.exec(tx).await?;
    Ok(())
}

/// Ends one session of a member; false when it is not hers or has ended.
pub async fn delete_session(tx: &impl ConnectionTrait, owner: StaffId, id: SessionId) -> Result<bool, Error> {
    let one =
        staff_session::Entity::delete_many().filter(staff_session::Column::Id.eq(id)).filter(staff_session::Column::StaffId.eq(owner));
    Ok(one.exec(tx).await?.rows_affected == 1)
}

/// Ends every session of a member but `kept`; says how many.
pub async fn delete_sessions(tx: &impl ConnectionTrait, owner: StaffId, kept: Option<SessionId>) -> Result<u64, Error> {
    let mut all = staff_session::Entity::delete_many().filter(staff_session::Column::StaffId.eq(owner));
    if let Some(kept) = kept {
        all = all.filter(staff_session::Column::Id.ne(kept));
    }
    Ok(all.exec(tx).await?.rows_affected)
}

/// Takes away sessions that can never be used again, so that the table stays as small as the staff.
pub async fn delete_ended_sessions(tx: &impl ConnectionTrait, now: DateTime<Utc>, seen_after: DateTime<Utc>) -> Result<(), Error> {
    let ended = staff_session::Column::ExpiresAt.lte(now).or(staff_session::Column::LastSeenAt.lte(seen_after));
    staff_session::Entity::delete_many().filter(ended).exec(tx).await?;
    Ok(())
}

/// An invite that can still be used.
pub async fn open_invite(db: &impl ConnectionTrait, token_hash: &str, now: DateTime<Utc>) -> Result<Option<staff_invite::Model>, Error> {
    let invite = staff_invite::Entity::find_by_id(token_hash.to_owned())
        .filter(staff_invite::Column::UsedAt.is_null())
        .filter(staff_invite::Column::ExpiresAt.gt(now));
    Ok(invite.one(db).await?)
}

/// Invites that can still be used, the newest first.
pub async fn open_invites(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<Vec<staff_invite::Model>, Error> {
    Ok(staff_invite::Entity::find()
        .filter(staff_invite::Column::UsedAt.is_null())
        .filter(staff_invite::Column::ExpiresAt.gt(now))
        .order_by_desc(staff_invite::Column::CreatedAt)
        .all(db)
        .await?)
}

/// Takes an invite as used; false when somebody was first.
pub async fn take_invite(tx: &impl ConnectionTrait, token_hash: &str, now: DateTime<Utc>) -> Result<bool, Error> {
    let taken = staff_invite::Entity::update_many()
        .col_expr(staff_invite::Column::UsedAt, Expr::value(now))
        .filter(staff_invite::Column::TokenHash.eq(token_hash))
        .filter(staff_invite::Column::UsedAt.is_null())
        .filter(staff_invite::Column::ExpiresAt.gt(now))
        .exec(tx)
        .await?;
    Ok(taken.rows_affected == 1)
}

/// Takes back the invites for an address that were not used.
pub async fn delete_invites_for(tx: &impl ConnectionTrait, email: &str) -> Result<(), Error> {
    let open =
        staff_invite::Entity::delete_many().filter(staff_invite::Column::Email.eq(email)).filter(staff_invite::Column::UsedAt.is_null());
    open.exec(tx).await?;
    Ok(())
}
