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
mod demo;
mod desk;
mod donations;
mod donations_desk;
mod gift_aid;
mod jobs;
mod ledger;
mod mail;
mod payments;
mod payouts;
mod readers;
mod portal;
mod promises;
mod receipts;
mod recurring;
mod reports;
mod staff;
mod supporters;
mod updates;
mod web;
mod wishes;
