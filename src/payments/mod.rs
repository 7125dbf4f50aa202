//! Stripe: what we ask of it, what it tells us, and the stand-in that answers in its place.
