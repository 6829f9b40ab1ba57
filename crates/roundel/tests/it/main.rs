//! Tests of the whole program, as its users meet it: the real binary, real sockets, real signals.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod admin;
mod api;
mod api_act;
mod api_apps;
mod api_docs;
mod api_read;
mod api_schema;
mod apps;
mod autoscale;
mod balance;
mod bulk;
mod cli;
mod client;
mod clock;
mod curl;
mod demo;
mod docker;
mod example;
mod failover;
mod flask;
mod golden;
mod health;
mod kubernetes;
mod lifecycle;
mod logs;
mod metrics;
mod origin_process;
mod outlier;
mod quick;
mod reload;
mod scene;
mod site;
mod start;
mod stop;
mod websocket;
