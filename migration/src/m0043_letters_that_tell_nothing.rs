//! Discreet letters: it stands on the letter itself, so that it is not lost with an address; news have a text for them that names nothing;
//! the giving form offers them.

use crate::sql;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Letters that may still leave are what their supporter wants, also those to an address that she had or is to have.
        sql::run(
            manager,
            "alter table letter add column discreet boolean not null default false;
             alter table letter_content add column discreet_text text not null default '';
             alter table letter_content add column discreet_html text not null default '';
             alter table donation add column discreet boolean not null default false;
             update letter set discreet = true where state <> 'sent' and kind <> 'staff_notice' and (
                 to_address in (select email from supporter where supporter.discreet and email <> '')
                 or donation_id in (
                     select donation.id from donation join supporter on supporter.id = donation.supporter_id where supporter.discreet)
                 or to_address in (
                     select old_address from address_change join supporter on supporter.id = supporter_id
                     where supporter.discreet and old_address <> '')
                 or to_address in (
                     select new_address from address_change join supporter on supporter.id = supporter_id
                     where supporter.discreet and new_address <> ''));",
        )
        .await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("steps are not undone: restore a backup instead".to_owned()))
    }
}
