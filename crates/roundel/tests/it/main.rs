//! Tests of the whole program, as its users meet it: the real binary, real sockets, real signals.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod admin;
mod cli;
mod demo;
mod golden;
mod lifecycle;
mod reload;
mod site;
mod start;
mod stop;
