//! `roundel app`: the programs that Roundel runs, and what operators do with them.

mod output;
pub(super) mod view;

use roundel_admin::contract::{App, Apps};
use roundel_admin::encoded;
use serde_json::json;

use super::api::Api;
use super::arguments::{AppCommand, Common, OneInstance};
use super::failure::Failure;
use super::name::{self, Place};
use super::screen::Screen;
use super::{figure, text, word};

/// Does what is asked.
pub(crate) fn run(command: &AppCommand) -> Result<(), Failure> {
    match command {
        AppCommand::List(common) => list(common),
        AppCommand::Scale { app, instances, common } => scale(app, *instances, common),
        AppCommand::Start(one) => operate(one, "start", "starting"),
        AppCommand::Stop(one) => operate(one, "stop", "draining, then stopping"),
        AppCommand::Kill(one) => operate(one, "kill", "killed"),
        AppCommand::Restart(one) => operate(one, "restart", "restarting"),
        AppCommand::Output { name, follow, common } => output::run(name, *follow, common),
    }
}

fn list(common: &Common) -> Result<(), Failure> {
    let api = Api::new(&common.reach)?;
    let screen = Screen::new();
    let answer = api.text("/api/v1/apps")?;
    if common.json {
        return screen.print(&text::json(&answer));
    }
    let Apps { apps } = api.parse(&answer)?;
    screen.print(&view::render(&apps, figure::now(), screen.look()))
}

fn scale(app: &str, instances: u32, common: &Common) -> Result<(), Failure> {
    let api = Api::new(&common.reach)?;
    let path = format!("/api/v1/apps/{}/scale", encoded(app));
    let answer = api.call("POST", &path, Some(&json!({ "instances": instances })))?;
    report(&api, common, &answer, |now| {
        let wanted = word::many(now.instances_wanted, "instance");
        let ready = view::ready(now);
        format!("{app}: {wanted} wanted, {ready} ready at this moment")
    })
}

/// What an action is done to.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    /// All instances.
    App(String),
    Instance(Place),
}

fn operate(one: &OneInstance, action: &str, doing: &str) -> Result<(), Failure> {
    let api = Api::new(&one.common.reach)?;
    let Apps { apps } = api.get("/api/v1/apps")?;
    match target(&apps, &one.name, one.instance.as_deref())? {
        Target::Instance(place) => {
            let answer = act(&api, &place, action)?;
            let Place { group, member } = &place;
            report(&api, &one.common, &answer, |_| format!("{group}/{member}: {doing}"))
        }
        // The one action that is more than itself done to each.
        Target::App(app) if action == "restart" => {
            let answer =
                api.call("POST", &format!("/api/v1/apps/{}/restart", encoded(&app)), None)?;
            report(&api, &one.common, &answer, |_| {
                format!("{app}: restarting, one instance after the other")
            })
        }
        Target::App(app) => {
            for member in instances(&apps).filter(|(of, _)| *of == app).map(|(_, member)| member) {
                let place = Place { group: app.clone(), member: member.to_owned() };
                let answer = act(&api, &place, action)?;
                report(&api, &one.common, &answer, |_| format!("{app}/{member}: {doing}"))?;
            }
            Ok(())
        }
    }
}

/// What two names, or one, mean. An app's name means all of it, unless an instance is called the
/// same: then nothing is done before it is clear which.
fn target(apps: &[App], name: &str, instance: Option<&str>) -> Result<Target, Failure> {
    if let Some(instance) = instance {
        let place = Place { group: name.to_owned(), member: instance.to_owned() };
        return Ok(Target::Instance(place));
    }
    let is_app = apps.iter().any(|app| app.name == name);
    let namesake = instances(apps).find(|(_, instance)| *instance == name);
    match (is_app, namesake) {
        (true, None) => Ok(Target::App(name.to_owned())),
        (true, Some((app, _))) => Err(Failure::Other(format!(
            "{name:?} is an app and an instance: say {app}/{name} for the instance"
        ))),
        (false, _) => {
            let known = apps.iter().map(|app| app.name.as_str());
            let found = name::find(name::INSTANCE, name, instances(apps)).map(Target::Instance);
            match roundel_config::nearest(name, known) {
                Some(near) if found.is_err() && !name.contains('/') => Err(Failure::Other(
                    format!("there is no app or instance called {name:?}; did you mean {near:?}?"),
                )),
                _ => found,
            }
        }
    }
}

/// The names of all apps and their instances.
fn instances(apps: &[App]) -> impl Iterator<Item = (&str, &str)> {
    apps.iter().flat_map(|app| {
        app.instances.iter().map(|instance| (app.name.as_str(), instance.name.as_str()))
    })
}

fn path_of(place: &Place) -> String {
    format!("/api/v1/apps/{}/instances/{}", encoded(&place.group), encoded(&place.member))
}

fn act(api: &Api, place: &Place, action: &str) -> Result<String, Failure> {
    api.call("POST", &format!("{}/{action}", path_of(place)), None)
}

fn report(
    api: &Api,
    common: &Common,
    answer: &str,
    say: impl Fn(&App) -> String,
) -> Result<(), Failure> {
    let screen = Screen::new();
    if common.json {
        return screen.print(&text::json(answer));
    }
    screen.print(&text::line(&say(&api.parse(answer)?)))
}
