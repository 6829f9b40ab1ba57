//! `roundel overlay`: what operators changed while Roundel ran, and how to be rid of it.

use roundel_admin::contract::ConfigPicture;

use super::api::Api;
use super::arguments::{OverlayArguments, OverlayCommand, Reach};
use super::failure::Failure;
use super::screen::Screen;
use super::text;
use crate::print;

/// Does what is asked.
pub(crate) fn run(arguments: &OverlayArguments) -> Result<(), Failure> {
    match &arguments.command {
        None => show(&arguments.reach),
        Some(OverlayCommand::Show(reach)) => show(reach),
        Some(OverlayCommand::Clear(reach)) => clear(reach),
    }
}

/// Standard output gets TOML alone, so that it can be kept.
fn show(reach: &Reach) -> Result<(), Failure> {
    let config: ConfigPicture = Api::new(reach)?.get("/api/v1/config")?;
    for part in &config.without_effect {
        print::err(&format!("roundel: without effect: {}\n", text::line(part)));
    }
    let Some(overlay) = config.overlay else {
        print::err("roundel: operators changed nothing: the file alone decides\n");
        return Ok(());
    };
    Screen::new().print(&text::lines(&overlay))
}

fn clear(reach: &Reach) -> Result<(), Failure> {
    Api::new(reach)?.call("DELETE", "/api/v1/config/overlay", None)?;
    Screen::new().print("taken back: the file alone decides again")
}
