//! Behaviour asked for by the request itself, in its `X-Test` field.
//!
//! A comma-separated list of words, for clients that cannot reach into the origin, such as a load
//! generator or a script:
//!
//! | word | meaning |
//! |---|---|
//! | `status=503` | the status |
//! | `bytes=1000` | that many body bytes |
//! | `delay=50` | milliseconds before the head |
//! | `chunked`, `until-close`, `http/1.0` | the framing |
//! | `early` | answers before reading the body |
//! | `close` | announces and closes |
//! | `never` | does not answer |
//! | `reset=POINT`, `close=POINT`, `hang=POINT` | goes wrong at `before-head`, `mid-head`, `after-head`, `mid-body` or `after-body` |

use std::time::Duration;

use super::answer::{Answer, Point};

/// Name of the request field that holds a directive.
pub(crate) const FIELD: &str = "X-Test";

/// See [`Answer::from_directive`].
pub(super) fn parse(text: &str) -> Answer {
    let words = || text.split(',').map(str::trim).filter(|word| !word.is_empty());
    if words().any(|word| word == "never") {
        return Answer::never();
    }
    let status = words().find_map(|word| word.strip_prefix("status="));
    let start = Answer::status(status.map_or(200, |status| number(status) as u16));
    words().fold(start, add)
}

fn add(answer: Answer, word: &str) -> Answer {
    match word.split_once('=') {
        Some(("status", _)) => answer,
        Some(("bytes", count)) => answer.body_of(number(count)),
        Some(("delay", millis)) => answer.pause_before(Duration::from_millis(number(millis))),
        Some(("reset", place)) => answer.reset_at(point(place)),
        Some(("close", place)) => answer.close_at(point(place)),
        Some(("hang", place)) => answer.hang_at(point(place)),
        None if word == "chunked" => answer.chunked(),
        None if word == "until-close" => answer.until_close(),
        None if word == "http/1.0" => answer.http_1_0(),
        None if word == "early" => answer.early(),
        None if word == "close" => answer.close(),
        _ => panic!("unknown word {word:?} in a test directive"),
    }
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| panic!("{text:?} in a test directive is not a number"))
}

fn point(text: &str) -> Point {
    match text {
        "before-head" => Point::BeforeHead,
        "mid-head" => Point::MidHead,
        "after-head" => Point::AfterHead,
        "mid-body" => Point::MidBody,
        "after-body" => Point::AfterBody,
        _ => panic!("unknown point {text:?} in a test directive"),
    }
}
