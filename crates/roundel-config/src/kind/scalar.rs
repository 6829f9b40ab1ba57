//! Single values: switches, numbers, quantities with a unit, words, and texts with a grammar.

use std::num::{NonZeroU16, NonZeroU32, NonZeroUsize};
use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::{Value as Json, json};
use toml::de::DeValue;

use crate::diagnostic::Diagnostic;
use crate::section::{Entry, Kind, Reading};
use crate::suggest::nearest;
use crate::units::{parse_duration, parse_percent, parse_size, show_duration, show_size};

/// `true` or `false`.
pub(crate) struct Flag;

pub(crate) const fn flag() -> Flag {
    Flag
}

impl Kind for Flag {
    type Value = bool;

    fn read(&self, entry: &Entry<'_, '_>, reading: &mut Reading<'_>) -> Option<bool> {
        match entry.value.get_ref() {
            DeValue::Boolean(value) => Some(*value),
            DeValue::String(text) if matches!(text.as_ref(), "true" | "false") => {
                let help = format!("write `{text}` without quotes");
                entry.wrong_type("true or false", Some(help), reading)
            }
            _ => entry.wrong_type("true or false", None, reading),
        }
    }

    fn show(&self, value: &bool) -> Json {
        json!(value)
    }

    fn schema(&self) -> Json {
        json!({ "type": "boolean" })
    }
}

/// A number type that a whole number of the file can become.
pub(crate) trait Number: Copy {
    fn from_u64(value: u64) -> Option<Self>;
    fn to_u64(self) -> u64;
}

macro_rules! number {
    ($($ty:ty: $from:expr, $to:expr;)+) => { $(
        impl Number for $ty {
            fn from_u64(value: u64) -> Option<Self> {
                $from(value)
            }
            fn to_u64(self) -> u64 {
                $to(self)
            }
        }
    )+ };
}

number! {
    u8: |v| u8::try_from(v).ok(), u64::from;
    u16: |v| u16::try_from(v).ok(), u64::from;
    u32: |v| u32::try_from(v).ok(), u64::from;
    u64: Some, |v| v;
    usize: |v| usize::try_from(v).ok(), |v| v as u64;
    NonZeroU16: |v| u16::try_from(v).ok().and_then(NonZeroU16::new), |v: NonZeroU16| u64::from(v.get());
    NonZeroU32: |v| u32::try_from(v).ok().and_then(NonZeroU32::new), |v: NonZeroU32| u64::from(v.get());
    NonZeroUsize: |v| usize::try_from(v).ok().and_then(NonZeroUsize::new), |v: NonZeroUsize| v.get() as u64;
}

/// How a number is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    None,
    Bytes,
    Percent,
}

impl Unit {
    fn show(self, number: u64) -> String {
        match self {
            Self::None => number.to_string(),
            Self::Bytes => show_size(number),
            Self::Percent => format!("{number}%"),
        }
    }

    fn wanted(self) -> &'static str {
        match self {
            Self::None => "a whole number",
            Self::Bytes => "a size as in \"64KiB\"",
            Self::Percent => "a percentage as in \"20%\"",
        }
    }
}

/// A number in a range, with or without a unit.
pub(crate) struct Amount<T> {
    unit: Unit,
    range: RangeInclusive<u64>,
    number: std::marker::PhantomData<T>,
}

/// A whole number.
pub(crate) const fn whole<T: Number>(range: RangeInclusive<u64>) -> Amount<T> {
    Amount { unit: Unit::None, range, number: std::marker::PhantomData }
}

/// A size: plain bytes or with a unit.
pub(crate) const fn bytes<T: Number>(range: RangeInclusive<u64>) -> Amount<T> {
    Amount { unit: Unit::Bytes, range, number: std::marker::PhantomData }
}

/// A percentage.
pub(crate) const fn percent(range: RangeInclusive<u64>) -> Amount<u8> {
    Amount { unit: Unit::Percent, range, number: std::marker::PhantomData }
}

/// A percentage of something of which there may be more than one whole.
pub(crate) const fn percents<T: Number>(range: RangeInclusive<u64>) -> Amount<T> {
    Amount { unit: Unit::Percent, range, number: std::marker::PhantomData }
}

impl<T: Number> Kind for Amount<T> {
    type Value = T;

    fn read(&self, entry: &Entry<'_, '_>, reading: &mut Reading<'_>) -> Option<T> {
        let number = match (entry.value.get_ref(), self.unit) {
            (DeValue::Integer(integer), Unit::None | Unit::Bytes) => {
                // Whatever does not fit an `i128` is out of every range all the more.
                i128::from_str_radix(integer.as_str(), integer.radix()).unwrap_or(i128::MAX)
            }
            (DeValue::Integer(integer), Unit::Percent) => {
                let help = format!("write \"{integer}%\"");
                return entry.wrong_type(self.unit.wanted(), Some(help), reading);
            }
            (DeValue::String(text), Unit::Bytes | Unit::Percent) => {
                let text = reading.expand(text, &entry.span())?;
                let parse = if self.unit == Unit::Bytes { parse_size } else { parse_percent };
                match parse(&text) {
                    Ok(number) => i128::from(number),
                    Err(fault) => {
                        let message = format!("`{}`: {fault}", entry.key);
                        return reading.refuse(Diagnostic::error(entry.span(), message));
                    }
                }
            }
            (DeValue::String(text), Unit::None) if text.parse::<u64>().is_ok() => {
                let help = format!("write {text} without quotes");
                return entry.wrong_type(self.unit.wanted(), Some(help), reading);
            }
            _ => return entry.wrong_type(self.unit.wanted(), None, reading),
        };
        let in_range = u64::try_from(number).ok().filter(|n| self.range.contains(n));
        in_range.and_then(T::from_u64).or_else(|| {
            let shown = match (entry.value.get_ref(), u64::try_from(number)) {
                (DeValue::Integer(integer), _) => integer.to_string(),
                (_, Ok(number)) => self.unit.show(number),
                (_, Err(_)) => number.to_string(),
            };
            let (min, max) =
                (self.unit.show(*self.range.start()), self.unit.show(*self.range.end()));
            let message = format!("`{}` is {shown}, outside {min} to {max}", entry.key);
            let label = format!("allowed: {min} to {max}");
            reading.refuse(Diagnostic::error(entry.span(), message).label(label))
        })
    }

    fn show(&self, value: &T) -> Json {
        match self.unit {
            Unit::None => json!(value.to_u64()),
            unit => json!(unit.show(value.to_u64())),
        }
    }

    fn schema(&self) -> Json {
        let (min, max) = (self.range.start(), self.range.end());
        let number = json!({ "type": "integer", "minimum": min, "maximum": max });
        match self.unit {
            Unit::None => number,
            Unit::Bytes => json!({ "anyOf": [
                number,
                pattern("^[0-9]+ *([kKmMgG]?[bB]|[kKmMgG][iI][bB])?$"),
            ] }),
            Unit::Percent => pattern("^[0-9]+ *%$"),
        }
    }
}

/// A duration in a range.
pub(crate) struct Span {
    range: RangeInclusive<Duration>,
}

/// A duration, to the millisecond.
pub(crate) const fn duration(range: RangeInclusive<Duration>) -> Span {
    Span { range }
}

impl Kind for Span {
    type Value = Duration;

    fn read(&self, entry: &Entry<'_, '_>, reading: &mut Reading<'_>) -> Option<Duration> {
        let text = match entry.value.get_ref() {
            DeValue::String(text) => reading.expand(text, &entry.span())?,
            DeValue::Integer(n) => {
                let help = format!("write \"{n}s\" for seconds or \"{n}ms\" for milliseconds");
                return entry.wrong_type("a duration as in \"5s\"", Some(help), reading);
            }
            _ => return entry.wrong_type("a duration as in \"5s\"", None, reading),
        };
        let duration = match parse_duration(&text) {
            Ok(duration) => duration,
            Err(fault) => {
                let message = format!("`{}`: {fault}", entry.key);
                return reading.refuse(Diagnostic::error(entry.span(), message));
            }
        };
        if self.range.contains(&duration) {
            return Some(duration);
        }
        let (min, max) = (show_duration(*self.range.start()), show_duration(*self.range.end()));
        let shown = show_duration(duration);
        let message = format!("`{}` is {shown}, outside {min} to {max}", entry.key);
        let label = format!("allowed: {min} to {max}");
        reading.refuse(Diagnostic::error(entry.span(), message).label(label))
    }

    fn show(&self, value: &Duration) -> Json {
        json!(show_duration(*value))
    }

    fn schema(&self) -> Json {
        pattern("^([0-9]+ *(d|h|ms|m|s) *)+$")
    }
}

/// One of a few words, each standing for a value.
pub(crate) struct Choice<T: 'static> {
    words: &'static [(&'static str, T)],
}

/// One of `words`.
pub(crate) const fn choice<T>(words: &'static [(&'static str, T)]) -> Choice<T> {
    Choice { words }
}

impl<T: Clone + PartialEq> Kind for Choice<T> {
    type Value = T;

    fn read(&self, entry: &Entry<'_, '_>, reading: &mut Reading<'_>) -> Option<T> {
        let words: Vec<&str> = self.words.iter().map(|(word, _)| *word).collect();
        let DeValue::String(text) = entry.value.get_ref() else {
            let wanted = format!("one of {}", quoted(&words));
            return entry.wrong_type(&wanted, None, reading);
        };
        let text = reading.expand(text, &entry.span())?;
        if let Some((_, value)) = self.words.iter().find(|(word, _)| *word == text) {
            return Some(value.clone());
        }
        let message = format!("`{}` cannot be {text:?}", entry.key);
        let label = format!("allowed: {}", quoted(&words));
        let diagnostic = Diagnostic::error(entry.span(), message).label(label);
        reading.refuse(match nearest(&text, words.iter().copied()) {
            Some(near) => diagnostic.help(format!("did you mean \"{near}\"?")),
            None => diagnostic,
        })
    }

    fn show(&self, value: &T) -> Json {
        self.words.iter().find(|(_, v)| v == value).map_or(Json::Null, |(word, _)| json!(word))
    }

    fn schema(&self) -> Json {
        let words: Vec<&str> = self.words.iter().map(|(word, _)| *word).collect();
        json!({ "anyOf": [{ "enum": words }, { "type": "string", "pattern": REFERENCE }] })
    }
}

/// A text with a grammar of its own.
pub(crate) struct Text<T> {
    /// What it is, with article.
    what: &'static str,
    /// Reads it, or says what is wrong with it.
    parse: fn(&str) -> Result<T, String>,
    /// Writes it.
    show: fn(&T) -> String,
}

/// A text that `parse` reads and `show` writes; `what` names it, with article.
pub(crate) const fn text<T>(
    what: &'static str,
    parse: fn(&str) -> Result<T, String>,
    show: fn(&T) -> String,
) -> Text<T> {
    Text { what, parse, show }
}

impl<T> Kind for Text<T> {
    type Value = T;

    fn read(&self, entry: &Entry<'_, '_>, reading: &mut Reading<'_>) -> Option<T> {
        let DeValue::String(text) = entry.value.get_ref() else {
            return entry.wrong_type(self.what, None, reading);
        };
        let text = reading.expand(text, &entry.span())?;
        (self.parse)(&text)
            .map_err(|fault| format!("`{}`: {fault}", entry.key))
            .map_or_else(|message| reading.refuse(Diagnostic::error(entry.span(), message)), Some)
    }

    fn show(&self, value: &T) -> Json {
        json!((self.show)(value))
    }

    fn schema(&self) -> Json {
        json!({ "type": "string" })
    }
}

/// A string that holds a reference to the environment, whose value an editor cannot know.
const REFERENCE: &str = r"\$\{";

fn pattern(pattern: &str) -> Json {
    json!({ "type": "string", "pattern": format!("{pattern}|{REFERENCE}") })
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
}
