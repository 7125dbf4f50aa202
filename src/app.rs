//! What every part shares: settings, database, clock, random source, mailer, Stripe.
