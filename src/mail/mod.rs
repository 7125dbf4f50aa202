//! Letters: the outbox, and the ways out of it (SMTP, files).
