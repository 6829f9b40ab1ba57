//! One demo server: a small HTTP service to balance.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::routing::{any, get};
use serde::Deserialize;

use crate::cli::DemoServerArguments;

/// The longest that `/slow` waits.
const SLOW_MAX: Duration = Duration::from_mins(1);

/// Serves until killed.
pub(crate) fn run(arguments: &DemoServerArguments) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let address = (Ipv4Addr::LOCALHOST, arguments.port);
        let listener = tokio::net::TcpListener::bind(address)
            .await
            .with_context(|| format!("{}: port {}", arguments.name, arguments.port))?;
        axum::serve(listener, router(&arguments.name)).await?;
        Ok(ExitCode::SUCCESS)
    })
}

fn router(name: &str) -> Router {
    Router::new()
        .route("/", get(hello))
        .route("/health", get("ok\n"))
        .route("/slow", get(slow))
        .route("/echo", any(echo))
        .route("/status/{code}", any(status))
        .with_state(Arc::from(name))
}

type Name = State<Arc<str>>;

async fn hello(State(name): Name) -> String {
    format!("Hello from {name}\n")
}

#[derive(Debug, Deserialize)]
struct Slow {
    /// How long to wait, in milliseconds.
    #[serde(default)]
    ms: u64,
}

async fn slow(State(name): Name, Query(Slow { ms }): Query<Slow>) -> String {
    let wait = Duration::from_millis(ms).min(SLOW_MAX);
    tokio::time::sleep(wait).await;
    format!("{name} took {} ms\n", wait.as_millis())
}

/// The request as the server received it: what the balancer adds can be seen.
async fn echo(
    State(name): Name,
    method: Method,
    target: Uri,
    fields: HeaderMap,
    body: String,
) -> String {
    let mut text = format!("{name} received\n\n{method} {target}\n");
    for (name, value) in &fields {
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "{name}: {}", String::from_utf8_lossy(value.as_bytes()));
    }
    text.push('\n');
    text.push_str(&body);
    text
}

async fn status(
    State(name): Name,
    Path(code): Path<u16>,
    _: Request,
) -> Result<(StatusCode, String), StatusCode> {
    // Below 200 is not a final status and would leave the client waiting.
    match StatusCode::from_u16(code) {
        Ok(status) if code >= 200 => Ok((status, format!("{name} answers {status}\n"))),
        _ => Err(StatusCode::BAD_REQUEST),
    }
}
