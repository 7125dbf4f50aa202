//! All tests, in one binary because linking dominates the time of a test run: one file per slice, named as the slice.

mod support;

mod architecture;
mod articles;
mod asks;
mod attachments;
mod browser;
mod campaigns;
mod canary;
mod cli;
mod consents;
mod db;
mod demo;
mod desk;
mod donations;
mod donations_desk;
mod genuine;
mod gift_aid;
mod jobs;
mod ledger;
mod matching;
mod mail;
mod payments;
mod payouts;
mod readers;
mod personal_data;
mod portal;
mod privacy;
mod promises;
mod receipts;
mod recurring;
mod reports;
mod staff;
mod supporters;
mod web;
mod wishes;
