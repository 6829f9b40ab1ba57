//! From counts that only grow to what happened lately.
//!
//! Pure: readings and the time between them are arguments. A window keeps what was *added* in each
//! of its ticks, never the readings themselves; a tick without traffic keeps nothing.

use std::collections::VecDeque;
use std::time::Duration;

use super::WINDOW;
use super::figures::{Percentiles, Point, Rate, Traffic};
use crate::histogram::{HistogramDelta, HistogramSnapshot};

/// Cumulative counts of one thing at one moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Reading {
    pub(super) requests: u64,
    pub(super) errors: u64,
    pub(super) latency: HistogramSnapshot,
}

/// What was counted in one tick.
#[derive(Debug, Clone, Default)]
pub(super) struct Counted {
    pub(super) requests: u64,
    pub(super) errors: u64,
    pub(super) latency: HistogramDelta,
}

/// The lengths of the latest ticks, which all windows share: together at least [`WINDOW`], once
/// the process is so old, and not a tick more than that takes.
#[derive(Debug, Default)]
pub(super) struct Spans(VecDeque<Duration>);

/// What one thing counted in the latest ticks, the newest last. A thing that is younger than the
/// window counted nothing before.
#[derive(Debug, Default)]
pub(super) struct Window(VecDeque<Counted>);

/// A thing whose counts are read once a tick.
#[derive(Debug)]
pub(super) struct Tracked<S> {
    /// Where the readings come from; another source of the same name is another thing.
    pub(super) source: S,
    last: Reading,
    window: Window,
}

impl Spans {
    pub(super) fn push(&mut self, span: Duration) {
        self.0.push_back(span);
        while self.0.len() > 1 && self.total().saturating_sub(self.0[0]) >= WINDOW {
            self.0.pop_front();
        }
    }

    pub(super) fn ticks(&self) -> usize {
        self.0.len()
    }

    pub(super) fn total(&self) -> Duration {
        self.0.iter().sum()
    }

    /// `count` of the window's span, as a rate; 0 while nothing was spanned.
    fn per_second(&self, count: u64) -> f64 {
        per_second(count, self.total())
    }
}

impl Window {
    pub(super) fn push(&mut self, counted: Counted, spans: &Spans) {
        self.0.push_back(counted);
        while self.0.len() > spans.ticks() {
            self.0.pop_front();
        }
    }

    pub(super) fn requests(&self) -> u64 {
        self.0.iter().map(|counted| counted.requests).sum()
    }

    fn errors(&self) -> u64 {
        self.0.iter().map(|counted| counted.errors).sum()
    }

    /// The traffic, given what only the present moment knows.
    pub(super) fn traffic(
        &self,
        spans: &Spans,
        (requests_total, errors_total): (u64, u64),
        in_flight: u64,
    ) -> Traffic {
        let requests = self.requests();
        Traffic {
            requests_total,
            errors_total,
            requests_per_second: spans.per_second(requests),
            error_rate: share(self.errors(), requests),
            in_flight,
            latency: percentiles(self.0.iter()),
        }
    }

    /// The newest tick as a second of history.
    pub(super) fn point(&self, span: Duration, in_flight: u64) -> Point {
        let newest = self.0.back().cloned().unwrap_or_default();
        Point {
            requests_per_second: per_second(newest.requests, span),
            error_rate: share(newest.errors, newest.requests),
            in_flight,
            latency: percentiles([&newest].into_iter()),
        }
    }
}

impl<S> Tracked<S> {
    /// Begins with a thing that was not there before. What it has counted so far belongs to no
    /// tick: when it was counted is not known.
    pub(super) fn begin(source: S, first: Reading) -> Self {
        Self { source, last: first, window: Window::default() }
    }

    /// Takes the next reading of the same source.
    pub(super) fn advance(&mut self, next: Reading, spans: &Spans) -> Counted {
        let counted = Counted {
            requests: next.requests.saturating_sub(self.last.requests),
            errors: next.errors.saturating_sub(self.last.errors),
            latency: HistogramDelta::between(&self.last.latency, &next.latency),
        };
        self.last = next;
        self.window.push(counted.clone(), spans);
        counted
    }

    pub(super) fn window(&self) -> &Window {
        &self.window
    }

    /// Requests and errors so far.
    pub(super) fn totals(&self) -> (u64, u64) {
        (self.last.requests, self.last.errors)
    }

    pub(super) fn traffic(&self, spans: &Spans, in_flight: u64) -> Traffic {
        self.window.traffic(spans, self.totals(), in_flight)
    }

    pub(super) fn rate(&self, spans: &Spans) -> Rate {
        Rate {
            requests_total: self.last.requests,
            requests_per_second: spans.per_second(self.window.requests()),
        }
    }
}

/// `part` of `whole`, 0 to 1. Counters are read one after the other while workers write, so a part
/// may for a moment exceed its whole.
pub(super) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 / whole as f64).min(1.0) }
}

fn per_second(count: u64, span: Duration) -> f64 {
    if span.is_zero() { 0.0 } else { count as f64 / span.as_secs_f64() }
}

fn percentiles<'a>(counted: impl Iterator<Item = &'a Counted>) -> Option<Percentiles> {
    let mut sum = HistogramSnapshot::default();
    for counted in counted {
        counted.latency.add_to(&mut sum);
    }
    Percentiles::of(&sum)
}
