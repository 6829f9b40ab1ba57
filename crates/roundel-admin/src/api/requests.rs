//! The request log: the newest exchanges, live ones, and the explanation of one.
#![allow(unused_qualifications, reason = "the macro that describes parameters writes them")]

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use roundel_telemetry::RequestLog;
use roundel_telemetry::request_log::{RequestFilter, RequestFollower, StatusFilter};
use serde::{Deserialize, Serialize};
use tokio::sync::OwnedSemaphorePermit;
use utoipa::IntoParams;

use crate::api::Shared;
use crate::contract::{RequestDetail, RequestSummary, Requests, SampledOut};
use crate::extract::{Names, Parameters};
use crate::problem::{Kind, Problem, ProblemDetails};
use crate::surface::Surface;

/// Without a `limit`.
const LIMIT: usize = 100;
const LIMIT_MAX: usize = 1000;

/// How often a live log looks: soon enough to be live, rarely enough to cost nothing.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Exchanges told in one look; what is beyond is counted as left out.
const TOLD_MAX: usize = 200;

/// A live log that has nothing to tell says so with a comment, so that a dead peer is noticed.
const SILENT_LOOKS_MAX: u32 = 20;

/// Which exchanges.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// Name of the pool.
    pool: Option<String>,
    /// Name of the endpoint of the last attempt.
    endpoint: Option<String>,
    /// A status as `404`, a class as `5xx`, or `none`.
    status: Option<String>,
    /// The method, in any case.
    method: Option<String>,
    /// A part of the path.
    path: Option<String>,
    /// The least whole time in milliseconds.
    #[param(minimum = 0)]
    min_ms: Option<f64>,
    /// How many at most, 100 unless said otherwise; of no meaning to a live log.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

/// The newest requests
///
/// With `Accept: text/event-stream` the live log: `request` a RequestSummary for each exchange as it
/// ends, `sampled` how many were left out because there were too many.
#[utoipa::path(get, path = "/api/v1/requests", tag = "requests", params(Wanted),
    responses(
        (status = 200, description = "Newest first.", body = Requests),
        (status = 404, description = "No request log is kept.", body = ProblemDetails,
         content_type = "application/problem+json"),
        (status = 422, description = "A filter makes no sense.", body = ProblemDetails,
         content_type = "application/problem+json"),
        (status = 503, description = "Too many listen already.", body = ProblemDetails,
         content_type = "application/problem+json")))]
pub(crate) async fn requests(
    State(shared): State<Shared>,
    Parameters(wanted): Parameters<Wanted>,
    fields: HeaderMap,
) -> Result<Response, Problem> {
    let log = kept(&shared.surface)?;
    let limit = wanted.limit.unwrap_or(LIMIT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        let detail = format!("limit: {limit} is not from 1 to {LIMIT_MAX}");
        return Err(Problem::new(Kind::Invalid, detail));
    }
    let filter = filter(wanted)?;
    let is_live = fields.get(ACCEPT).is_some_and(|it| it.as_bytes() == b"text/event-stream");
    if is_live {
        let Some(seat) = shared.hub.seat() else {
            let detail = "too many listen already: close a tab, or try again later";
            return Err(Problem {
                retry_after: Some(10),
                ..Problem::new(Kind::Unavailable, detail)
            });
        };
        return Ok(stream(Live { follower: log.follow(), filter, is_begun: false, _seat: seat }));
    }
    let requests = log.recent(&filter, limit).into_iter().map(RequestSummary::from).collect();
    let capacity = log.capacity() as u64;
    Ok(Json(Requests { requests, sampled_out: log.sampled_out(), capacity }).into_response())
}

/// One request, explained
#[utoipa::path(get, path = "/api/v1/requests/{id}", tag = "requests",
    params(("id" = String, Path, description = "As the list has it.")),
    responses(
        (status = 200, description = "What became of it, and why.", body = RequestDetail),
        (status = 404, description = "It is not kept any more, or never was.",
         body = ProblemDetails, content_type = "application/problem+json")))]
pub(crate) async fn request(
    State(surface): State<Arc<Surface>>,
    Names(id): Names<String>,
) -> Result<Json<RequestDetail>, Problem> {
    match kept(&surface)?.find(&id) {
        Some(detail) => Ok(Json(detail.into())),
        None => Err(Problem::new(Kind::NotFound, format!("request {id:?} is not kept"))),
    }
}

fn kept(surface: &Surface) -> Result<&RequestLog, Problem> {
    let off = || Problem::new(Kind::NotFound, "no request log is kept: see `request_log`");
    surface.request_log.as_ref().ok_or_else(off)
}

/// Reads what is wished for; what makes no sense is refused rather than ignored.
fn filter(wanted: Wanted) -> Result<RequestFilter, Problem> {
    let Wanted { pool, endpoint, status, method, path, min_ms, limit: _ } = wanted;
    let status = status.map(|text| {
        let wrong = || {
            let detail = format!("status: {text:?} is neither a status, a class as 5xx, nor none");
            Problem::new(Kind::Invalid, detail)
        };
        StatusFilter::parse(&text).ok_or_else(wrong)
    });
    let least = Duration::try_from_secs_f64(min_ms.unwrap_or(0.0) / 1000.0);
    let duration_min =
        least.map_err(|error| Problem::new(Kind::Invalid, format!("min_ms: {error}")))?;
    Ok(RequestFilter { pool, endpoint, status: status.transpose()?, method, path, duration_min })
}

/// Somebody who reads the live log.
struct Live {
    follower: RequestFollower,
    filter: RequestFilter,
    is_begun: bool,
    /// Held for as long as they read.
    _seat: OwnedSemaphorePermit,
}

impl Live {
    /// What is new, as frames; waits until there is something. The first answer comes at once, so
    /// that the reader knows to be connected.
    async fn next(&mut self) -> Bytes {
        if !std::mem::replace(&mut self.is_begun, true) {
            return Bytes::from_static(b": live\n\n");
        }
        for _ in 0..SILENT_LOOKS_MAX {
            tokio::time::sleep(LOOK_EVERY).await;
            let frames = self.look();
            if !frames.is_empty() {
                return frames.into();
            }
        }
        Bytes::from_static(b": nothing\n\n")
    }

    fn look(&mut self) -> String {
        let mut followed = self.follower.poll(&self.filter);
        let beyond = followed.requests.len().saturating_sub(TOLD_MAX);
        let told = followed.requests.drain(beyond..).map(RequestSummary::from);
        let mut frames: String = told.map(|request| frame("request", &request)).collect();
        let sampled_out = followed.sampled_out + followed.missed + beyond as u64;
        if sampled_out > 0 {
            frames.push_str(&frame("sampled", &SampledOut { sampled_out }));
        }
        frames
    }
}

fn frame(event: &str, data: &impl Serialize) -> String {
    let mut frame = String::new();
    // These types have string keys alone and no infinite numbers, so they are always JSON.
    if let Ok(json) = serde_json::to_string(data) {
        // Writing to a `String` cannot fail.
        let _ = write!(frame, "event: {event}\ndata: {json}\n\n");
    }
    frame
}

fn stream(live: Live) -> Response {
    let frames = futures_util::stream::unfold(live, |mut live| async move {
        let bytes = live.next().await;
        Some((Ok::<Bytes, std::convert::Infallible>(bytes), live))
    });
    ([(CONTENT_TYPE, "text/event-stream")], Body::from_stream(frames)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_read_and_nonsense_is_refused() {
        let wanted = |status: &str, min_ms| Wanted {
            status: Some(status.to_owned()),
            min_ms,
            ..Wanted::default()
        };
        let read = filter(wanted("5xx", Some(1.5))).unwrap();
        assert_eq!(read.status, Some(StatusFilter::Class(5)));
        assert_eq!(read.duration_min, Duration::from_micros(1500));
        for wrong in [wanted("9xx", None), wanted("404", Some(-1.0)), wanted("404", Some(f64::NAN))]
        {
            assert_eq!(filter(wrong).unwrap_err().kind, Kind::Invalid);
        }
    }
}
