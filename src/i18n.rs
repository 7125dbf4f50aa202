//! The languages, and how amounts, numbers and dates are written in them.
