//! Whether a caller may have an answer, and what every answer carries.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, REFERRER_POLICY, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::host;
use crate::token::Token;

/// Our own style and icon, nothing else: no scripts, no frames, no forms.
const CONTENT_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; \
     frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// What a caller has to show.
#[derive(Debug)]
pub(crate) struct Guard {
    /// Asked of every caller; `None` asks for nothing but an own `Host`.
    pub(crate) token: Option<Token>,
}

/// Why a caller gets nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// The token is missing or wrong.
    Token,
    /// The request is for a name that is not ours.
    Host,
}

impl Guard {
    /// Judges a request by its target and fields. A right token settles it: a page of another site
    /// cannot present one, so such a request may carry any `Host`, say a container's name.
    fn judge(&self, target: &Uri, fields: &HeaderMap) -> Result<(), Refusal> {
        match &self.token {
            Some(token) => {
                let presented = fields.get(AUTHORIZATION).map(HeaderValue::as_bytes);
                let is_right = presented.is_some_and(|value| token.is_presented_by(value));
                if is_right { Ok(()) } else { Err(Refusal::Token) }
            }
            None if has_own_host(target, fields) => Ok(()),
            None => Err(Refusal::Host),
        }
    }
}

/// Whether there is exactly one `Host` and it is ours, and so is the authority of an absolute-form
/// target, if there is one.
fn has_own_host(target: &Uri, fields: &HeaderMap) -> bool {
    let mut hosts = fields.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    host.to_str().is_ok_and(host::is_own)
        && target.authority().is_none_or(|authority| host::is_own(authority.as_str()))
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Token => (
                StatusCode::UNAUTHORIZED,
                [(WWW_AUTHENTICATE, "Bearer realm=\"roundel\"")],
                "this needs the token of the admin surface: Authorization: Bearer TOKEN\n",
            )
                .into_response(),
            Self::Host => (
                StatusCode::MISDIRECTED_REQUEST,
                "this host name is not served here: use an IP address or `localhost`\n",
            )
                .into_response(),
        }
    }
}

/// Lets a request through to its handler, or answers it.
pub(crate) async fn admit(
    State(guard): State<Arc<Guard>>,
    request: Request,
    next: Next,
) -> Response {
    match guard.judge(request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

/// Adds the fields that every answer carries: not to be kept, guessed at, framed or embedded.
pub(crate) async fn seal(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(guard: &Guard, target: &str, fields: &[(&HeaderName, &str)]) -> Result<(), Refusal> {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        guard.judge(&target.parse().unwrap(), &map)
    }

    #[test]
    fn without_a_token_the_host_decides() {
        let guard = Guard { token: None };
        for (target, hosts, verdict) in [
            ("/", &["127.0.0.1:8090"][..], Ok(())),
            ("/", &["evil.example"], Err(Refusal::Host)),
            ("/", &[], Err(Refusal::Host)),
            ("/", &["127.0.0.1", "127.0.0.1"], Err(Refusal::Host)),
            ("http://127.0.0.1:8090/", &["127.0.0.1:8090"], Ok(())),
            ("http://evil.example/", &["127.0.0.1:8090"], Err(Refusal::Host)),
        ] {
            let fields: Vec<_> = hosts.iter().map(|host| (&HOST, *host)).collect();
            assert_eq!(judge(&guard, target, &fields), verdict, "{target} {hosts:?}");
        }
    }

    #[test]
    fn with_a_token_the_token_decides() {
        let path = std::env::temp_dir().join(format!("roundel-guard-{}", std::process::id()));
        std::fs::write(&path, "s3cret\n").unwrap();
        let guard = Guard { token: Some(Token::read(&path).unwrap()) };
        std::fs::remove_file(&path).unwrap();
        let own = (&HOST, "127.0.0.1");
        let right = (&AUTHORIZATION, "Bearer s3cret");
        assert_eq!(judge(&guard, "/", &[own]), Err(Refusal::Token));
        assert_eq!(judge(&guard, "/", &[own, (&AUTHORIZATION, "Bearer x")]), Err(Refusal::Token));
        assert_eq!(judge(&guard, "/", &[own, right]), Ok(()));
        assert_eq!(judge(&guard, "/", &[(&HOST, "roundel:8090"), right]), Ok(()));
    }
}
