//! The laws that the fuzz targets hold inputs to.
//!
//! They live with the tests of the crate they are about and are compiled in from there, so that the
//! normal test run holds the corpus to the very same functions.

#[path = "../../crates/roundel-http/tests/http/laws.rs"]
pub mod laws;
#[path = "../../crates/roundel-http/tests/http/reference.rs"]
mod reference;
