//! Tests of the whole program, as its users meet it: the real binary, real sockets, real signals.

mod admin;
mod cli;
mod demo;
mod golden;
mod lifecycle;
