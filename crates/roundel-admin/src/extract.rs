//! What handlers take from a request; whatever does not fit is answered with a problem.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header::{CONTENT_TYPE, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::guard::Peer;
use crate::problem::{Kind, Problem};

/// A JSON body.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

/// A text body.
#[derive(Debug)]
pub(crate) struct Text(pub(crate) String);

/// A text body, or one in JSON that has the text in it.
#[derive(Debug)]
pub(crate) enum TextOrBody<T> {
    Text(String),
    Body(T),
}

/// Names in the path.
#[derive(Debug)]
pub(crate) struct Names<T>(pub(crate) T);

/// Parameters of the query.
#[derive(Debug)]
pub(crate) struct Parameters<T>(pub(crate) T);

/// Who asks: its address, and the program it says it is.
#[derive(Debug, Clone)]
pub(crate) struct Caller(pub(crate) String);

/// What a caller says of itself is cut here.
const PROGRAM_CHARS_MAX: usize = 64;

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        want_type(request.headers(), &["application/json"])?;
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| refuse_body(&rejection))?;
        // By position would mean something, too, to what reads the keys of an object.
        if bytes.trim_ascii_start().starts_with(b"[") {
            return Err(Problem::new(Kind::Invalid, "the body: an object is wanted, not an array"));
        }
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            let kind = match error.classify() {
                Category::Data => Kind::Invalid,
                Category::Io | Category::Syntax | Category::Eof => Kind::Malformed,
            };
            Problem::new(kind, format!("the body: {error}"))
        })
    }
}

impl<S: Send + Sync> FromRequest<S> for Text {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        want_type(request.headers(), &["text/plain", "application/toml"])?;
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| refuse_body(&rejection))?;
        match String::from_utf8(bytes.into()) {
            Ok(text) => Ok(Self(text)),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let detail = format!("the body is not UTF-8 from byte {at} on");
                Err(Problem::new(Kind::Malformed, detail))
            }
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for TextOrBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if want_type(request.headers(), &["application/json"]).is_ok() {
            let Body(body) = Body::from_request(request, state).await?;
            return Ok(Self::Body(body));
        }
        let Text(text) = Text::from_request(request, state).await?;
        Ok(Self::Text(text))
    }
}

/// A form of another site cannot send these types without asking first (Fetch §3.2.2).
fn want_type(fields: &HeaderMap, wanted: &[&str]) -> Result<(), Problem> {
    let given = fields.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    if wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(essence)) {
        return Ok(());
    }
    let wanted = wanted.join(" or ");
    let detail = format!("the body must be {wanted} (Content-Type), not {essence:?}");
    Err(Problem::new(Kind::MediaType, detail))
}

fn refuse_body(rejection: &BytesRejection) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        Problem::new(Kind::TooLarge, "the body is longer than this path takes")
    } else {
        Problem::new(Kind::Malformed, format!("the body: {}", rejection.body_text()))
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Names<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(names)) => Ok(Self(names)),
            Err(rejection) => {
                Err(Problem::new(Kind::Malformed, format!("the path: {}", rejection.body_text())))
            }
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(parameters)) => Ok(Self(parameters)),
            Err(rejection) => {
                Err(Problem::new(Kind::Malformed, format!("the query: {}", rejection.body_text())))
            }
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let address = parts.extensions.get::<Peer>().map(|peer| peer.0.to_string());
        let address = address.unwrap_or_else(|| "unknown".to_owned());
        let program = parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
        let program = program.and_then(|text| text.split_whitespace().next());
        Ok(Self(match program {
            Some(program) => {
                let program: String = program.chars().take(PROGRAM_CHARS_MAX).collect();
                format!("{address} ({program})")
            }
            None => address,
        }))
    }
}
