//! A strict reader of the Prometheus text format: what `promtool check metrics` refuses, and what
//! a scrape would take in but count wrongly. Written against the format's description, not with the
//! code that it checks.

use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Reads the text format strictly and returns each family's type by name.
///
/// # Errors
/// The first fault, in words.
pub fn check_format(text: &str) -> Result<BTreeMap<String, String>, String> {
    if !text.ends_with('\n') {
        return Err("no line end at the end".to_owned());
    }
    let mut families = BTreeMap::new();
    let mut helped = BTreeSet::new();
    let mut seen = HashSet::new();
    let mut current = String::new();
    let mut histograms: BTreeMap<Vec<(String, String)>, Buckets> = BTreeMap::new();
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let name = help.split(' ').next().unwrap_or_default();
            if !helped.insert(name.to_owned()) {
                return Err(format!("HELP of {name} twice"));
            }
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            check_histograms(&std::mem::take(&mut histograms))?;
            let (name, kind) = kind.split_once(' ').ok_or("TYPE without type")?;
            if !helped.contains(name) {
                return Err(format!("TYPE of {name} without HELP"));
            }
            if !is_name(name) || families.insert(name.to_owned(), kind.to_owned()).is_some() {
                return Err(format!("TYPE of {name} twice or illegal"));
            }
            name.clone_into(&mut current);
        } else {
            let sample = Sample::parse(line)?;
            let kind = families.get(&current).ok_or(format!("no TYPE before {line}"))?;
            let suffix = sample.name.strip_prefix(current.as_str());
            let suffix = suffix.ok_or(format!("{line} does not belong to {current}"))?.to_owned();
            if !seen.insert((sample.name.clone(), sample.labels.clone())) {
                return Err(format!("duplicate series: {line}"));
            }
            match (kind.as_str(), suffix.as_str()) {
                ("histogram", _) => Buckets::add(&mut histograms, &suffix, sample)?,
                ("counter", "") if sample.value >= 0.0 => {}
                ("gauge", "") => {}
                _ => return Err(format!("{line} does not fit a {kind}")),
            }
        }
    }
    check_histograms(&histograms)?;
    Ok(families)
}

struct Sample {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

impl Sample {
    fn parse(line: &str) -> Result<Self, String> {
        let name_len = line.find(['{', ' ']).ok_or(format!("no value: {line}"))?;
        let (name, rest) = line.split_at(name_len);
        if !is_name(name) {
            return Err(format!("illegal name: {line}"));
        }
        let mut labels = Vec::new();
        let mut rest = rest;
        if let Some(mut inner) = rest.strip_prefix('{') {
            loop {
                let (label, value, after) =
                    parse_label(inner).ok_or(format!("malformed label: {line}"))?;
                labels.push((label, value));
                match (after.strip_prefix(','), after.strip_prefix('}')) {
                    (Some(more), _) => inner = more,
                    (_, Some(end)) => {
                        rest = end;
                        break;
                    }
                    _ => return Err(format!("malformed label: {line}")),
                }
            }
        }
        let value = rest.strip_prefix(' ').and_then(|value| value.parse().ok());
        let value = value.ok_or(format!("malformed value: {line}"))?;
        labels.sort();
        Ok(Self { name: name.to_owned(), labels, value })
    }
}

/// Takes `name="value"` off the front; `None` when there is none, or the value has an unknown
/// escape or no end.
fn parse_label(text: &str) -> Option<(String, String, &str)> {
    let (label, rest) = text.split_once("=\"")?;
    if !is_name(label) || label.contains(':') {
        return None;
    }
    let mut value = String::new();
    let mut chars = rest.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((label.to_owned(), value, &rest[at + 1..])),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                c @ ('\\' | '"') => c,
                _ => return None,
            }),
            c => value.push(c),
        }
    }
    None
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == ':')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
}

/// The samples of one histogram.
#[derive(Default)]
struct Buckets {
    bounds: Vec<(f64, f64)>,
    sum: Option<f64>,
    count: Option<f64>,
}

impl Buckets {
    fn add(
        all: &mut BTreeMap<Vec<(String, String)>, Self>,
        suffix: &str,
        mut sample: Sample,
    ) -> Result<(), String> {
        let le = sample.labels.iter().position(|(label, _)| label == "le");
        let le = le.map(|at| sample.labels.remove(at).1);
        let buckets = all.entry(sample.labels).or_default();
        match (suffix, le) {
            ("_bucket", Some(le)) => {
                let bound = le.parse().map_err(|_| format!("bound {le}"))?;
                buckets.bounds.push((bound, sample.value));
            }
            ("_sum", None) => buckets.sum = Some(sample.value),
            ("_count", None) => buckets.count = Some(sample.value),
            _ => return Err(format!("{} is no part of a histogram", sample.name)),
        }
        Ok(())
    }
}

fn check_histograms(all: &BTreeMap<Vec<(String, String)>, Buckets>) -> Result<(), String> {
    for (labels, buckets) in all {
        let rises = |(a, b): (&(f64, f64), &(f64, f64))| a.0 < b.0 && a.1 <= b.1;
        if !buckets.bounds.iter().zip(buckets.bounds.iter().skip(1)).all(rises) {
            return Err(format!("{labels:?}: not cumulative"));
        }
        match buckets.bounds.last() {
            Some((bound, n)) if bound.is_infinite() => {
                if Some(*n) != buckets.count || buckets.sum.is_none() {
                    return Err(format!("{labels:?}: count is not the +Inf bucket, or no sum"));
                }
            }
            _ => return Err(format!("{labels:?}: no +Inf bucket")),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checker_finds_what_it_should() {
        let head = "# HELP a_total A.\n# TYPE a_total counter\n";
        let times = "# HELP t T.\n# TYPE t histogram\n";
        for (bad, why) in [
            ("a_total 1\n".to_owned(), "no TYPE"),
            (format!("{head}{head}a_total 1\n"), "twice"),
            (format!("{head}a_total 1\na_total 2\n"), "duplicate"),
            (format!("{head}a_total{{x=\"1\"}} 1\na_total{{x=\"1\"}} 2\n"), "duplicate"),
            (format!("{head}a_total{{x=\"1}} 1\n"), "label"),
            (format!("{head}a_total{{1=\"1\"}} 1\n"), "label"),
            (format!("{head}a_total{{x=\"\\q\"}} 1\n"), "label"),
            (format!("{head}a_total one\n"), "value"),
            (format!("{head}a_total 1"), "line end"),
            ("# TYPE a counter\na 1\n".to_owned(), "HELP"),
            (format!("{times}t_bucket{{le=\"+Inf\"}} 1\nt_sum 1\nt_count 2\n"), "count"),
            (
                format!(
                    "{times}t_bucket{{le=\"1\"}} 3\nt_bucket{{le=\"+Inf\"}} 1\nt_sum 1\nt_count 1\n"
                ),
                "cumulative",
            ),
            (format!("{times}t_bucket{{le=\"1\"}} 1\nt_sum 1\nt_count 1\n"), "+Inf"),
        ] {
            let error = check_format(&bad).expect_err(&bad);
            assert!(error.contains(why), "{error}\n{bad}");
        }
    }
}
