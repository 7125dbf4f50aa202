//! A sample newsroom, made through the real code.
