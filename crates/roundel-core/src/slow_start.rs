//! How weight grows after a recovery.
