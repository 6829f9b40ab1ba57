//! Test parts: origins that misbehave on demand, clients, a request ledger, deadlines.
