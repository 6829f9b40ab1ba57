//! OS processes: spawn, signal, reap.
