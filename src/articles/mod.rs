//! The newsroom: articles, categories, import.
