//! What is made of other kinds: lists, header tables, nested tables, and keys that may or must not
//! be left out.

use std::ops::Range;

use serde_json::{Map as JsonMap, Value as Json, json};
use toml::de::DeValue;

use crate::diagnostic::Diagnostic;
use crate::fields::{check_field_name, check_field_value};
use crate::schema::object;
use crate::section::{
    Absence, Entry, Kind, Located, Nested, NestedStyle, Reading, Section, Table, read_section,
};

/// An array of values of one kind.
pub(crate) struct List<K> {
    item: K,
    /// What to do instead of leaving it empty; `None` when it may be empty.
    instead_of_empty: Option<&'static str>,
}

/// An array of `kind`; wrong items are reported and left out.
pub(crate) const fn list<K>(item: K) -> List<K> {
    List { item, instead_of_empty: None }
}

impl<K> List<K> {
    /// Refuses an empty array, and says what to do instead.
    pub(crate) fn non_empty(self, instead: &'static str) -> Self {
        Self { instead_of_empty: Some(instead), ..self }
    }
}

impl<K: Kind> Kind for List<K> {
    type Value = Vec<K::Value>;

    fn read(&self, entry: &Entry<'_, '_>, reading: &mut Reading<'_>) -> Option<Self::Value> {
        let DeValue::Array(items) = entry.value.get_ref() else {
            return entry.wrong_type("an array", Some("put it in brackets".to_owned()), reading);
        };
        if let (true, Some(instead)) = (items.is_empty(), self.instead_of_empty) {
            let message = format!("`{}` is empty", entry.key);
            return reading.refuse(Diagnostic::error(entry.span(), message).help(instead));
        }
        let item = |value| Entry { key: entry.key, key_span: entry.key_span.clone(), value };
        Some(items.iter().filter_map(|value| self.item.read(&item(value), reading)).collect())
    }

    fn show(&self, value: &Self::Value) -> Json {
        Json::Array(value.iter().map(|item| self.item.show(item)).collect())
    }

    fn schema(&self) -> Json {
        let least = usize::from(self.instead_of_empty.is_some());
        json!({ "type": "array", "items": self.item.schema(), "minItems": least })
    }

    fn nested(&self) -> Option<Nested> {
        self.item.nested()
    }
}

/// A table of HTTP fields.
pub(crate) struct Headers;

/// A table from field name to field value, in the order of the file.
pub(crate) const fn headers() -> Headers {
    Headers
}

impl Kind for Headers {
    type Value = Vec<(String, String)>;

    fn read(&self, entry: &Entry<'_, '_>, reading: &mut Reading<'_>) -> Option<Self::Value> {
        let DeValue::Table(fields) = entry.value.get_ref() else {
            return entry.wrong_type("a table of fields", None, reading);
        };
        let mut fields: Vec<_> = fields.iter().collect();
        fields.sort_by_key(|(name, _)| name.span().start);
        let mut read = Vec::with_capacity(fields.len());
        for (name, value) in fields {
            let written: &str = name.get_ref();
            if let Err(fault) = check_field_name(written) {
                reading.report(Diagnostic::error(name.span(), fault));
            }
            let DeValue::String(text) = value.get_ref() else {
                let entry = Entry { key: written, key_span: name.span(), value };
                entry.wrong_type::<()>("a string", None, reading);
                continue;
            };
            let Some(text) = reading.expand(text, &value.span()) else { continue };
            match check_field_value(&text) {
                Ok(()) => read.push((written.to_owned(), text)),
                Err(fault) => {
                    let message = format!("field {written:?}: {fault}");
                    reading.report(Diagnostic::error(value.span(), message));
                }
            }
        }
        Some(read)
    }

    fn show(&self, value: &Self::Value) -> Json {
        let fields = value.iter().map(|(name, value)| (name.clone(), json!(value)));
        Json::Object(fields.collect::<JsonMap<_, _>>())
    }

    fn schema(&self) -> Json {
        json!({ "type": "object", "additionalProperties": { "type": "string" } })
    }
}

/// A nested table.
pub(crate) struct Inner<S>(std::marker::PhantomData<S>);

/// A table with the keys of `S`.
pub(crate) const fn table<S: Section>() -> Inner<S> {
    Inner(std::marker::PhantomData)
}

impl<S: Section> Kind for Inner<S> {
    type Value = S;

    fn read(&self, entry: &Entry<'_, '_>, reading: &mut Reading<'_>) -> Option<S> {
        let DeValue::Table(entries) = entry.value.get_ref() else {
            return entry.wrong_type("a table", None, reading);
        };
        let called = format!("`{}`", entry.key);
        Some(read_section(&Table { entries, span: entry.span(), called }, reading))
    }

    /// Null: each key below says its own default.
    fn show(&self, _: &S) -> Json {
        Json::Null
    }

    fn schema(&self) -> Json {
        object(S::ABOUT, &S::keys())
    }

    fn nested(&self) -> Option<Nested> {
        Some(Nested { style: NestedStyle::Table, about: S::ABOUT, keys: S::keys() })
    }
}

/// One of several tables.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Item<S> {
    pub(crate) keys: S,
    /// The operator's name for it; empty in an array of tables.
    pub(crate) name: String,
    /// Its header, or its name in the header.
    pub(crate) span: Range<usize>,
    /// Whether nothing in it was wrong: only then is what it lacks worth a complaint.
    pub(crate) is_whole: bool,
}

/// Reads one of several tables.
fn read_item<S: Section>(name: &str, table: &Table<'_, '_>, reading: &mut Reading<'_>) -> Item<S> {
    let before = reading.found.len();
    let keys = read_section(table, reading);
    let is_whole = reading.found.len() == before;
    Item { keys, name: name.to_owned(), span: table.span.clone(), is_whole }
}

/// An array of tables.
pub(crate) struct InnerMany<S>(std::marker::PhantomData<S>);

/// An array of tables with the keys of `S`, each with the place of its header.
pub(crate) const fn tables<S: Section>() -> InnerMany<S> {
    InnerMany(std::marker::PhantomData)
}

impl<S: Section> Kind for InnerMany<S> {
    type Value = Vec<Item<S>>;

    fn read(&self, entry: &Entry<'_, '_>, reading: &mut Reading<'_>) -> Option<Self::Value> {
        let header = Some(format!("write `[[{}]]`", entry.key));
        let DeValue::Array(items) = entry.value.get_ref() else {
            return entry.wrong_type("an array of tables", header, reading);
        };
        let mut read = Vec::with_capacity(items.len());
        for value in items {
            if let DeValue::Table(entries) = value.get_ref() {
                let called = format!("`{}`", entry.key);
                let table = Table { entries, span: value.span(), called };
                read.push(read_item("", &table, reading));
            } else {
                let item = Entry { key: entry.key, key_span: entry.key_span.clone(), value };
                item.wrong_type::<()>("an array of tables", header.clone(), reading);
            }
        }
        Some(read)
    }

    fn show(&self, _: &Self::Value) -> Json {
        Json::Null
    }

    fn schema(&self) -> Json {
        json!({ "type": "array", "items": object(S::ABOUT, &S::keys()) })
    }

    fn nested(&self) -> Option<Nested> {
        Some(Nested { style: NestedStyle::Tables, about: S::ABOUT, keys: S::keys() })
    }
}

/// Tables by name.
pub(crate) struct Named<S>(std::marker::PhantomData<S>);

/// Tables with the keys of `S` by the operator's names, in the order of the file.
pub(crate) const fn map<S: Section>() -> Named<S> {
    Named(std::marker::PhantomData)
}

impl<S: Section> Kind for Named<S> {
    type Value = Vec<Item<S>>;

    fn read(&self, entry: &Entry<'_, '_>, reading: &mut Reading<'_>) -> Option<Self::Value> {
        let key = entry.key;
        let header = format!("write `[{key}.NAME]`, with a name of your choice");
        let DeValue::Table(named) = entry.value.get_ref() else {
            return entry.wrong_type("named tables", Some(header), reading);
        };
        let mut named: Vec<_> = named.iter().collect();
        named.sort_by_key(|(name, _)| name.span().start);
        let mut read = Vec::with_capacity(named.len());
        for (name, value) in named {
            let called = format!("{key} {:?}", name.get_ref());
            if let DeValue::Table(entries) = value.get_ref() {
                let table = Table { entries, span: name.span(), called };
                read.push(read_item(name.get_ref(), &table, reading));
            } else {
                let message = format!("{called} is not a table");
                let diagnostic = Diagnostic::error(name.span(), message);
                reading.report(diagnostic.label("taken for a name").help(header.clone()));
            }
        }
        Some(read)
    }

    fn show(&self, _: &Self::Value) -> Json {
        Json::Null
    }

    fn schema(&self) -> Json {
        json!({ "type": "object", "additionalProperties": object(S::ABOUT, &S::keys()) })
    }

    fn nested(&self) -> Option<Nested> {
        Some(Nested { style: NestedStyle::Named, about: S::ABOUT, keys: S::keys() })
    }
}

/// A value with its place.
pub(crate) struct WithPlace<K>(K);

/// `kind`, with the place of the value, for checks that involve several keys.
pub(crate) const fn located<K>(kind: K) -> WithPlace<K> {
    WithPlace(kind)
}

impl<K: Kind> Kind for WithPlace<K> {
    type Value = Located<K::Value>;

    fn read(&self, entry: &Entry<'_, '_>, reading: &mut Reading<'_>) -> Option<Self::Value> {
        let value = self.0.read(entry, reading)?;
        Some(Located { value, span: entry.span() })
    }

    fn show(&self, value: &Self::Value) -> Json {
        self.0.show(&value.value)
    }

    fn schema(&self) -> Json {
        self.0.schema()
    }

    fn nested(&self) -> Option<Nested> {
        self.0.nested()
    }
}

/// A value that may be left out, or must not be.
pub(crate) struct Optional<K> {
    kind: K,
    absence: Absence,
}

/// `kind`, or nothing, which means what `words` say. `sample` is a value as TOML.
pub(crate) const fn optional<K>(kind: K, words: &'static str, sample: &'static str) -> Optional<K> {
    Optional { kind, absence: Absence::Means { words, sample } }
}

/// `kind`; leaving it out is reported and reads as `None`.
pub(crate) const fn required<K>(kind: K, sample: &'static str) -> Optional<K> {
    Optional { kind, absence: Absence::Required { sample } }
}

impl<K> Optional<K> {
    /// Marks a key that excludes one the reference shows.
    pub(crate) fn alternative(self) -> Self {
        let absence = match self.absence {
            Absence::Means { words, sample } => Absence::Alternative { words, sample },
            other => other,
        };
        Self { kind: self.kind, absence }
    }
}

impl<K: Kind> Kind for Optional<K> {
    type Value = Option<K::Value>;

    fn read(&self, entry: &Entry<'_, '_>, reading: &mut Reading<'_>) -> Option<Self::Value> {
        self.kind.read(entry, reading).map(Some)
    }

    fn show(&self, value: &Self::Value) -> Json {
        value.as_ref().map_or(Json::Null, |value| self.kind.show(value))
    }

    fn schema(&self) -> Json {
        self.kind.schema()
    }

    fn nested(&self) -> Option<Nested> {
        self.kind.nested()
    }

    fn absence(&self) -> Absence {
        self.absence.clone()
    }
}
