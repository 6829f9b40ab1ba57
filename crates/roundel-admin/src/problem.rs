//! How the surface says no: problem details (RFC 9457), one shape for every refusal.
//!
//! `type` is a stable name that programs may go by; `detail` is for the person who reads it, and
//! names the thing, the value and the limit.

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use roundel_control::{AppError, IntentError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::contract::ConfigFault;

/// A refusal, as `application/problem+json` (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProblemDetails {
    /// A stable name of the kind of problem, as `urn:roundel:problem:not_found`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of problem in words.
    pub title: String,
    /// The status of the response.
    pub status: u16,
    /// What is wrong this time.
    pub detail: String,
    /// Everything that is wrong with a configuration; null for other problems.
    pub errors: Option<Vec<ConfigFault>>,
}

/// Why a request gets nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) kind: Kind,
    pub(crate) detail: String,
    pub(crate) errors: Option<Vec<ConfigFault>>,
    /// Seconds until it is worth trying again.
    pub(crate) retry_after: Option<u64>,
    /// Whether it is in the audit log already.
    pub(crate) is_audited: bool,
}

/// Goes with the response of a problem, for those that see it pass.
#[derive(Debug, Clone)]
pub(crate) struct Refused {
    pub(crate) kind: Kind,
    pub(crate) detail: String,
    pub(crate) is_audited: bool,
}

/// The kinds of problem there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// The request cannot be read.
    Malformed,
    /// The token is missing or wrong.
    Token,
    /// A page of another site asks.
    Origin,
    /// There is no such thing.
    NotFound,
    /// The method does not fit.
    Method,
    /// What is wished for cannot be now.
    Conflict,
    /// The body is too large.
    TooLarge,
    /// The body is of another type than wanted.
    MediaType,
    /// The name in `Host` is not ours.
    Host,
    /// The body can be read but makes no sense.
    Invalid,
    /// Too much is asked.
    TooMany,
    /// Roundel itself failed.
    Internal,
    /// It cannot be done at present.
    Unavailable,
}

impl Kind {
    const fn status(self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Token => StatusCode::UNAUTHORIZED,
            Self::Origin => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Host => StatusCode::MISDIRECTED_REQUEST,
            Self::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Malformed => ("malformed", "The request cannot be read"),
            Self::Token => ("token", "A token is needed"),
            Self::Origin => ("origin", "Requests of other sites are refused"),
            Self::NotFound => ("not_found", "There is no such thing"),
            Self::Method => ("method", "The method does not fit"),
            Self::Conflict => ("conflict", "That cannot be now"),
            Self::TooLarge => ("too_large", "The body is too large"),
            Self::MediaType => ("media_type", "The body is of the wrong type"),
            Self::Host => ("host", "This host is not served here"),
            Self::Invalid => ("invalid", "The request makes no sense"),
            Self::TooMany => ("too_many", "Too many requests"),
            Self::Internal => ("internal", "Roundel failed"),
            Self::Unavailable => ("unavailable", "That cannot be done at present"),
        }
    }
}

impl Problem {
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), errors: None, retry_after: None, is_audited: false }
    }

    /// There is no `what` called `name`; `known` are those there are.
    pub(crate) fn unknown<'a>(
        what: &str,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        let hint = roundel_config::nearest(name, known)
            .map_or_else(String::new, |near| format!("; did you mean {near:?}?"));
        Self::new(Kind::NotFound, format!("there is no {what} called {name:?}{hint}"))
    }

    /// The control plane has ended.
    pub(crate) fn stopping() -> Self {
        Self::new(Kind::Unavailable, "Roundel is stopping: nothing can be changed any more")
    }
}

impl From<IntentError> for Problem {
    fn from(error: IntentError) -> Self {
        let kind = match error {
            IntentError::NoPool(_) | IntentError::NoEndpoint { .. } => Kind::NotFound,
            IntentError::Weight(_) | IntentError::Name { .. } | IntentError::Address(_) => {
                Kind::Invalid
            }
            IntentError::Taken { .. }
            | IntentError::Provided { .. }
            | IntentError::Leaving(_)
            | IntentError::Full => Kind::Conflict,
            IntentError::NotSaved { .. } => Kind::Unavailable,
            IntentError::App(error) => return error.into(),
            IntentError::Stopped(_) => return Self::stopping(),
        };
        Self::new(kind, error.to_string())
    }
}

impl From<AppError> for Problem {
    fn from(error: AppError) -> Self {
        let kind = match error {
            AppError::NoApp(_) | AppError::NoInstance { .. } => Kind::NotFound,
            AppError::OutOfBounds { .. } => Kind::Invalid,
            AppError::Stopped(_) => return Self::stopping(),
        };
        Self::new(kind, error.to_string())
    }
}

impl From<roundel_control::Stopped> for Problem {
    fn from(_: roundel_control::Stopped) -> Self {
        Self::stopping()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (code, title) = self.kind.words();
        let status = self.kind.status();
        let Self { kind, is_audited, .. } = self;
        let refused = Refused { kind, detail: self.detail.clone(), is_audited };
        let details = ProblemDetails {
            kind: format!("urn:roundel:problem:{code}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: self.detail,
            errors: self.errors,
        };
        let mut response = (status, Json(details)).into_response();
        response.extensions_mut().insert(refused);
        let fields = response.headers_mut();
        fields.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.kind == Kind::Token {
            let challenge = HeaderValue::from_static("Bearer realm=\"roundel\"");
            fields.insert(WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = self.retry_after {
            fields.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// Answers for a path that nothing is at.
pub(crate) async fn not_found() -> Problem {
    Problem::new(Kind::NotFound, "nothing here: see /openapi.json for what there is")
}

/// Answers for a method that a path does not take; `Allow` says which it does.
pub(crate) async fn method_not_allowed() -> Problem {
    Problem::new(Kind::Method, "this path takes other methods: see the field Allow")
}
