//! What finance takes away: exports, and `verify`, which recomputes everything.
