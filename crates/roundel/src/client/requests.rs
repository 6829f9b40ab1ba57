//! `roundel requests`: the request log, looked at or followed.

mod meant;
pub(super) mod view;

use std::fmt::Write as _;

use roundel_admin::contract::{RequestSummary, Requests, SampledOut};
use roundel_admin::encoded;

use super::api::Api;
use super::arguments::{Filter, RequestsArguments};
use super::failure::Failure;
use super::screen::Screen;
use super::{text, word};

/// Shows the newest, or follows.
pub(crate) fn run(arguments: &RequestsArguments) -> Result<(), Failure> {
    let api = Api::new(&arguments.common.reach)?;
    let screen = Screen::new();
    let filter = meant::filter(&api, &arguments.filter)?;
    let path = format!("/api/v1/requests{}", query(&filter));
    if arguments.follow {
        meant::check(&api, &filter)?;
        return follow(&api, &path, screen, arguments.common.json);
    }
    let answer = api.text(&path)?;
    if api.parse::<Requests>(&answer)?.requests.is_empty() {
        meant::check(&api, &filter)?;
    }
    if arguments.common.json {
        return screen.print(&text::json(&answer));
    }
    let requests: Requests = api.parse(&answer)?;
    screen.print(&view::render(&requests, screen.look()))
}

fn follow(api: &Api, path: &str, screen: Screen, is_json: bool) -> Result<(), Failure> {
    let mut stream = api.follow(path, None)?;
    if !is_json {
        screen.print(&view::titles(screen.look()))?;
    }
    loop {
        let event = stream.next()?;
        if is_json {
            screen.print(&text::json(&event.data))?;
            continue;
        }
        match event.name.as_str() {
            "request" => {
                let request: RequestSummary = api.parse(&event.data)?;
                screen.print(&view::line(&request, screen.look()))?;
            }
            "sampled" => {
                let SampledOut { sampled_out } = api.parse(&event.data)?;
                let requests = word::many(sampled_out, "request");
                screen.print(&format!("({requests} left out: too many at once)"))?;
            }
            _ => {}
        }
    }
}

/// The filter as a query; nothing when there is none.
fn query(filter: &Filter) -> String {
    let Filter { pool, endpoint, status, method, path, min_ms, limit } = filter;
    let min_ms = min_ms.map(|ms| ms.to_string());
    let limit = limit.map(|limit| limit.to_string());
    let parts = [
        ("pool", pool),
        ("endpoint", endpoint),
        ("status", status),
        ("method", method),
        ("path", path),
        ("min_ms", &min_ms),
        ("limit", &limit),
    ];
    let mut query = String::new();
    for (name, value) in parts {
        if let Some(value) = value {
            let separator = if query.is_empty() { '?' } else { '&' };
            // Writing to a `String` cannot fail.
            let _ = write!(query, "{separator}{name}={}", encoded(value));
        }
    }
    query
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_become_a_query() {
        let none = Filter {
            pool: None,
            endpoint: None,
            status: None,
            method: None,
            path: None,
            min_ms: None,
            limit: None,
        };
        assert_eq!(query(&none), "");
        let some = Filter {
            pool: Some("a b".to_owned()),
            status: Some("5xx".to_owned()),
            path: Some("/x?y&z=é".to_owned()),
            min_ms: Some(1.5),
            limit: Some(7),
            ..none
        };
        assert_eq!(
            query(&some),
            "?pool=a%20b&status=5xx&path=%2Fx%3Fy%26z%3D%C3%A9&min_ms=1.5&limit=7"
        );
    }
}
