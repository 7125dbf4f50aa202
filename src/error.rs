//! The one error value, and what each kind means to a person and to a program.
