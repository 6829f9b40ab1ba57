//! What only apps have: texts with placeholders, ports, counts, environments.

use std::ops::RangeInclusive;

use serde_json::{Map as JsonMap, Value as Json, json};
use toml::de::DeValue;

use super::container::table;
use super::scalar::whole;
use crate::diagnostic::Diagnostic;
use crate::section::{Entry, Kind, Located, Nested, NestedStyle, Reading, Section, section};
use crate::template::{Placeholder, Template};

/// More instances than one machine runs.
pub(crate) const INSTANCES_MAX: u32 = 1000;

/// A text with placeholders.
pub(crate) struct Templated {
    allowed: &'static [Placeholder],
    may_be_empty: bool,
}

/// A text that may use the placeholders in `allowed`.
pub(crate) const fn template(allowed: &'static [Placeholder]) -> Templated {
    Templated { allowed, may_be_empty: true }
}

impl Templated {
    /// Refuses the empty text.
    pub(crate) const fn non_empty(self) -> Self {
        Self { may_be_empty: false, ..self }
    }

    fn parse(
        &self,
        written: &str,
        entry: &Entry<'_, '_>,
        reading: &mut Reading<'_>,
    ) -> Option<Template> {
        let text = reading.expand(written, &entry.span())?;
        if text.contains('\0') || (text.is_empty() && !self.may_be_empty) {
            let fault = if text.is_empty() { "cannot be empty" } else { "cannot hold a NUL" };
            let message = format!("`{}`: {fault}", entry.key);
            return reading.refuse(Diagnostic::error(entry.span(), message));
        }
        match Template::parse(&text, self.allowed) {
            Ok(template) => Some(template),
            Err(fault) => {
                let message = format!("`{}`: {}", entry.key, fault.message);
                reading.refuse(Diagnostic::error(entry.span(), message).help(fault.help))
            }
        }
    }
}

impl Kind for Templated {
    type Value = Template;

    fn read(&self, entry: &Entry<'_, '_>, reading: &mut Reading<'_>) -> Option<Template> {
        match entry.value.get_ref() {
            DeValue::String(text) => self.parse(text, entry, reading),
            DeValue::Integer(n) => {
                let help = Some(format!("write \"{n}\""));
                entry.wrong_type("strings", help, reading)
            }
            _ => entry.wrong_type("strings", None, reading),
        }
    }

    fn show(&self, value: &Template) -> Json {
        json!(value.to_string())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string" })
    }
}

/// Ports of this machine.
pub(crate) struct Ports;

/// `"5001-5010"`, one port, or `"any"`, which reads as `None`.
pub(crate) const fn ports() -> Ports {
    Ports
}

impl Kind for Ports {
    type Value = Option<RangeInclusive<u16>>;

    fn read(&self, entry: &Entry<'_, '_>, reading: &mut Reading<'_>) -> Option<Self::Value> {
        const WANTED: &str = "ports as in \"5001-5010\"";
        let text = match entry.value.get_ref() {
            DeValue::String(text) => reading.expand(text, &entry.span())?,
            DeValue::Integer(port) if port.radix() == 10 => port.as_str().to_owned(),
            _ => return entry.wrong_type(WANTED, None, reading),
        };
        if matches!(text.trim(), "any" | "0") {
            return Some(None);
        }
        let (first, last) = text.split_once('-').unwrap_or((&text, &text));
        match (first.trim().parse::<u16>(), last.trim().parse::<u16>()) {
            (Ok(first), Ok(last)) if first > 0 && first <= last => Some(Some(first..=last)),
            _ => {
                let message = format!("`{}`: {text:?} is no port or range of ports", entry.key);
                let label = "as in \"5001-5010\", \"5001\" or \"any\"";
                reading.refuse(Diagnostic::error(entry.span(), message).label(label))
            }
        }
    }

    fn show(&self, value: &Self::Value) -> Json {
        match value {
            None => json!("any"),
            Some(ports) if ports.start() == ports.end() => json!(ports.start().to_string()),
            Some(ports) => json!(format!("{}-{}", ports.start(), ports.end())),
        }
    }

    fn schema(&self) -> Json {
        json!({ "anyOf": [
            { "type": "integer", "minimum": 0, "maximum": 65535 },
            { "type": "string", "pattern": r"^([0-9]{1,5}( *- *[0-9]{1,5})?|any)$|\$\{" },
        ] })
    }
}

section! {
    /// Bounds for whoever scales the app.
    struct Bounds {
        /// At start, and the least.
        min: u32 = whole(0..=INSTANCES_MAX as u64) => 1,
        /// The most.
        max: u32 = whole(1..=INSTANCES_MAX as u64) => 1,
    }
}

/// How many instances, as written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Count {
    /// So many at start.
    Number(u32),
    /// Between two bounds.
    Between(Bounds),
}

/// A number or `{ min, max }`.
pub(crate) struct Instances;

/// How many instances, with its place.
pub(crate) const fn instances() -> Instances {
    Instances
}

impl Instances {
    fn number() -> impl Kind<Value = u32> {
        whole(0..=u64::from(INSTANCES_MAX))
    }
}

impl Kind for Instances {
    type Value = Located<Count>;

    fn read(&self, entry: &Entry<'_, '_>, reading: &mut Reading<'_>) -> Option<Self::Value> {
        let value = match entry.value.get_ref() {
            DeValue::Integer(_) => Count::Number(Self::number().read(entry, reading)?),
            DeValue::Table(_) => Count::Between(table().read(entry, reading)?),
            _ => return entry.wrong_type("a number or { min, max }", None, reading),
        };
        Some(Located { value, span: entry.span() })
    }

    fn show(&self, value: &Self::Value) -> Json {
        match &value.value {
            Count::Number(number) => json!(number),
            Count::Between(Bounds { min, max }) => json!({ "min": min, "max": max }),
        }
    }

    fn schema(&self) -> Json {
        json!({ "anyOf": [Self::number().schema(), table::<Bounds>().schema()] })
    }

    fn nested(&self) -> Option<Nested> {
        let (about, keys) = (Bounds::ABOUT, Bounds::keys());
        Some(Nested { style: NestedStyle::Inline, about, keys })
    }
}

/// A table of environment variables.
pub(crate) struct Environment {
    values: Templated,
}

/// Variables and their values, in the order of the file; values may use `allowed`.
pub(crate) const fn environment(allowed: &'static [Placeholder]) -> Environment {
    Environment { values: template(allowed) }
}

impl Kind for Environment {
    type Value = Vec<(String, Located<Template>)>;

    fn read(&self, entry: &Entry<'_, '_>, reading: &mut Reading<'_>) -> Option<Self::Value> {
        let DeValue::Table(variables) = entry.value.get_ref() else {
            return entry.wrong_type("a table of variables", None, reading);
        };
        let mut variables: Vec<_> = variables.iter().collect();
        variables.sort_by_key(|(name, _)| name.span().start);
        let mut read = Vec::with_capacity(variables.len());
        for (name, value) in variables {
            let written: &str = name.get_ref();
            if written.is_empty() || written.contains(['=', '\0']) {
                let message = format!("{written:?} is not the name of a variable");
                reading.report(Diagnostic::error(name.span(), message));
                continue;
            }
            let entry = Entry { key: written, key_span: name.span(), value };
            if let Some(template) = self.values.read(&entry, reading) {
                read.push((written.to_owned(), Located { value: template, span: entry.span() }));
            }
        }
        Some(read)
    }

    fn show(&self, value: &Self::Value) -> Json {
        let variables = value.iter().map(|(name, v)| (name.clone(), self.values.show(&v.value)));
        Json::Object(variables.collect::<JsonMap<_, _>>())
    }

    fn schema(&self) -> Json {
        json!({ "type": "object", "additionalProperties": { "type": "string" } })
    }
}
