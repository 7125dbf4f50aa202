//! Numbered without gaps, never edited.
