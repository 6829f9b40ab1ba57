//! What an operator's wish does to what is decided about apps. Pure.

use roundel_config::model::{AppConfig, Config};
use roundel_core::name::Name;

use super::{Decided, IntentError};
use crate::apps::{AppError, AppView, Operation};
use crate::compose::{AppOverlay, Overlay};

impl Decided {
    pub(super) fn scale(
        &mut self,
        file: &Config,
        app: &str,
        wanted: u32,
    ) -> Result<(), IntentError> {
        let config = app_called(file, app)?;
        let (min, max) = (config.instances.min, config.instances.max);
        if !(min..=max).contains(&wanted) {
            let app = app.to_owned();
            return Err(AppError::OutOfBounds { app, wanted, min, max }.into());
        }
        self.of(&config.name).instances = number(config, wanted);
        Ok(())
    }

    pub(super) fn operate(
        &mut self,
        apps: &[AppView],
        app: &str,
        instance: &str,
        operation: Operation,
    ) -> Result<(), IntentError> {
        let view = apps.iter().find(|view| view.name.as_str() == app);
        let view = view.ok_or_else(|| AppError::NoApp(app.to_owned()))?;
        let found = view.instances.iter().find(|found| found.name.as_str() == instance);
        let found = found.ok_or_else(|| AppError::NoInstance {
            app: app.to_owned(),
            instance: instance.to_owned(),
        })?;
        let stopped = &mut self.of(&view.name).stopped;
        match operation {
            Operation::Stop => drop(stopped.insert(found.name.clone())),
            Operation::Start | Operation::Restart => drop(stopped.remove(&found.name)),
            Operation::Kill => {}
        }
        Ok(())
    }

    /// Decides what the app does by now.
    pub(super) fn follow_app(&mut self, file: &Config, apps: &[AppView], app: &str) {
        let view = apps.iter().find(|view| view.name.as_str() == app);
        let (Ok(config), Some(view)) = (app_called(file, app), view) else { return };
        let stopped = view.instances.iter().filter(|instance| instance.is_held);
        let stopped = stopped.map(|instance| instance.name.clone()).collect();
        let instances = number(config, view.instances_wanted);
        *self.of(&config.name) = AppOverlay { instances, stopped };
    }

    fn of(&mut self, app: &Name) -> &mut AppOverlay {
        self.overlay.apps.entry(app.clone()).or_default()
    }
}

impl Overlay {
    /// Decisions about apps that are not there, or that cannot be as decided, each in words.
    pub(super) fn apps_without_effect(&self, file: &Config) -> Vec<String> {
        let words = |(name, overlay): (&Name, &AppOverlay)| {
            let Ok(config) = app_called(file, name.as_str()) else {
                return Some(format!("app \"{name}\": there is no such app"));
            };
            let (min, max) = (config.instances.min, config.instances.max);
            let wanted = overlay.instances?;
            if config.autoscale.is_some() {
                return Some(format!("app \"{name}\": the autoscaler chooses how many run"));
            }
            let is_possible = (min..=max).contains(&wanted);
            (!is_possible)
                .then(|| format!("app \"{name}\": {wanted} instances are outside {min} to {max}"))
        };
        self.apps.iter().filter_map(words).collect()
    }
}

/// What there is to decide for an app to have `wanted` instances: nothing, where the file says so
/// already or the load chooses.
fn number(config: &AppConfig, wanted: u32) -> Option<u32> {
    Some(wanted).filter(|_| config.autoscale.is_none() && wanted != config.instances.initial)
}

fn app_called<'a>(file: &'a Config, name: &str) -> Result<&'a AppConfig, AppError> {
    let app = file.apps.iter().find(|app| app.name.as_str() == name);
    app.ok_or_else(|| AppError::NoApp(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(keys: &str) -> Config {
        let text = format!("[[listener]]\naddress = \":1\"\n[app.web]\ncommand = [\"x\"]\n{keys}");
        roundel_config::load(&text, "test", &|_| None).unwrap().config
    }

    fn scaled(file: &Config, wanted: u32) -> Result<Overlay, String> {
        let mut decided = Decided::default();
        decided.scale(file, "web", wanted).map_err(|error| error.to_string())?;
        decided.overlay.tidy();
        Ok(decided.overlay)
    }

    #[test]
    fn a_number_is_kept_unless_the_file_or_the_load_says_it() {
        let plain = file("instances = { min = 2, max = 5 }");
        let overlay = scaled(&plain, 4).unwrap();
        assert_eq!(overlay.to_text().lines().last(), Some("instances = 4"));
        assert_eq!(Overlay::parse(&overlay.to_text()).unwrap(), overlay);
        assert!(overlay.without_effect(&plain, &plain).is_empty());
        assert!(scaled(&plain, 2).unwrap().is_empty(), "as in the file");
        let refused = scaled(&plain, 6).unwrap_err();
        assert_eq!(refused, "app \"web\": 6 instances are outside 2 to 5");
        let shrunk = file("instances = { min = 1, max = 3 }");
        let left = overlay.without_effect(&shrunk, &shrunk);
        assert_eq!(left, ["app \"web\": 4 instances are outside 1 to 3"]);
        let scaling = "instances = { min = 2, max = 5 }\n[app.web.autoscale]\ntarget_in_flight = 9";
        assert!(scaled(&file(scaling), 4).unwrap().is_empty());
    }
}
