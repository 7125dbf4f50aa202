//! Pages: layout, forms, extractors, security headers, assets.
