//! Double-entry, append-only: the figures everything else is computed from.
