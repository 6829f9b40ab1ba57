//! What the audit log calls the operations that change something.

use axum::http::Method;

/// An operation that changes something, as far as its path tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Action {
    /// As `endpoint.update`.
    pub(crate) name: &'static str,
    /// What to, as `web/Server 1`.
    pub(crate) target: String,
}

/// The action that `method` means for a path as the router has it, with the `names` in it; `None`
/// when it changes nothing.
pub(crate) fn action_of(method: &Method, path: &str, names: &[&str]) -> Option<Action> {
    let path = path.strip_prefix("/api/v1/")?;
    let (name, target) = match (method.as_str(), path) {
        ("PATCH", "pools/{pool}/endpoints/{endpoint}") => ("endpoint.update", names.join("/")),
        ("DELETE", "pools/{pool}/endpoints/{endpoint}") => ("endpoint.remove", names.join("/")),
        ("POST", "pools/{pool}/endpoints") => ("endpoint.add", names.join("/")),
        ("POST", "apps/{app}/scale") => ("app.scale", names.join("/")),
        ("POST", "apps/{app}/restart") => ("app.restart", names.join("/")),
        ("POST", "apps/{app}/instances/{instance}/{action}") => {
            let (action, place) = names.split_last()?;
            (super::apps::verb_called(action)?.audited, place.join("/"))
        }
        ("POST", "config/reload") => ("config.reload", "file".to_owned()),
        ("PUT", "config/overlay") => ("overlay.replace", "overlay".to_owned()),
        ("DELETE", "config/overlay") => ("overlay.clear", "overlay".to_owned()),
        _ => return None,
    };
    Some(Action { name, target })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_that_changes_something_has_a_name() {
        let document = serde_json::to_value(crate::document()).unwrap();
        for (path, item) in document["paths"].as_object().unwrap() {
            for method in item.as_object().unwrap().keys().map(|method| method.to_uppercase()) {
                let changes = method != "GET" && path != "/api/v1/config/check";
                let method = Method::from_bytes(method.as_bytes()).unwrap();
                let names: &[&str] =
                    if path.ends_with("{action}") { &["web", "web-1", "kill"] } else { &["web"] };
                let action = action_of(&method, path, names);
                assert_eq!(action.is_some(), changes, "{method} {path}: {action:?}");
            }
        }
    }

    #[test]
    fn the_target_is_in_the_path() {
        let path = "/api/v1/apps/{app}/instances/{instance}/{action}";
        let action = action_of(&Method::POST, path, &["web", "web-1", "kill"]).unwrap();
        assert_eq!((action.name, action.target.as_str()), ("instance.kill", "web/web-1"));
        assert_eq!(action_of(&Method::POST, path, &["web", "web-1", "explode"]), None);
        assert_eq!(action_of(&Method::POST, path, &[]), None);
    }
}
