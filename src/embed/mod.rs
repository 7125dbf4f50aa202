//! What other sites show of ours, in a frame: the ask of an article, or a campaign.
//!
//! A frame is a page without script, form and cookie; its links open our own pages outside of it. What it asks for is what the page itself asks for,
//! judged by the same code in the moment in which it is read: when an article stops asking, its frames do so with it. An article that asks for
//! nothing, one that readers do not see and one that never was have the same frame, and nobody is counted as a reader in any.
//! Which sites may show frames is a setting (`EMBED_ORIGINS`); no other page of ours can be framed.

mod oembed;
mod pages;

pub use pages::routes;
