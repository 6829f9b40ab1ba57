//! Which requests somebody wants to see. Applied by who reads, so that it costs workers nothing.

use std::time::Duration;

use memchr::memmem;

use super::entry::Entry;

/// What a request must be to be shown; `None` asks for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestFilter {
    /// Name of the pool.
    pub pool: Option<String>,
    /// Name of the endpoint of the last attempt.
    pub endpoint: Option<String>,
    /// The status sent.
    pub status: Option<StatusFilter>,
    /// The method, in any case.
    pub method: Option<String>,
    /// A part of the path, as it is shown.
    pub path: Option<String>,
    /// The least whole time.
    pub duration_min: Duration,
}

/// One status, or a class of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusFilter {
    /// The class by its first digit, as in `2xx`.
    Class(u16),
    /// This status.
    Code(u16),
    /// None was sent: `none`.
    NotSent,
}

impl StatusFilter {
    /// Reads `404`, `5xx` or `none`; `None` when it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "none" {
            return Some(Self::NotSent);
        }
        let class = text.strip_suffix("xx").or_else(|| text.strip_suffix("XX"));
        match class {
            Some(class) => class.parse().ok().filter(|c| (1..=5).contains(c)).map(Self::Class),
            None => text.parse().ok().filter(|code| (100..=599).contains(code)).map(Self::Code),
        }
    }

    fn matches(self, status: u16) -> bool {
        match self {
            Self::Class(class) => status / 100 == class,
            Self::Code(code) => status == code,
            Self::NotSent => status == 0,
        }
    }
}

impl RequestFilter {
    pub(super) fn matches(&self, entry: &Entry) -> bool {
        let is_named = |wanted: &Option<String>, name: &[u8]| {
            wanted.as_ref().is_none_or(|wanted| wanted.as_bytes() == name)
        };
        let is_method =
            |wanted: &String| entry.method.bytes().eq_ignore_ascii_case(wanted.as_bytes());
        let has_path = |part: &String| memmem::find(entry.path.bytes(), part.as_bytes()).is_some();
        is_named(&self.pool, entry.pool.bytes())
            && is_named(&self.endpoint, entry.endpoint.bytes())
            && self.status.is_none_or(|status| status.matches(entry.status))
            && self.method.as_ref().is_none_or(is_method)
            && self.path.as_ref().is_none_or(has_path)
            && u128::from(entry.timing.total_us) >= self.duration_min.as_micros()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_read_as_people_write_them() {
        for (text, filter) in [
            ("404", Some(StatusFilter::Code(404))),
            ("2xx", Some(StatusFilter::Class(2))),
            ("5XX", Some(StatusFilter::Class(5))),
            ("none", Some(StatusFilter::NotSent)),
            ("0xx", None),
            ("6xx", None),
            ("xx", None),
            ("99", None),
            ("600", None),
            ("-1", None),
            ("", None),
        ] {
            assert_eq!(StatusFilter::parse(text), filter, "{text}");
        }
    }

    #[test]
    fn every_condition_must_hold() {
        let mut entry = Entry { status: 503, ..Entry::default() };
        entry.timing.total_us = 1500;
        entry.pool.set(&[b"web"]);
        entry.endpoint.set(&[b"Server 1"]);
        entry.method.set(&[b"GET"]);
        entry.path.set(&[b"/api/users"]);
        let all = RequestFilter {
            pool: Some("web".to_owned()),
            endpoint: Some("Server 1".to_owned()),
            status: Some(StatusFilter::Class(5)),
            method: Some("get".to_owned()),
            path: Some("users".to_owned()),
            duration_min: Duration::from_micros(1500),
        };
        assert!(all.matches(&entry));
        assert!(RequestFilter::default().matches(&entry));
        let text = |text: &str| Some(text.to_owned());
        for other in [
            RequestFilter { pool: text("we"), ..all.clone() },
            RequestFilter { endpoint: text("Server 11"), ..all.clone() },
            RequestFilter { status: Some(StatusFilter::Code(500)), ..all.clone() },
            RequestFilter { status: Some(StatusFilter::NotSent), ..all.clone() },
            RequestFilter { method: text("POST"), ..all.clone() },
            RequestFilter { path: text("USERS"), ..all.clone() },
            RequestFilter { duration_min: Duration::from_micros(1501), ..all.clone() },
        ] {
            assert!(!other.matches(&entry), "{other:?}");
        }
    }
}
