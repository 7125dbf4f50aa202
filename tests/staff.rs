//! Members of staff: who is let in, what ends when, who may do what, and that every change leaves a trace that holds.

mod doors;
mod people;
mod sessions;
mod sign_in;
mod trail;
