//! The Prometheus text format, version 0.0.4.
//!
//! Knows how samples are written and nothing of what they mean. Format:
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use std::fmt::{Display, Write as _};

use crate::family::Family;
use crate::histogram::{EXPORT_BOUNDS_US, HistogramSnapshot};

/// A text in the making. Writing to a `String` cannot fail, hence the ignored results.
#[derive(Debug, Default)]
pub(crate) struct Exposition {
    text: String,
}

/// The samples of one family. Each family is opened once, so its samples stand together.
pub(crate) struct Samples<'a> {
    text: &'a mut String,
    family: &'static Family,
}

/// Things of one sort with the values of the labels that name them, as pool and endpoint.
pub(crate) struct Table<'a, T> {
    rows: Vec<(Vec<&'a str>, T)>,
}

impl Exposition {
    /// Writes a family's `HELP` and `TYPE`; its samples follow.
    pub(crate) fn family(&mut self, family: &'static Family) -> Samples<'_> {
        let _ = writeln!(self.text, "# HELP {} {}", family.name, family.help);
        let _ = writeln!(self.text, "# TYPE {} {}", family.name, family.kind.word());
        Samples { text: &mut self.text, family }
    }

    /// The whole text.
    pub(crate) fn finish(self) -> String {
        self.text
    }
}

impl Samples<'_> {
    /// Writes one sample. `values` belong to the family's labels, in their order.
    pub(crate) fn sample(&mut self, values: &[&str], value: impl Display) {
        self.write("", values, None, value);
    }

    /// Writes the buckets, sum and count of a histogram, in seconds.
    pub(crate) fn histogram(&mut self, values: &[&str], histogram: &HistogramSnapshot) {
        for (bound, below) in EXPORT_BOUNDS_US.iter().zip(histogram.cumulative()) {
            self.write("_bucket", values, Some(&seconds(*bound).to_string()), below);
        }
        self.write("_bucket", values, Some("+Inf"), histogram.count());
        self.write("_sum", values, None, seconds(histogram.sum_us()));
        self.write("_count", values, None, histogram.count());
    }

    fn write(&mut self, suffix: &str, values: &[&str], le: Option<&str>, value: impl Display) {
        debug_assert_eq!(values.len(), self.family.labels.len(), "{}", self.family.name);
        self.text.push_str(self.family.name);
        self.text.push_str(suffix);
        let labels = self.family.labels.iter().copied().zip(values.iter().copied());
        let mut separator = '{';
        for (label, value) in labels.chain(le.map(|le| ("le", le))) {
            self.text.push(separator);
            push_label(self.text, label, value);
            separator = ',';
        }
        if separator == ',' {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }
}

impl<'a, T> Table<'a, T> {
    /// A table of `rows`, each with its label values.
    pub(crate) fn new(rows: impl Iterator<Item = (Vec<&'a str>, T)>) -> Self {
        Self { rows: rows.collect() }
    }

    /// Writes a family with one number for each row.
    pub(crate) fn numbers<N: Display>(
        &self,
        text: &mut Exposition,
        family: &'static Family,
        number: impl Fn(&T) -> N,
    ) {
        let mut samples = text.family(family);
        for (labels, row) in &self.rows {
            samples.sample(labels, number(row));
        }
    }

    /// Writes a family with one number for each row and word; the word is the last label.
    pub(crate) fn arrays<const N: usize>(
        &self,
        text: &mut Exposition,
        family: &'static Family,
        words: [&str; N],
        numbers: impl Fn(&T) -> [u64; N],
    ) {
        let mut samples = text.family(family);
        for (labels, row) in &self.rows {
            for (word, number) in words.iter().zip(numbers(row)) {
                samples.sample(&[labels.as_slice(), &[word]].concat(), number);
            }
        }
    }

    /// Writes a family with one histogram for each row.
    pub(crate) fn histograms(
        &self,
        text: &mut Exposition,
        family: &'static Family,
        histogram: impl Fn(&T) -> &HistogramSnapshot,
    ) {
        let mut samples = text.family(family);
        for (labels, row) in &self.rows {
            samples.histogram(labels, histogram(row));
        }
    }
}

fn push_label(text: &mut String, label: &str, value: &str) {
    text.push_str(label);
    text.push_str("=\"");
    for c in value.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            c => text.push(c),
        }
    }
    text.push('"');
}

/// Prometheus counts in seconds. `f64` prints without an exponent and as short as it can be read
/// back, so 500 µs is `0.0005`.
fn seconds(us: u64) -> f64 {
    us as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::Kind;
    use crate::histogram::Histogram;

    static PLAIN: Family =
        Family { name: "roundel_plain", kind: Kind::Gauge, labels: &[], help: "Plain." };
    static LABELLED: Family = Family {
        name: "roundel_labelled_total",
        kind: Kind::Counter,
        labels: &["a", "b"],
        help: "L.",
    };
    static TIMES: Family =
        Family { name: "roundel_times_seconds", kind: Kind::Histogram, labels: &["a"], help: "T." };

    #[test]
    fn samples_with_and_without_labels() {
        let mut text = Exposition::default();
        text.family(&PLAIN).sample(&[], 3);
        text.family(&LABELLED).sample(&["1", "2"], 4);
        assert_eq!(
            text.finish(),
            "# HELP roundel_plain Plain.\n# TYPE roundel_plain gauge\nroundel_plain 3\n\
             # HELP roundel_labelled_total L.\n# TYPE roundel_labelled_total counter\n\
             roundel_labelled_total{a=\"1\",b=\"2\"} 4\n"
        );
    }

    #[test]
    fn label_values_cannot_break_out() {
        let mut text = Exposition::default();
        text.family(&LABELLED).sample(&["a\"} 1\nx", "\\"], 1);
        let text = text.finish();
        assert!(
            text.ends_with("roundel_labelled_total{a=\"a\\\"} 1\\nx\",b=\"\\\\\"} 1\n"),
            "{text}"
        );
    }

    #[test]
    fn histograms_are_cumulative_in_seconds() {
        let histogram = Histogram::default();
        for us in [100, 700, 1_500_000, 500_000_000] {
            histogram.record(us);
        }
        let mut text = Exposition::default();
        text.family(&TIMES).histogram(&["x"], &histogram.snapshot());
        let text = text.finish();
        for line in [
            "roundel_times_seconds_bucket{a=\"x\",le=\"0.0005\"} 1\n",
            "roundel_times_seconds_bucket{a=\"x\",le=\"0.001\"} 2\n",
            "roundel_times_seconds_bucket{a=\"x\",le=\"1\"} 2\n",
            "roundel_times_seconds_bucket{a=\"x\",le=\"2.5\"} 3\n",
            "roundel_times_seconds_bucket{a=\"x\",le=\"100\"} 3\n",
            "roundel_times_seconds_bucket{a=\"x\",le=\"+Inf\"} 4\n",
            "roundel_times_seconds_sum{a=\"x\"} 501.5008\n",
            "roundel_times_seconds_count{a=\"x\"} 4\n",
        ] {
            assert!(text.contains(line), "{line}{text}");
        }
    }
}
