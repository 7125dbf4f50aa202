//! Who read what, counted once a day and then forgotten.
