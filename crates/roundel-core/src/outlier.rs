//! When real traffic takes an endpoint out, and for how long.
