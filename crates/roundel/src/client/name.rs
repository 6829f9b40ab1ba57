//! Which endpoint or instance is meant by a name.
//!
//! Names are unique in their group (an endpoint's pool, an instance's app), so `GROUP/MEMBER` always
//! says which; `MEMBER` alone does when one group has it. Names may hold slashes themselves, so each
//! slash may be the one between the two. What says both wins over what might.

use super::failure::Failure;

/// A group and one of its members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) group: String,
    pub(crate) member: String,
}

/// What is looked for, in words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) member: &'static str,
    pub(crate) group: &'static str,
}

pub(crate) const ENDPOINT: Kind = Kind { member: "endpoint", group: "pool" };
pub(crate) const INSTANCE: Kind = Kind { member: "instance", group: "app" };

/// The one place that `name` means.
pub(crate) fn find<'a>(
    kind: Kind,
    name: &str,
    places: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Place, Failure> {
    let places: Vec<(&str, &str)> = places.into_iter().collect();
    let splits: Vec<(&str, &str)> =
        name.match_indices('/').map(|(at, _)| (&name[..at], &name[at + 1..])).collect();
    let whole = || places.iter().filter(|(_, member)| *member == name);
    let mut meant: Vec<&(&str, &str)> = places.iter().filter(|it| splits.contains(it)).collect();
    if meant.is_empty() {
        meant = whole().collect();
    }
    match meant.as_slice() {
        [(group, member)] => Ok(Place { group: (*group).to_owned(), member: (*member).to_owned() }),
        [] => Err(Failure::Other(unknown(kind, name, &places))),
        _ => {
            let candidates: Vec<String> =
                meant.iter().map(|(group, member)| quoted(&format!("{group}/{member}"))).collect();
            let Kind { member, .. } = kind;
            let candidates = candidates.join(", ");
            Err(Failure::Other(format!("{name:?} may be any of several {member}s: {candidates}")))
        }
    }
}

/// That nothing has this name, and what has one like it.
pub(crate) fn unknown(kind: Kind, name: &str, places: &[(&str, &str)]) -> String {
    let full: Vec<String> = places.iter().map(|(group, it)| format!("{group}/{it}")).collect();
    let known = places.iter().map(|(_, member)| *member).chain(full.iter().map(String::as_str));
    let hint = match roundel_config::nearest(name, known) {
        Some(near) => format!("; did you mean {near:?}?"),
        None => String::new(),
    };
    let Kind { member, group } = kind;
    // A mistyped group explains itself better than the whole.
    if let Some((prefix, rest)) = name.split_once('/')
        && places.iter().any(|(group, _)| *group == prefix)
    {
        let members = places.iter().filter(|(it, _)| *it == prefix).map(|(_, member)| *member);
        let hint = match roundel_config::nearest(rest, members) {
            Some(near) => format!("; did you mean {near:?}?"),
            None => String::new(),
        };
        return format!("{group} {prefix:?} has no {member} called {rest:?}{hint}");
    }
    let hint = if hint.is_empty() && places.is_empty() {
        format!("; there is no {member} at all")
    } else {
        hint
    };
    format!("there is no {member} called {name:?}{hint}")
}

/// As a shell takes it.
fn quoted(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-:".contains(c);
    if name.chars().all(is_plain) { name.to_owned() } else { format!("\"{name}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACES: [(&str, &str); 6] = [
        ("web", "one"),
        ("web", "two"),
        ("api", "one"),
        ("api", "Server 1"),
        ("api", "unix:/run/a.sock"),
        ("backup", "web/two"),
    ];

    fn found(name: &str) -> Result<String, String> {
        match find(ENDPOINT, name, PLACES) {
            Ok(Place { group, member }) => Ok(format!("{group} {member}")),
            Err(Failure::Other(message)) => Err(message),
            Err(failure) => panic!("{failure:?}"),
        }
    }

    #[test]
    fn a_name_means_one_endpoint_or_none() {
        for (name, expected) in [
            ("web/one", "web one"),
            ("two", "web two"),
            ("Server 1", "api Server 1"),
            ("unix:/run/a.sock", "api unix:/run/a.sock"),
            ("api/unix:/run/a.sock", "api unix:/run/a.sock"),
            // The pool's name before the slash says more than a name that has one.
            ("web/two", "web two"),
            ("backup/web/two", "backup web/two"),
        ] {
            assert_eq!(found(name).as_deref(), Ok(expected), "{name}");
        }
    }

    #[test]
    fn what_is_not_clear_lists_what_it_could_be() {
        for (name, expected) in [
            ("one", "\"one\" may be any of several endpoints: web/one, api/one"),
            ("twoo", "there is no endpoint called \"twoo\"; did you mean \"two\"?"),
            ("wep/one", "there is no endpoint called \"wep/one\"; did you mean \"web/one\"?"),
            (
                "api/Server1",
                "pool \"api\" has no endpoint called \"Server1\"; did you mean \"Server 1\"?",
            ),
            ("web/zebra", "pool \"web\" has no endpoint called \"zebra\""),
            ("zebra", "there is no endpoint called \"zebra\""),
        ] {
            assert_eq!(found(name), Err(expected.to_owned()));
        }
        let Err(Failure::Other(nothing)) = find(INSTANCE, "x", []) else { panic!() };
        assert_eq!(nothing, "there is no instance called \"x\"; there is no instance at all");
        let twins = [("a b", "x"), ("c", "x")];
        let Err(Failure::Other(quoted)) = find(INSTANCE, "x", twins) else { panic!() };
        assert_eq!(quoted, "\"x\" may be any of several instances: \"a b/x\", c/x");
    }
}
