//! Which campaigns and wish items stand on which article.
