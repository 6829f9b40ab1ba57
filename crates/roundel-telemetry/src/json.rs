//! Writes JSON (RFC 8259) into a byte buffer, allocating nothing of its own.
//!
//! For access-log lines, which are written on the path of an exchange, and for the request counts.
//! Commas are the writer's business; nesting is the caller's.

use crate::escape::{Style, push_escaped};

/// A writer at some place of a JSON text.
pub(crate) struct JsonWriter<'a> {
    out: &'a mut Vec<u8>,
    /// Whether a value precedes in the present object or array.
    needs_comma: bool,
}

impl<'a> JsonWriter<'a> {
    /// Writes at the end of `out`.
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, needs_comma: false }
    }

    /// Opens an object (`{`) or array (`[`).
    pub(crate) fn open(&mut self, bracket: u8) {
        self.separate();
        self.out.push(bracket);
        self.needs_comma = false;
    }

    /// Closes an object (`}`) or array (`]`).
    pub(crate) fn close(&mut self, bracket: u8) {
        self.out.push(bracket);
        self.needs_comma = true;
    }

    /// Writes a field's name, which needs no escape; its value is opened or written next.
    pub(crate) fn name(&mut self, name: &str) {
        self.separate();
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.needs_comma = false;
    }

    /// A field of text, or null.
    pub(crate) fn text(&mut self, name: &str, value: Option<&[u8]>) {
        match value {
            Some(value) => self.quoted(name, |out| push_escaped(out, value, Style::Json)),
            None => self.plain(name, "null"),
        }
    }

    /// A field of text that `write` appends and that needs no escape.
    pub(crate) fn quoted(&mut self, name: &str, write: impl FnOnce(&mut Vec<u8>)) {
        self.name(name);
        self.out.push(b'"');
        write(self.out);
        self.out.push(b'"');
        self.needs_comma = true;
    }

    /// A field with a whole number, or null.
    pub(crate) fn number(&mut self, name: &str, value: Option<u64>) {
        match value {
            Some(value) => self.plain(name, itoa::Buffer::new().format(value)),
            None => self.plain(name, "null"),
        }
    }

    /// A field that is true or false, or null.
    pub(crate) fn boolean(&mut self, name: &str, value: Option<bool>) {
        self.plain(name, value.map_or("null", |value| if value { "true" } else { "false" }));
    }

    fn plain(&mut self, name: &str, value: &str) {
        self.name(name);
        self.out.extend_from_slice(value.as_bytes());
        self.needs_comma = true;
    }

    fn separate(&mut self) {
        if self.needs_comma {
            self.out.push(b',');
        }
    }
}
