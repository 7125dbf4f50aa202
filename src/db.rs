//! The database: one writer and several readers on SQLite, a pool on PostgreSQL, transactions that retry.
