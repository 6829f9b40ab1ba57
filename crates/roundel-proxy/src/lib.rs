//! The data plane: workers, exchanges, idle connections, relay.
