//! The stream of what happens.
#![allow(unused_qualifications, reason = "the macro that describes parameters writes them")]

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::Shared;
use crate::extract::Parameters;
use crate::hub::{Subscription, Topic};
use crate::problem::{Kind, Problem, ProblemDetails};

/// What to listen to.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// Topics, separated by commas: `state`, `change`, `decision`, `audit`. All when left out.
    topics: Option<String>,
}

/// What happens, as it happens
///
/// Server-sent events. The name of an event is its topic, its data is JSON: `state` a State once a
/// second, `change` a Change, `decision` a Decision, `audit` an AuditEntry. A reader that falls too
/// far behind gets `lagged` with how many it missed. All but states have an `id`; `Last-Event-ID`
/// goes on after it, as far as that is kept, and `Last-Event-ID: 0` begins with all that is.
#[utoipa::path(get, path = "/api/v1/events", tag = "events",
    params(Wanted, ("Last-Event-ID" = Option<u64>, Header, description = "The last one seen.")),
    responses(
        (status = 200, description = "A stream that does not end.", body = String,
         content_type = "text/event-stream"),
        (status = 503, description = "Too many listen already.", body = ProblemDetails,
         content_type = "application/problem+json")))]
pub(crate) async fn events(
    State(shared): State<Shared>,
    Parameters(wanted): Parameters<Wanted>,
    fields: HeaderMap,
) -> Result<Response, Problem> {
    let topics = topics_of(wanted.topics.as_deref())?;
    let last = last_seen(&fields)?;
    let Some(seat) = shared.hub.seat() else {
        let detail = "too many listen already: close a tab, or try again later";
        return Err(Problem { retry_after: Some(10), ..Problem::new(Kind::Unavailable, detail) });
    };
    Ok(stream(shared.hub.subscribe(topics, last, seat)))
}

fn topics_of(list: Option<&str>) -> Result<Vec<Topic>, Problem> {
    let Some(list) = list else { return Ok(Topic::ALL.to_vec()) };
    let find = |word: &str| Topic::ALL.into_iter().find(|topic| topic.word() == word);
    let parse = |word: &str| {
        find(word).ok_or_else(|| {
            let known = Topic::ALL.map(Topic::word).join(", ");
            let detail = format!("there is no topic {word:?}; there are {known}");
            Problem::new(Kind::Malformed, detail)
        })
    };
    list.split(',').map(str::trim).map(parse).collect()
}

fn last_seen(fields: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = fields.get("last-event-id") else { return Ok(None) };
    let id = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    let wrong = || Problem::new(Kind::Malformed, "Last-Event-ID is a number here");
    id.map(Some).ok_or_else(wrong)
}

/// A response whose body goes on for as long as its reader does.
fn stream(subscription: Subscription) -> Response {
    let frames = futures_util::stream::unfold(subscription, |mut subscription| async move {
        let bytes = subscription.next().await;
        Some((Ok::<Bytes, std::convert::Infallible>(bytes), subscription))
    });
    ([(CONTENT_TYPE, "text/event-stream")], Body::from_stream(frames)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_named_and_unknown_ones_refused() {
        assert_eq!(topics_of(None).unwrap(), Topic::ALL);
        assert_eq!(topics_of(Some("state, audit")).unwrap(), [Topic::State, Topic::Audit]);
        for wrong in ["", "states", "state,,audit"] {
            assert_eq!(topics_of(Some(wrong)).unwrap_err().kind, Kind::Malformed, "{wrong}");
        }
    }
}
