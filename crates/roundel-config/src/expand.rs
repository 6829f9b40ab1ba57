//! `${VAR}` and `${VAR:-default}` in strings, `$$` for a dollar.
//!
//! The environment is a look-up passed in, never the process's own: what a file means depends on
//! arguments alone. What a variable contains is not expanded again.

use std::ops::Range;

/// Why a text cannot be expanded, and which part of it is at fault.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ExpandError {
    pub(crate) part: Range<usize>,
    pub(crate) message: String,
    pub(crate) help: String,
}

/// Replaces every reference in `text`.
///
/// # Errors
/// A variable is unset and has no default, a name is malformed, or a `$` starts no reference.
pub(crate) fn expand(
    text: &str,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<String, ExpandError> {
    let mut expanded = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(offset) = text.get(at..).and_then(|rest| rest.find('$')) {
        let dollar = at + offset;
        expanded.push_str(text.get(at..dollar).unwrap_or_default());
        let rest = text.get(dollar + 1..).unwrap_or_default();
        if rest.starts_with('$') {
            expanded.push('$');
            at = dollar + 2;
        } else if let Some(inner) = rest.strip_prefix('{') {
            let Some(len) = inner.find('}') else {
                return Err(ExpandError {
                    part: dollar..text.len(),
                    message: "`${` without `}`".to_owned(),
                    help: "close it as in `${NAME}`, or write `$$` for a dollar".to_owned(),
                });
            };
            let end = dollar + 2 + len + 1;
            let reference = inner.get(..len).unwrap_or_default();
            expanded.push_str(&resolve(reference, dollar..end, env)?);
            at = end;
        } else {
            return Err(ExpandError {
                part: dollar..dollar + 1,
                message: "a `$` that starts no `${NAME}`".to_owned(),
                help: "write `$$` for a dollar".to_owned(),
            });
        }
    }
    expanded.push_str(text.get(at..).unwrap_or_default());
    Ok(expanded)
}

fn resolve(
    reference: &str,
    part: Range<usize>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<String, ExpandError> {
    let (name, default) = match reference.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (reference, None),
    };
    let is_start = |c: char| c.is_ascii_alphabetic() || c == '_';
    let is_name =
        name.starts_with(is_start) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !is_name {
        return Err(ExpandError {
            part,
            message: format!("{name:?} is not the name of an environment variable"),
            help: "use letters, digits and `_`, as in `${PORT}` or `${PORT:-8080}`".to_owned(),
        });
    }
    // As in a shell, `:-` also covers a variable that is set but empty.
    match (env(name), default) {
        (Some(value), None) => Ok(value),
        (Some(value), Some(_)) if !value.is_empty() => Ok(value),
        (_, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(ExpandError {
            part,
            message: format!("environment variable `{name}` is not set"),
            help: format!("set it, or give a default: `${{{name}:-…}}`"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn env(name: &str) -> Option<String> {
        match name {
            "HOST" => Some("10.0.0.1".to_owned()),
            "EMPTY" => Some(String::new()),
            "NESTED" => Some("${HOST}".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn references_take_the_value_or_the_default() {
        for (text, expanded) in [
            ("plain", "plain"),
            ("${HOST}:80", "10.0.0.1:80"),
            ("${PORT:-8080}", "8080"),
            ("${EMPTY:-x}${EMPTY}", "x"),
            ("${NONE:-}", ""),
            ("a$$b", "a$b"),
            ("$${HOST}", "${HOST}"),
            ("${NESTED}", "${HOST}"),
            ("ü${HOST}ü", "ü10.0.0.1ü"),
        ] {
            assert_eq!(expand(text, &env).as_deref(), Ok(expanded), "{text}");
        }
    }

    #[test]
    fn faulty_references_are_located() {
        for (text, part) in
            [("a${NONE}", 1..8), ("${HOST", 0..6), ("5$", 1..2), ("${}", 0..3), ("${1A}", 0..5)]
        {
            assert_eq!(expand(text, &env).unwrap_err().part, part, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[a${}:ü-]*") {
            let _ = expand(&text, &env);
        }
    }
}
