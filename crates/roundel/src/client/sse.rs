//! Server-sent events (HTML §9.2.6), as far as Roundel's own streams need them.
//!
//! An event is a name and data; comments are signs of life and are passed over. Fields that nobody
//! here looks at (`id`, `retry`) are read and forgotten.

use std::io::Read;

use super::http::{Body, HttpError};

/// One event: a state of ten thousand endpoints is some five megabytes.
const EVENT_BYTES_MAX: usize = 32 * 1024 * 1024;

/// What a stream tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// Its name; empty when it has none.
    pub(crate) name: String,
    pub(crate) data: String,
}

/// A stream of events.
#[derive(Debug)]
pub(crate) struct Events<R> {
    body: Body<R>,
    /// Received, and not yet told.
    pending: Vec<u8>,
    /// How much of it has been searched for a line's end.
    searched: usize,
    is_over: bool,
}

impl<R: Read> Events<R> {
    pub(crate) fn new(body: Body<R>) -> Self {
        Self { body, pending: Vec::new(), searched: 0, is_over: false }
    }

    /// The next event; nothing at the stream's end. An event that is cut off is not told.
    pub(crate) fn next(&mut self) -> Result<Option<Event>, HttpError> {
        let mut event = Draft::default();
        loop {
            let Some(line) = self.line()? else { return Ok(None) };
            if let Some(event) = event.take(&line)? {
                return Ok(Some(event));
            }
        }
    }

    /// The next line, without its end, which is LF here; a CR before it goes, too.
    fn line(&mut self) -> Result<Option<Vec<u8>>, HttpError> {
        loop {
            let unsearched = self.pending.get(self.searched..).unwrap_or_default();
            if let Some(at) = unsearched.iter().position(|byte| *byte == b'\n') {
                let rest = self.pending.split_off(self.searched + at + 1);
                let mut line = std::mem::replace(&mut self.pending, rest);
                self.searched = 0;
                line.pop();
                line.pop_if(|byte| *byte == b'\r');
                return Ok(Some(line));
            }
            self.searched = self.pending.len();
            if self.searched > EVENT_BYTES_MAX {
                return Err(HttpError::TooLong(EVENT_BYTES_MAX));
            }
            if self.is_over {
                return Ok(None);
            }
            self.is_over = !self.body.read_some(&mut self.pending)?;
        }
    }
}

/// An event that is being read.
#[derive(Debug, Default)]
struct Draft {
    name: String,
    data: Option<String>,
}

impl Draft {
    /// Takes a line; gives the event that an empty one ends.
    fn take(&mut self, line: &[u8]) -> Result<Option<Event>, HttpError> {
        let line = String::from_utf8_lossy(line);
        if line.is_empty() {
            let Self { name, data } = std::mem::take(self);
            return Ok(data.map(|data| Event { name, data }));
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => self.append(value)?,
            _ => {}
        }
        Ok(None)
    }

    /// Several lines of data are one text with line ends between them.
    fn append(&mut self, value: &str) -> Result<(), HttpError> {
        match &mut self.data {
            None => self.data = Some(value.to_owned()),
            Some(data) if data.len() + value.len() < EVENT_BYTES_MAX => {
                data.push('\n');
                data.push_str(value);
            }
            Some(_) => return Err(HttpError::TooLong(EVENT_BYTES_MAX)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::http::read_response;
    use super::*;

    fn stream(body: &str) -> Events<impl Read + use<>> {
        let answer = format!("HTTP/1.1 200 OK\r\n\r\n{body}").into_bytes();
        Events::new(read_response(std::io::Cursor::new(answer)).unwrap().body)
    }

    fn all(body: &str) -> Vec<(String, String)> {
        let mut stream = stream(body);
        let mut told = Vec::new();
        while let Some(Event { name, data }) = stream.next().unwrap() {
            told.push((name, data));
        }
        told
    }

    #[test]
    fn events_end_at_empty_lines_and_comments_are_passed_over() {
        for (body, expected) in [
            ("", &[][..]),
            (": live\n\n:\n\n", &[]),
            ("event: state\ndata: {\"a\":1}\n\n", &[("state", "{\"a\":1}")]),
            ("event:state\r\nid: 7\r\ndata:x\r\n\r\n", &[("state", "x")]),
            ("data: a\ndata\ndata: b: c\n\n", &[("", "a\n\nb: c")]),
            ("event: one\n\ndata: x\n\n", &[("", "x")]),
            ("data: a\n\n: sign of life\n\nevent: e\ndata: b\n\n", &[("", "a"), ("e", "b")]),
            ("data: a\n\ndata: cut off", &[("", "a")]),
            ("data: a\n\ndata: cut off\n", &[("", "a")]),
            ("nonsense\nretry: 1\ndata: a\n\n", &[("", "a")]),
        ] {
            let told = all(body);
            let told: Vec<_> = told.iter().map(|(name, data)| (&**name, &**data)).collect();
            assert_eq!(told, expected, "{body:?}");
        }
    }

    #[test]
    fn an_endless_line_is_given_up() {
        let mut stream = stream(&"x".repeat(EVENT_BYTES_MAX + 20_000));
        assert!(matches!(stream.next(), Err(HttpError::TooLong(EVENT_BYTES_MAX))));
    }

    #[test]
    fn endless_data_is_given_up() {
        let line = format!("data: {}\n", "x".repeat(1024 * 1024));
        let mut stream = stream(&line.repeat(40));
        assert!(matches!(stream.next(), Err(HttpError::TooLong(EVENT_BYTES_MAX))));
    }
}
