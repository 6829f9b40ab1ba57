//! Texts with placeholders: `--port={port}`.
//!
//! What an app's instances are told differs from one to the next by a few facts; a template names
//! them. A brace that is meant as such is doubled. Nothing else is interpreted: no shell is involved,
//! so an argument stays one argument whatever stands in it.

use std::fmt::{self, Write as _};
use std::path::Path;

use crate::suggest::nearest;

/// A fact about an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Placeholder {
    /// `{app}`: the app's name.
    App,
    /// `{name}`: the instance's name.
    Name,
    /// `{index}`: the instance's number, from 1.
    Index,
    /// `{port}`: the port to listen on.
    Port,
    /// `{socket}`: the Unix socket to listen on.
    Socket,
}

impl Placeholder {
    const ALL: [Self; 5] = [Self::App, Self::Name, Self::Index, Self::Port, Self::Socket];

    /// As it is written between braces.
    pub const fn word(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Name => "name",
            Self::Index => "index",
            Self::Port => "port",
            Self::Socket => "socket",
        }
    }
}

/// What the placeholders of a template stand for.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The app's name.
    pub app: &'a str,
    /// The instance's name.
    pub name: &'a str,
    /// The instance's number.
    pub index: u32,
    /// The port; `None` renders as nothing, and a validated configuration never asks for it then.
    pub port: Option<u16>,
    /// The socket; `None` as for the port.
    pub socket: Option<&'a Path>,
}

/// A text with placeholders. Prints as it is written in a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Part {
    Text(String),
    Fact(Placeholder),
}

/// What is wrong with a template, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TemplateFault {
    pub(crate) message: String,
    pub(crate) help: String,
}

impl Template {
    /// Reads a template that may use the placeholders in `allowed`.
    pub(crate) fn parse(text: &str, allowed: &[Placeholder]) -> Result<Self, TemplateFault> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            literal.push_str(before);
            if let Some(after) = from.strip_prefix("{{").or_else(|| from.strip_prefix("}}")) {
                literal.extend(from.chars().next());
                rest = after;
                continue;
            }
            let inner = from.strip_prefix('{').and_then(|inner| inner.split_once('}'));
            let Some((word, after)) = inner else { return Err(lone_brace(text)) };
            let fact = placeholder(word, allowed)?;
            if !literal.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut literal)));
            }
            parts.push(Part::Fact(fact));
            rest = after;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Ok(Self(parts))
    }

    /// The text for one instance.
    pub fn render(&self, facts: &Facts<'_>) -> String {
        let mut text = String::new();
        for part in &self.0 {
            // Writing to a `String` cannot fail.
            let _ = match part {
                Part::Text(literal) => text.write_str(literal),
                Part::Fact(Placeholder::App) => text.write_str(facts.app),
                Part::Fact(Placeholder::Name) => text.write_str(facts.name),
                Part::Fact(Placeholder::Index) => write!(text, "{}", facts.index),
                Part::Fact(Placeholder::Port) => {
                    facts.port.map_or(Ok(()), |port| write!(text, "{port}"))
                }
                Part::Fact(Placeholder::Socket) => {
                    facts.socket.map_or(Ok(()), |path| write!(text, "{}", path.display()))
                }
            };
        }
        text
    }

    /// The text for every instance; `None` when it differs.
    pub fn literal(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Whether it uses a placeholder.
    pub fn uses(&self, placeholder: Placeholder) -> bool {
        self.0.contains(&Part::Fact(placeholder))
    }
}

fn placeholder(word: &str, allowed: &[Placeholder]) -> Result<Placeholder, TemplateFault> {
    if let Some(found) = allowed.iter().find(|p| p.word() == word) {
        return Ok(*found);
    }
    let words: Vec<&str> = allowed.iter().map(|p| p.word()).collect();
    let message = if Placeholder::ALL.iter().any(|p| p.word() == word) {
        format!("the placeholder {{{word}}} has no meaning here")
    } else {
        format!("there is no placeholder {{{word}}}")
    };
    let help = if let Some(near) = nearest(word, words.iter().copied()) {
        format!("did you mean {{{near}}}? A brace that is meant as such is doubled")
    } else {
        let list: Vec<String> = words.iter().map(|word| format!("{{{word}}}")).collect();
        format!("there are {}; a brace that is meant as such is doubled", list.join(", "))
    };
    Err(TemplateFault { message, help })
}

fn lone_brace(text: &str) -> TemplateFault {
    TemplateFault {
        message: format!("{text:?} has a brace that belongs to no placeholder"),
        help: "a brace that is meant as such is doubled: `{{` or `}}`".to_owned(),
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.0 {
            match part {
                Part::Text(text) => f.write_str(&text.replace('{', "{{").replace('}', "}}"))?,
                Part::Fact(fact) => write!(f, "{{{}}}", fact.word())?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FACTS: Facts<'_> =
        Facts { app: "web", name: "Server 2", index: 2, port: Some(5002), socket: None };

    fn render(text: &str) -> String {
        Template::parse(text, &Placeholder::ALL).unwrap().render(&FACTS)
    }

    #[test]
    fn placeholders_are_replaced_and_everything_else_is_kept() {
        for (text, expected) in [
            ("", ""),
            ("plain $HOME `x`", "plain $HOME `x`"),
            ("--port={port}", "--port=5002"),
            ("{app}/{name}/{index}", "web/Server 2/2"),
            ("{{\"a\": {index}}}", "{\"a\": 2}"),
            ("{port}{port}", "50025002"),
        ] {
            assert_eq!(render(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_placeholder_is_refused_with_advice() {
        for (text, message, help) in [
            ("{prot}", "there is no placeholder {prot}", "did you mean {port}?"),
            ("{}", "there is no placeholder {}", "there are {name}, {port};"),
            ("{index}", "the placeholder {index} has no meaning here", "there are"),
            ("a{port", "belongs to no placeholder", "doubled"),
            ("a}", "belongs to no placeholder", "doubled"),
        ] {
            let allowed = [Placeholder::Name, Placeholder::Port];
            let fault = Template::parse(text, &allowed).unwrap_err();
            assert!(fault.message.contains(message), "{text}: {}", fault.message);
            assert!(fault.help.contains(help), "{text}: {}", fault.help);
        }
    }

    proptest! {
        #[test]
        fn any_text_reads_or_is_refused_and_prints_so_that_it_reads_back(text in r"[a{}port ]{0,20}") {
            if let Ok(template) = Template::parse(&text, &Placeholder::ALL) {
                let again = Template::parse(&template.to_string(), &Placeholder::ALL);
                prop_assert_eq!(again, Ok(template));
            }
        }
    }
}
