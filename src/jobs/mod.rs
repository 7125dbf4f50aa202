//! Work that outlives a request: a table, leases, retries, schedules.
