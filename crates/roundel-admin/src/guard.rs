//! Whether a caller may have an answer, and what every answer carries.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, ORIGIN, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::crowd::Guest;
use crate::host;
use crate::problem::{Kind, Problem};
use crate::rate::{Budget, CHECKS, MUTATIONS, WrongTokens};
use crate::token::Token;

/// The dashboard's own scripts, styles, images and requests; nothing from elsewhere, nothing
/// inline, no frames, no forms.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; connect-src 'self'; font-src 'self'; manifest-src 'self'; \
     frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// Where a configuration is checked (see [`crate::api`]).
const CHECK_PATH: &str = "/api/v1/config/check";

/// What a caller has to show, and how often it may ask.
#[derive(Debug)]
pub(crate) struct Guard {
    /// Asked of every caller; `None` asks for nothing but an own `Host`.
    token: Option<Token>,
    mutations: Budget,
    checks: Budget,
    wrong_tokens: Mutex<WrongTokens>,
}

/// The address of the caller.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

impl Guard {
    pub(crate) fn new(token: Option<Token>) -> Self {
        Self {
            token,
            mutations: Budget::new(MUTATIONS, Instant::now()),
            checks: Budget::new(CHECKS, Instant::now()),
            wrong_tokens: Mutex::default(),
        }
    }

    /// Judges a request for what shows or changes anything. A right token settles the `Host`: a
    /// page of another site cannot present one, so such a request may carry any, say a container's
    /// name.
    fn judge(&self, request: &Request, now: Instant) -> Result<(), Problem> {
        let fields = request.headers();
        match &self.token {
            Some(token) => self.judge_token(token, peer_of(request), fields, now)?,
            None => judge_host(request.uri(), fields)?,
        }
        let is_mutation = !matches!(*request.method(), Method::GET | Method::HEAD);
        judge_origin(fields, is_mutation)?;
        if !is_mutation {
            return Ok(());
        }
        // A check changes nothing, so it must not hold up what does.
        let (budget, what) = match request.uri().path() {
            CHECK_PATH => (&self.checks, "too many checks"),
            _ => (&self.mutations, "too many changes"),
        };
        budget.take(now).map_err(|wait| too_many(what, wait))
    }

    fn judge_token(
        &self,
        token: &Token,
        peer: Option<IpAddr>,
        fields: &HeaderMap,
        now: Instant,
    ) -> Result<(), Problem> {
        let presented = fields.get(AUTHORIZATION).map(HeaderValue::as_bytes);
        // Before anything is counted: many may share an address, and one of them guessing must not
        // lock out the one who knows.
        if presented.is_some_and(|value| token.is_presented_by(value)) {
            return Ok(());
        }
        let mut wrong = self.wrong_tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(wait) = peer.and_then(|peer| wrong.wait(peer, now)) {
            return Err(too_many("too many wrong tokens from this address", wait));
        }
        // A browser that has no token yet does not guess.
        if let (Some(peer), Some(_)) = (peer, presented) {
            wrong.note(peer, now);
        }
        let detail = match presented {
            Some(_) => "the token that was sent is not the one of this admin surface",
            None => "this needs the token of the admin surface: Authorization: Bearer TOKEN",
        };
        Err(Problem::new(Kind::Token, detail))
    }
}

fn peer_of(request: &Request) -> Option<IpAddr> {
    request.extensions().get::<Peer>().map(|peer| peer.0)
}

fn too_many(what: &str, wait: Duration) -> Problem {
    let seconds = wait.as_secs_f64().ceil().max(1.0);
    let detail = format!("{what}: try again in {seconds} s");
    #[allow(clippy::cast_sign_loss, reason = "at least one")]
    let retry_after = Some(seconds as u64);
    Problem { retry_after, ..Problem::new(Kind::TooMany, detail) }
}

/// Refuses unless there is exactly one `Host` and it is ours, and so is the authority of an
/// absolute-form target, if there is one.
fn judge_host(target: &Uri, fields: &HeaderMap) -> Result<(), Problem> {
    let mut hosts = fields.get_all(HOST).iter();
    let (host, more) = (hosts.next(), hosts.next());
    let is_own = more.is_none()
        && host.is_some_and(|host| host.to_str().is_ok_and(host::is_own))
        && target.authority().is_none_or(|authority| host::is_own(authority.as_str()));
    if is_own {
        return Ok(());
    }
    let detail = "this host name is not served here: use an IP address or `localhost`";
    Err(Problem::new(Kind::Host, detail))
}

/// Refuses what a page of another site makes a browser send. It could not read the answer, as no
/// answer here allows it to, but a change would have been made.
fn judge_origin(fields: &HeaderMap, is_mutation: bool) -> Result<(), Problem> {
    let host = fields.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let is_own = |origin: &HeaderValue| {
        let origin = origin.to_str().unwrap_or_default();
        let authority = origin.strip_prefix("http://").or(origin.strip_prefix("https://"));
        authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
    };
    if !fields.get_all(ORIGIN).iter().all(is_own) {
        let detail = "the field Origin names another site than this one";
        return Err(Problem::new(Kind::Origin, detail));
    }
    let site = fields.get("sec-fetch-site").map(HeaderValue::as_bytes);
    if is_mutation && !matches!(site, None | Some(b"same-origin" | b"none")) {
        let detail = "the browser says that a page of another site asks (Sec-Fetch-Site)";
        return Err(Problem::new(Kind::Origin, detail));
    }
    Ok(())
}

/// Lets a request through to its handler, or answers it.
pub(crate) async fn admit(
    State(guard): State<Arc<Guard>>,
    request: Request,
    next: Next,
) -> Response {
    match guard.judge(&request, Instant::now()) {
        Ok(()) => {
            let guest = request.extensions().get::<Arc<Guest>>().cloned();
            if let Some(guest) = guest {
                guest.admit().await;
            }
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

/// The same for what is the same for everybody: no token is asked for, since a page must load
/// before it can ask a person for one.
pub(crate) async fn admit_public(
    State(guard): State<Arc<Guard>>,
    request: Request,
    next: Next,
) -> Response {
    let is_asked = guard.token.is_none();
    match judge_host(request.uri(), request.headers()) {
        Err(problem) if is_asked => problem.into_response(),
        _ => next.run(request).await,
    }
}

/// Adds the fields that every answer carries: not to be kept, guessed at, framed or embedded. How
/// long an answer is kept and what a page may load, its handler may have said already.
pub(crate) async fn seal(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let fields = response.headers_mut();
    fields.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        fields.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests;
