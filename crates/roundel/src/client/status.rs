//! `roundel status`: what runs and how it fares, at one moment or from second to second.

pub(super) mod view;

use std::time::Duration;

use roundel_admin::contract::State;

use super::api::Api;
use super::arguments::StatusArguments;
use super::failure::Failure;
use super::screen::Screen;
use super::text;

pub(crate) use view::{SILENT, ejection, tone_of_health};

/// Between two tries to reach a Roundel that has gone.
const AGAIN: Duration = Duration::from_secs(1);

/// Shows the state.
pub(crate) fn run(arguments: &StatusArguments) -> Result<(), Failure> {
    let api = Api::new(&arguments.common.reach)?;
    let screen = Screen::new();
    let is_json = arguments.common.json;
    if arguments.watch {
        return watch(&api, screen, is_json);
    }
    let answer = api.text("/api/v1/state")?;
    if is_json {
        return screen.print(&text::json(&answer));
    }
    let state: State = api.parse(&answer)?;
    screen.print(&view::render(&state, screen.look()))
}

/// Shows one state after the other. A Roundel that was there and has gone is waited for, since a
/// restart is what people watch; one that never was is a failure.
fn watch(api: &Api, screen: Screen, is_json: bool) -> Result<(), Failure> {
    let mut has_seen = false;
    if !is_json {
        screen.make_room()?;
    }
    loop {
        let failure = match follow(api, screen, is_json, &mut has_seen) {
            Err(failure @ (Failure::Unreachable { .. } | Failure::Answer { .. })) => failure,
            Err(failure) => return Err(failure),
            Ok(never) => match never {},
        };
        if !has_seen || is_json {
            return Err(failure);
        }
        let admin = api.admin();
        screen.replace(&format!("No Roundel answers at {admin}; trying again each second.\n"))?;
        screen.pause(AGAIN)?;
    }
}

/// What never is.
enum Never {}

fn follow(api: &Api, screen: Screen, is_json: bool, has_seen: &mut bool) -> Result<Never, Failure> {
    let mut stream = api.follow("/api/v1/events?topics=state", None)?;
    loop {
        let event = stream.next()?;
        if event.name != "state" {
            continue;
        }
        if is_json {
            screen.print(&text::json(&event.data))?;
        } else {
            let state: State = api.parse(&event.data)?;
            screen.replace(&view::render(&state, screen.look()))?;
        }
        *has_seen = true;
    }
}
