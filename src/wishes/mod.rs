//! Wish items: needed, reserved, paid.
