//! The steps that build the database, one file each. A step never imports the entities: history must not change with them.

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::prelude::*;

mod m0001_from_an_article_to_a_receipt;
mod m0002_money_that_comes_back_and_moves_on;
mod m0004_what_was_found_when_everything_was_checked;
mod m0005_monthly_and_yearly_gifts;
mod m0006_reports;
mod m0007_receipts_for_life;
mod m0008_gifts_without_an_address;
mod m0009_find_what_came_back;
mod m0010_from_needed_to_delivered;
mod m0011_letters_at_scale;
mod m0017_deposits_and_declarations_on_paper;
mod m0018_a_million_movements;
mod m0021_promises;
mod m0022_updates;
mod m0024_matching_pots;
mod m0025_the_life_of_a_campaign;
mod m0026_no_gift_below_nothing;
mod m0028_what_was_read_in_whole;
mod m0029_the_article_drives_the_ask;
mod m0030_is_this_really_you;
mod m0031_forgetting;
mod m0032_another_address;
mod m0033_the_key_of_addresses;
mod m0034_lists_at_once;
mod m0036_money_kept_apart_and_paid_in_parts;
mod m0037_who_ordered;
mod m0038_who_answers_late;
mod m0039_the_whole_chain;
mod m0040_codes_as_they_were;
mod m0041_who_pays_late;
mod m0043_letters_that_tell_nothing;
mod m0044_what_was_settled_before;
mod m0045_money_that_comes_back_to_a_promise;
mod m0048_statements_of_a_supporter;
mod sql;

/// Runs the steps, in order.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_from_an_article_to_a_receipt::Migration),
            Box::new(m0002_money_that_comes_back_and_moves_on::Migration),
            Box::new(m0004_what_was_found_when_everything_was_checked::Migration),
            Box::new(m0005_monthly_and_yearly_gifts::Migration),
            Box::new(m0006_reports::Migration),
            Box::new(m0007_receipts_for_life::Migration),
            Box::new(m0008_gifts_without_an_address::Migration),
            Box::new(m0009_find_what_came_back::Migration),
            Box::new(m0010_from_needed_to_delivered::Migration),
            Box::new(m0011_letters_at_scale::Migration),
            Box::new(m0017_deposits_and_declarations_on_paper::Migration),
            Box::new(m0018_a_million_movements::Migration),
            Box::new(m0021_promises::Migration),
            Box::new(m0022_updates::Migration),
            Box::new(m0024_matching_pots::Migration),
            Box::new(m0025_the_life_of_a_campaign::Migration),
            Box::new(m0026_no_gift_below_nothing::Migration),
            Box::new(m0028_what_was_read_in_whole::Migration),
            Box::new(m0029_the_article_drives_the_ask::Migration),
            Box::new(m0030_is_this_really_you::Migration),
            Box::new(m0031_forgetting::Migration),
            Box::new(m0032_another_address::Migration),
            Box::new(m0033_the_key_of_addresses::Migration),
            Box::new(m0034_lists_at_once::Migration),
            Box::new(m0036_money_kept_apart_and_paid_in_parts::Migration),
            Box::new(m0037_who_ordered::Migration),
            Box::new(m0038_who_answers_late::Migration),
            Box::new(m0039_the_whole_chain::Migration),
            Box::new(m0040_codes_as_they_were::Migration),
            Box::new(m0041_who_pays_late::Migration),
            Box::new(m0043_letters_that_tell_nothing::Migration),
            Box::new(m0044_what_was_settled_before::Migration),
            Box::new(m0045_money_that_comes_back_to_a_promise::Migration),
            Box::new(m0048_statements_of_a_supporter::Migration),
        ]
    }
}
