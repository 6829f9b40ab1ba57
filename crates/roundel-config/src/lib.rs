//! From text to a validated configuration; the only place that knows syntax and defaults.
//!
//! [`load`] reads one TOML file and returns either a [`Config`] that is complete and correct, or
//! everything that is wrong with it, each with its place. [`quick`] makes the same from addresses on
//! a command line. [`json_schema`] and [`reference()`] describe the file; they come from the same
//! definitions that read it (see `section`). [`describe`] tells in words what a `Config` does.
//!
//! Opens no file, reads no environment and resolves no host name: text, file name and environment
//! are arguments.

mod check;
mod describe;
mod diagnostic;
mod expand;
mod fields;
mod kind;
mod load;
pub mod model;
mod quick;
mod reference;
mod schema;
mod section;
mod sections;
mod suggest;
mod template;
mod units;

pub use describe::describe;
pub use diagnostic::{Diagnostic, Diagnostics, Severity, Shown};
pub use load::{Loaded, load};
pub use model::Config;
pub use quick::quick;
pub use reference::reference;
pub use schema::json_schema;
pub use suggest::nearest;
pub use template::{Facts, Placeholder, Template};
