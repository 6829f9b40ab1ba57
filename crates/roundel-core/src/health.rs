//! What probes found, and how a verdict changes.
