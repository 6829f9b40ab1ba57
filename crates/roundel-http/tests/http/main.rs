//! Tests of the HTTP/1 codec from outside: a corpus of cases, and laws that hold for every input.
//!
//! The laws are plain functions, which the fuzz targets call too.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod corpus;
mod disguises;
mod laws;
mod properties;
mod reference;
