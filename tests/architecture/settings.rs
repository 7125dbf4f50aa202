//! `.env.example` is the list of the settings.
