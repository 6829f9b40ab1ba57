//! `roundel app output`: what an instance writes.
//!
//! The API tells the last lines and how many there were in all, so what is new since the last look
//! is known exactly, and also how much of it was lost when an instance writes faster than that.

use std::fmt::Write as _;
use std::time::Duration;

use roundel_admin::contract::{Apps, Output};

use super::super::api::Api;
use super::super::arguments::Common;
use super::super::failure::Failure;
use super::super::screen::Screen;
use super::super::{name, text, word};

const AGAIN: Duration = Duration::from_millis(500);

/// Shows the last lines; with `follow` also what comes after them.
pub(crate) fn run(name: &str, follow: bool, common: &Common) -> Result<(), Failure> {
    let api = Api::new(&common.reach)?;
    let screen = Screen::new();
    let Apps { apps } = api.get("/api/v1/apps")?;
    let place = name::find(name::INSTANCE, name, super::instances(&apps))?;
    let path = format!("{}/output", super::path_of(&place));
    let mut seen = 0;
    loop {
        let answer = api.text(&path)?;
        let output: Output = api.parse(&answer)?;
        match (common.json, follow) {
            (true, false) => return screen.print(&text::json(&answer)),
            (true, true) => {
                for line in fresh(&output, seen).lines {
                    screen
                        .print(&text::json(&serde_json::Value::from(line.as_str()).to_string()))?;
                }
            }
            (false, _) => screen.print(&shown(&fresh(&output, seen)))?,
        }
        // Who follows gets it when it is whole.
        if let Some(begun) = output.unfinished.as_deref().filter(|_| !follow) {
            screen.print(&text::lines(begun))?;
        }
        if !follow {
            return Ok(());
        }
        seen = output.lines_written;
        screen.pause(AGAIN)?;
    }
}

/// Lines that were not seen yet.
#[derive(Debug, PartialEq, Eq)]
struct Fresh<'a> {
    /// Lines before them that are no longer there.
    lost: u64,
    lines: &'a [String],
}

/// What is new after `seen` lines. Fewer lines than that come from a Roundel that has started anew.
fn fresh(output: &Output, seen: u64) -> Fresh<'_> {
    let Output { lines, lines_written, .. } = output;
    let unseen = lines_written.checked_sub(seen).unwrap_or(*lines_written);
    let kept = usize::try_from(unseen).unwrap_or(usize::MAX).min(lines.len());
    let lost = if seen == 0 { 0 } else { unseen - kept as u64 };
    Fresh { lost, lines: lines.get(lines.len() - kept..).unwrap_or_default() }
}

fn shown(fresh: &Fresh<'_>) -> String {
    let mut shown = String::new();
    if fresh.lost > 0 {
        // Writing to a `String` cannot fail.
        let _ = writeln!(shown, "({} not kept)", word::many(fresh.lost, "line"));
    }
    for line in fresh.lines {
        shown.push_str(&text::lines(line));
        shown.push('\n');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_shown_once_and_what_is_lost_is_said() {
        let output = |written: u64| Output {
            lines: (written.saturating_sub(3)..written).map(|n| format!("line {n}")).collect(),
            lines_written: written,
            unfinished: None,
        };
        for (written, seen, expected) in [
            (0, 0, ""),
            (2, 0, "line 0\nline 1\n"),
            (7, 0, "line 4\nline 5\nline 6\n"),
            (7, 7, ""),
            (7, 6, "line 6\n"),
            (9, 3, "(3 lines not kept)\nline 6\nline 7\nline 8\n"),
            // Started anew.
            (2, 9, "line 0\nline 1\n"),
        ] {
            assert_eq!(shown(&fresh(&output(written), seen)), expected, "{written} after {seen}");
        }
    }

    #[test]
    fn output_cannot_steer_the_terminal() {
        let output =
            Output { lines: vec!["\x1b[2Jgone\r".to_owned()], lines_written: 1, unfinished: None };
        assert_eq!(shown(&fresh(&output, 0)), "\\x1b[2Jgone\\r\n");
    }
}
