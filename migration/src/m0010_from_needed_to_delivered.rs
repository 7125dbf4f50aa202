//! Wish items from needed to delivered: every step with who and when, items paid for by many, orders at shops elsewhere, pictures, proofs
//! of delivery.

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
        sql::run(manager, TABLES).await?;
        sql::make_append_only(manager, "wish_step").await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("steps are not undone: restore a backup instead".to_owned()))
    }
}

const TABLES: &str = "
create table picture (
    id @id primary key, hash text not null unique, content_type text not null, bytes @blob not null, width @int not null,
    height @int not null, created_at @time not null);
alter table wish_item add column funding text not null default 'whole' check (funding in ('whole', 'shared'));
alter table wish_item add column cancel_reason text not null default 'none'
    check (cancel_reason in ('none', 'price', 'unavailable', 'border', 'danger', 'not_needed', 'other'));
alter table wish_item add column picture_id @id references picture(id);
alter table wish_item add column picture_text text not null default '';
alter table wish_reservation add column amount_minor @int check (amount_minor > 0);
create index wish_reservation_running_out on wish_reservation (state, expires_at);
create table wish_order (
    id @id primary key, wish_item_id @id not null references wish_item(id), form_token text not null unique,
    quantity @int not null check (quantity >= 1), state text not null check (state in ('held', 'confirmed', 'refused', 'expired')),
    email text not null, language text not null, expires_at @time not null, created_at @time not null, updated_at @time not null);
create index wish_order_by_item on wish_order (wish_item_id, state);
create index wish_order_by_state on wish_order (state, expires_at);
create table wish_step (
    id @serial, wish_item_id @id not null references wish_item(id), at @time not null, kind text not null, quantity @int not null,
    amount_minor @int, donation_id @id references donation(id), order_id @id references wish_order(id),
    undoes_id @int references wish_step(id), staff_id @id, actor text not null, note text not null);
create index wish_step_by_item on wish_step (wish_item_id, kind, id);
create index wish_step_by_kind on wish_step (kind, id);
create table wish_proof (
    id @id primary key, wish_item_id @id not null references wish_item(id), quantity @int not null check (quantity >= 1),
    state text not null check (state in ('waiting', 'released', 'refused', 'withdrawn')),
    withheld boolean not null, picture_id @id references picture(id), picture_text text not null, words text not null, place text not null,
    month @date, made_by @id, made_by_name text not null, decided_by @id, decided_by_name text not null, created_at @time not null,
    decided_at @time);
create index wish_proof_by_item on wish_proof (wish_item_id, state);
create index wish_proof_by_picture on wish_proof (picture_id);
create index wish_item_by_picture on wish_item (picture_id);
insert into wish_step (wish_item_id, at, kind, quantity, donation_id, actor, note)
    select wish_item_id, updated_at, case when state = 'paid' then 'paid' else 'reserved' end, quantity, donation_id, 'supporter',
        'before steps were kept'
    from wish_reservation where state in ('held', 'paid') order by updated_at, id;
";
