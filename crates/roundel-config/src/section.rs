//! One definition per option.
//!
//! A [`section!`] states each key of a table once: its meaning, its kind (type and range) and its
//! default. The reader, the JSON Schema, the commented reference and the defaults used without a
//! file all come from that one statement, so they cannot drift apart.
//!
//! Knows how a table is read, not what any key means.

use std::ops::Range;

use serde_json::Value as Json;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::Diagnostic;
use crate::expand::expand;

/// A table of the file.
pub(crate) trait Section: Sized {
    /// What the table is for, one or a few sentences.
    const ABOUT: &'static str;
    /// Its keys.
    const NAMES: &'static [&'static str];

    /// The table with every key left out.
    fn defaults() -> Self;
    /// What there is to know about each key, in order.
    fn keys() -> Vec<KeyInfo>;
    /// Reads the keys; wrong ones are reported and count as left out.
    fn read(table: &Table<'_, '_>, reading: &mut Reading<'_>) -> Self;
}

/// What a value looks like and how it is read.
pub(crate) trait Kind {
    /// What a reader gets.
    type Value;

    /// Reads a value; `None` when it is wrong, which is then reported.
    fn read(&self, entry: &Entry<'_, '_>, reading: &mut Reading<'_>) -> Option<Self::Value>;
    /// The value as it would be written; null when it is expressed by leaving the key out.
    fn show(&self, value: &Self::Value) -> Json;
    /// JSON Schema of the value, without description and default.
    fn schema(&self) -> Json;

    /// What is below the key, when it is not a plain value.
    fn nested(&self) -> Option<Nested> {
        None
    }

    /// What leaving the key out means, when no default says it.
    fn absence(&self) -> Absence {
        Absence::Default
    }
}

/// What leaving a key out means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Absence {
    /// The default holds.
    Default,
    /// What the words say; the sample is a value to show in the reference, as TOML.
    Means { words: &'static str, sample: &'static str },
    /// As `Means`, but the key excludes another one that the reference shows.
    Alternative { words: &'static str, sample: &'static str },
    /// An error.
    Required { sample: &'static str },
}

/// A table below a key.
pub(crate) struct Nested {
    /// How its header looks.
    pub(crate) style: NestedStyle,
    /// What it is for.
    pub(crate) about: &'static str,
    /// Its keys.
    pub(crate) keys: Vec<KeyInfo>,
}

/// How a nested table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NestedStyle {
    /// `[key]`
    Table,
    /// `[[key]]`
    Tables,
    /// `[key.NAME]`
    Named,
    /// `{ … }`, inside a value.
    Inline,
}

/// What there is to know about a key.
pub(crate) struct KeyInfo {
    pub(crate) name: &'static str,
    /// Its meaning.
    pub(crate) doc: &'static str,
    pub(crate) schema: Json,
    /// Null when there is none.
    pub(crate) default: Json,
    pub(crate) absence: Absence,
    pub(crate) nested: Option<Nested>,
}

impl KeyInfo {
    pub(crate) fn new<K: Kind>(
        name: &'static str,
        doc: &'static str,
        kind: &K,
        default: &K::Value,
    ) -> Self {
        Self {
            name,
            doc,
            schema: kind.schema(),
            default: kind.show(default),
            absence: kind.absence(),
            nested: kind.nested(),
        }
    }
}

/// What accompanies reading: the text, the environment, and what was found wrong so far.
pub(crate) struct Reading<'a> {
    pub(crate) source: &'a str,
    pub(crate) env: &'a dyn Fn(&str) -> Option<String>,
    pub(crate) found: Vec<Diagnostic>,
}

/// A key and its value.
pub(crate) struct Entry<'a, 'i> {
    pub(crate) key: &'a str,
    pub(crate) key_span: Range<usize>,
    pub(crate) value: &'a Spanned<DeValue<'i>>,
}

/// A table being read.
pub(crate) struct Table<'a, 'i> {
    pub(crate) entries: &'a DeTable<'i>,
    /// Its header or, for an inline table, itself.
    pub(crate) span: Range<usize>,
    /// What messages call it; empty for the whole file.
    pub(crate) called: String,
}

/// A value and the text it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) span: Range<usize>,
}

impl Reading<'_> {
    pub(crate) fn report(&mut self, diagnostic: Diagnostic) {
        self.found.push(diagnostic);
    }

    /// Reports and returns `None`, for readers that end with a complaint.
    pub(crate) fn refuse<T>(&mut self, diagnostic: Diagnostic) -> Option<T> {
        self.found.push(diagnostic);
        None
    }

    /// The expanded text of a string value.
    pub(crate) fn expand(&mut self, text: &str, span: &Range<usize>) -> Option<String> {
        match expand(text, self.env) {
            Ok(expanded) => Some(expanded),
            Err(fault) => {
                // Escapes may make the written text differ from its value; then the whole string
                // is underlined.
                let part = text.get(fault.part.clone()).unwrap_or_default();
                let written = self.source.get(span.clone()).unwrap_or_default();
                let span = match written.find(part) {
                    Some(i) if !part.is_empty() => span.start + i..span.start + i + part.len(),
                    _ => span.clone(),
                };
                self.refuse(Diagnostic::error(span, fault.message).help(fault.help))
            }
        }
    }
}

impl Entry<'_, '_> {
    /// The text to underline when the value is at fault. A `[table]`'s value spans its header.
    pub(crate) fn span(&self) -> Range<usize> {
        self.value.span()
    }

    /// Reports a value of the wrong type. `wanted` has an article: "a duration".
    pub(crate) fn wrong_type<T>(
        &self,
        wanted: &str,
        help: Option<String>,
        reading: &mut Reading<'_>,
    ) -> Option<T> {
        let found = describe(self.value.get_ref());
        let message = format!("`{}` takes {wanted}, not {found}", self.key);
        let diagnostic = Diagnostic::error(self.span(), message).label(format!("wants {wanted}"));
        reading.refuse(match help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        })
    }
}

impl Table<'_, '_> {
    /// Reads one key.
    pub(crate) fn take<K: Kind>(
        &self,
        name: &'static str,
        kind: &K,
        default: impl FnOnce() -> K::Value,
        reading: &mut Reading<'_>,
    ) -> K::Value {
        let Some((key, value)) = self.entries.get_key_value(name) else {
            if let Absence::Required { sample } = kind.absence() {
                let message = format!("{} needs `{name}`", self.called);
                let help = format!("add `{name} = {sample}`, say");
                reading.report(Diagnostic::error(self.span.clone(), message).help(help));
            }
            return default();
        };
        let entry = Entry { key: name, key_span: key.span(), value };
        kind.read(&entry, reading).unwrap_or_else(default)
    }
}

/// Reads a table: its keys, then complaints about keys it does not have.
pub(crate) fn read_section<S: Section>(table: &Table<'_, '_>, reading: &mut Reading<'_>) -> S {
    for key in table.entries.keys().filter(|key| !S::NAMES.contains(&key.get_ref().as_ref())) {
        let name: &str = key.get_ref();
        let place = if table.called.is_empty() { "the file" } else { &table.called };
        let message = format!("{place} has no key {name:?}");
        let diagnostic = Diagnostic::error(key.span(), message).label("unknown key");
        let help = match crate::suggest::nearest(name, S::NAMES.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("its keys are: {}", S::NAMES.join(", ")),
        };
        reading.report(diagnostic.help(help));
    }
    S::read(table, reading)
}

/// What a value is, with article, for messages.
pub(crate) fn describe(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => {
            let short: String = text.chars().take(40).collect();
            let dots = if short.len() < text.len() { "…" } else { "" };
            format!("the string {short:?}{dots}")
        }
        DeValue::Integer(number) => format!("the number {number}"),
        DeValue::Float(number) => format!("the number {number}"),
        DeValue::Boolean(value) => format!("`{value}`"),
        DeValue::Datetime(_) => "a date or time".to_owned(),
        DeValue::Array(_) => "an array".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

/// Declares the keys of a table: `/// meaning`, `key: kind => default`; a key for a table needs no
/// meaning, since the table has one. A field whose name differs
/// from its key says so: `field as "key": kind => default`.
///
/// `for Type` implements [`Section`] for a type that exists; `struct Type` also defines it.
macro_rules! section {
    ($(#[doc = $about:literal])+ for $ty:ident { $(
        $(#[doc = $doc:literal])*
        $field:ident $(as $name:literal)? : $kind:expr => $default:expr,
    )+ }) => {
        impl $crate::section::Section for $ty {
            const ABOUT: &'static str = concat!($($about),+);
            const NAMES: &'static [&'static str] =
                &[$($crate::section::key_name!($field $($name)?)),+];

            fn defaults() -> Self {
                Self { $($field: $default),+ }
            }

            fn keys() -> Vec<$crate::section::KeyInfo> {
                let defaults = Self::defaults();
                vec![$($crate::section::KeyInfo::new(
                    $crate::section::key_name!($field $($name)?),
                    concat!($($doc),*),
                    &$kind,
                    &defaults.$field,
                )),+]
            }

            fn read(
                table: &$crate::section::Table<'_, '_>,
                reading: &mut $crate::section::Reading<'_>,
            ) -> Self {
                Self { $($field: table.take(
                    $crate::section::key_name!($field $($name)?),
                    &$kind,
                    || $default,
                    reading,
                )),+ }
            }
        }
    };
    ($(#[doc = $about:literal])+ struct $ty:ident { $(
        $(#[doc = $doc:literal])*
        $field:ident: $value:ty = $kind:expr => $default:expr,
    )+ }) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, PartialEq)]
        pub(crate) struct $ty { $($(#[doc = $doc])* pub(crate) $field: $value,)+ }
        $crate::section::section! {
            $(#[doc = $about])+
            for $ty { $($(#[doc = $doc])* $field: $kind => $default,)+ }
        }
    };
}

/// A key's name: its field's, unless given.
macro_rules! key_name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $name:literal) => {
        $name
    };
}

pub(crate) use {key_name, section};
