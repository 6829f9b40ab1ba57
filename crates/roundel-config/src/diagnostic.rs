//! What is wrong with a file, and where.
//!
//! A file is read to its end whatever is wrong with it, so that an operator mends everything in one
//! go. A [`Diagnostic`] therefore is data: its place is a byte range, and only [`Diagnostics`],
//! which owns the text, turns it into line, column and an underlined excerpt.

use std::fmt;
use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

/// Whether the file can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The file is refused.
    Error,
    /// The file is used, but hardly does what its author meant.
    Warning,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether the file can be used.
    pub severity: Severity,
    /// What is wrong, with the value found and the limit it breaks.
    pub message: String,
    /// The offending text as a byte range of the file; `None` when something is missing that no
    /// text stands for.
    pub span: Option<Range<usize>>,
    /// A few words beside the underlined text; may be empty.
    pub label: String,
    /// Another place that takes part, with its label.
    pub related: Option<(Range<usize>, String)>,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    pub(crate) fn error(span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            message: message.into(),
            span: Some(span),
            label: String::new(),
            related: None,
            help: None,
        }
    }

    pub(crate) fn warning(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(span, message) }
    }

    /// An error of the file as a whole.
    pub(crate) fn whole(message: impl Into<String>) -> Self {
        Self { span: None, ..Self::error(0..0, message) }
    }

    pub(crate) fn label(self, label: impl Into<String>) -> Self {
        Self { label: label.into(), ..self }
    }

    pub(crate) fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    pub(crate) fn related(self, span: Range<usize>, label: impl Into<String>) -> Self {
        Self { related: Some((span, label.into())), ..self }
    }
}

/// A diagnostic as it is shown.
#[derive(Debug, Clone)]
pub struct Shown<'a> {
    /// The diagnostic.
    pub diagnostic: &'a Diagnostic,
    /// Line and column, as [`Diagnostics::position`] tells them.
    pub position: Option<(usize, usize)>,
    /// Its excerpt with the text underlined, without colours.
    pub rendered: String,
}

/// How many are shown with their excerpt. A file with more is hardly a configuration, and nobody
/// reads that far; showing each costs time in proportion to the file.
const SHOWN_MAX: usize = 100;

/// All that is wrong with one file, in the order of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics {
    file_name: String,
    source: String,
    /// Where each line starts, ascending.
    line_starts: Vec<usize>,
    found: Vec<Diagnostic>,
}

impl Diagnostics {
    pub(crate) fn new(file_name: &str, source: &str, mut found: Vec<Diagnostic>) -> Self {
        found.sort_by_key(|d| d.span.as_ref().map_or((0, 0), |s| (s.start, s.end)));
        found.dedup();
        let line_ends = source.match_indices('\n').map(|(at, _)| at + 1);
        let line_starts = std::iter::once(0).chain(line_ends).collect();
        Self { file_name: file_name.to_owned(), source: source.to_owned(), line_starts, found }
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Whether any of them makes the file unusable.
    pub fn has_errors(&self) -> bool {
        self.found.iter().any(|d| d.severity == Severity::Error)
    }

    /// Each of them, in the order of the text.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.found.iter()
    }

    /// Line and column (both from 1, columns in characters) where a diagnostic's text starts.
    pub fn position(&self, diagnostic: &Diagnostic) -> Option<(usize, usize)> {
        let start = diagnostic.span.as_ref()?.start;
        let line = self.line_starts.partition_point(|line_start| *line_start <= start);
        let line_start = *self.line_starts.get(line.checked_sub(1)?)?;
        Some((line, self.source.get(line_start..start)?.chars().count() + 1))
    }

    /// One line for each, as `file:line:column: error: message`, for logs.
    pub fn summary(&self) -> Vec<String> {
        let line = |d: &Diagnostic| {
            let severity = match d.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            match self.position(d) {
                Some((line, column)) => {
                    format!("{}:{line}:{column}: {severity}: {}", self.file_name, d.message)
                }
                None => format!("{}: {severity}: {}", self.file_name, d.message),
            }
        };
        self.found.iter().map(line).collect()
    }

    /// The text for a terminal or a file: each diagnostic with its excerpt, the first hundred of
    /// them, and a closing count. `is_coloured` adds ANSI colours.
    pub fn render(&self, is_coloured: bool) -> String {
        let renderer = if is_coloured { Renderer::styled() } else { Renderer::plain() };
        let renderer = renderer.decor_style(DecorStyle::Ascii);
        let mut text = String::new();
        for diagnostic in self.found.iter().take(SHOWN_MAX) {
            text.push_str(&renderer.render(&[self.group(diagnostic)]));
            text.push_str("\n\n");
        }
        text.push_str(&self.count());
        text
    }

    /// The first hundred of them, each by itself, for programs that show them in their own way.
    pub fn shown(&self) -> impl Iterator<Item = Shown<'_>> {
        let renderer = Renderer::plain().decor_style(DecorStyle::Ascii);
        self.found.iter().take(SHOWN_MAX).map(move |diagnostic| Shown {
            diagnostic,
            position: self.position(diagnostic),
            rendered: renderer.render(&[self.group(diagnostic)]),
        })
    }

    fn group<'a>(&'a self, diagnostic: &'a Diagnostic) -> Group<'a> {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let group = level.primary_title(diagnostic.message.as_str());
        let group = match &diagnostic.span {
            None => group.element(Origin::path(self.file_name.as_str())),
            Some(span) => {
                let primary = AnnotationKind::Primary.span(self.clamp(span));
                let snippet = Snippet::source(self.source.as_str())
                    .path(self.file_name.as_str())
                    .annotation(primary.label(non_empty(&diagnostic.label)));
                let related = diagnostic.related.as_ref().map(|(span, label)| {
                    AnnotationKind::Context.span(self.clamp(span)).label(non_empty(label))
                });
                group.element(snippet.annotations(related))
            }
        };
        match &diagnostic.help {
            Some(help) => group.element(Level::HELP.message(help.as_str())),
            None => group,
        }
    }

    /// A range the excerpt can show: inside the text, on character boundaries, and on one line,
    /// since an underlined block of twenty lines shows nothing.
    fn clamp(&self, span: &Range<usize>) -> Range<usize> {
        let start = self.source.floor_char_boundary(span.start.min(self.source.len()));
        let end = self.source.ceil_char_boundary(span.end.clamp(start, self.source.len()));
        let text = self.source.get(start..end).unwrap_or_default();
        let line = text.find('\n').filter(|i| *i > 0).unwrap_or(text.len());
        start..start + line
    }

    /// How many there are, as `FILE: 2 errors, 1 warning` and a line end; empty when there are
    /// none.
    pub fn count(&self) -> String {
        let errors = self.found.iter().filter(|d| d.severity == Severity::Error).count();
        let plural = |n: usize, what: &str| match n {
            0 => None,
            1 => Some(format!("1 {what}")),
            n => Some(format!("{n} {what}s")),
        };
        let parts = [plural(errors, "error"), plural(self.found.len() - errors, "warning")];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if parts.is_empty() {
            return String::new();
        }
        let shown = match self.found.len() {
            0..=SHOWN_MAX => String::new(),
            _ => format!(" (the first {SHOWN_MAX} are shown)"),
        };
        format!("{}: {}{shown}\n", self.file_name, parts.join(", "))
    }
}

fn non_empty(label: &str) -> Option<&str> {
    Some(label).filter(|l| !l.is_empty())
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostics {}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(span: Range<usize>) -> Diagnostic {
        Diagnostic::error(span, "wrong")
    }

    #[test]
    fn positions_count_lines_and_characters_from_one() {
        let source = "a\nü=1\n\nlast";
        for (start, position) in [(0, (1, 1)), (2, (2, 1)), (4, (2, 2)), (7, (3, 1)), (12, (4, 5))]
        {
            let diagnostics = Diagnostics::new("f", source, vec![at(start..start)]);
            let found = diagnostics.iter().next().and_then(|d| diagnostics.position(d));
            assert_eq!(found, Some(position), "{start}");
        }
        let whole = Diagnostics::new("f", source, vec![Diagnostic::whole("wrong")]);
        assert_eq!(whole.iter().next().and_then(|d| whole.position(d)), None);
        assert_eq!(whole.summary(), ["f: error: wrong"]);
    }

    #[test]
    fn diagnostics_follow_the_text_and_are_said_once() {
        let found = vec![at(4..5), Diagnostic::whole("whole"), at(0..1), at(4..5)];
        let diagnostics = Diagnostics::new("f", "a = 1", found);
        let spans: Vec<_> = diagnostics.iter().map(|d| d.span.clone()).collect();
        assert_eq!(spans, [None, Some(0..1), Some(4..5)]);
    }

    #[test]
    fn a_flood_is_cut_and_counted() {
        let source = "x\n".repeat(150);
        let found = (0..150).map(|line| at(2 * line..2 * line + 1)).collect();
        let diagnostics = Diagnostics::new("f", &source, found);
        let text = diagnostics.render(false);
        assert_eq!(text.matches("error: wrong").count(), 100);
        assert!(text.ends_with("f: 150 errors (the first 100 are shown)\n"), "{text}");
        assert_eq!(diagnostics.summary().len(), 150);
    }
}
