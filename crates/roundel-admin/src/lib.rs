//! The admin surface: stats, metrics, health.
