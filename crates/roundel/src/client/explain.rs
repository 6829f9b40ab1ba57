//! `roundel explain`: what became of one request, and why.

pub(super) mod view;

use roundel_admin::contract::RequestDetail;
use roundel_admin::encoded;

use super::api::Api;
use super::arguments::ExplainArguments;
use super::failure::Failure;
use super::screen::Screen;
use super::text;

/// Explains it.
pub(crate) fn run(arguments: &ExplainArguments) -> Result<(), Failure> {
    let api = Api::new(&arguments.common.reach)?;
    let screen = Screen::new();
    let answer = api.text(&format!("/api/v1/requests/{}", encoded(&arguments.id)))?;
    if arguments.common.json {
        return screen.print(&text::json(&answer));
    }
    let detail: RequestDetail = api.parse(&answer)?;
    screen.print(&view::render(&detail, screen.look()))
}
