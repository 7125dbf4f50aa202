//! Every job and schedule.
