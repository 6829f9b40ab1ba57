//! `roundel reload`: has a running Roundel read its configuration file again.

use roundel_admin::contract::Reloaded;

use super::api::Api;
use super::arguments::ReloadArguments;
use super::failure::Failure;
use super::screen::Screen;
use super::text;

/// Reloads; a file with mistakes is refused with all of them.
pub(crate) fn run(arguments: &ReloadArguments) -> Result<(), Failure> {
    let api = Api::new(&arguments.common.reach)?;
    let screen = Screen::new();
    let answer = api.call("POST", "/api/v1/config/reload", None)?;
    if arguments.common.json {
        return screen.print(&text::json(&answer));
    }
    let Reloaded { message, generation } = api.parse(&answer)?;
    screen.print(&format!("reloaded, generation {generation}: {}", text::line(&message)))
}
