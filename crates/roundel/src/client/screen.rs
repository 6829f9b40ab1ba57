//! Where results go: standard output, as wide and as colourful as its reader can take.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::tcgetwinsize;

use super::failure::Failure;
use super::text;

/// How a text is to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Look {
    /// Cells of a line; nothing when nobody counts, as in a file.
    pub(crate) width: Option<usize>,
    pub(crate) is_coloured: bool,
}

/// Cells of the words before facts.
const WORD: usize = 10;

impl Look {
    /// A word and the fact that it is for, on as many lines as that takes.
    pub(crate) fn fact(self, word: &str, text: &str) -> String {
        text::folded(&format!("{word:<WORD$}{text}"), self.width, WORD) + "\n"
    }
}

/// Standard output.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Screen {
    is_terminal: bool,
}

/// Narrower terminals are not believed.
const CELLS_MIN: usize = 20;

#[allow(
    clippy::unused_self,
    reason = "that standard output is global is the screen's own business"
)]
impl Screen {
    pub(crate) fn new() -> Self {
        Self { is_terminal: io::stdout().is_terminal() }
    }

    /// How texts look on it at this moment; a terminal may have changed its size.
    pub(crate) fn look(self) -> Look {
        if !self.is_terminal {
            return Look::default();
        }
        let is_refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Look { width: self.size().map(|(columns, _)| columns), is_coloured: !is_refused }
    }

    /// Columns and rows.
    fn size(self) -> Option<(usize, usize)> {
        let size = tcgetwinsize(io::stdout()).ok()?;
        let (columns, rows) = (usize::from(size.ws_col), usize::from(size.ws_row));
        (columns >= CELLS_MIN && rows > 2).then_some((columns, rows))
    }

    /// Writes a text that ends its last line.
    pub(crate) fn print(self, text: &str) -> Result<(), Failure> {
        let is_whole = text.is_empty() || text.ends_with('\n');
        self.write(text, if is_whole { "" } else { "\n" })
    }

    fn write(self, text: &str, end: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.write_all(end.as_bytes())?;
        Ok(stdout.flush()?)
    }

    /// Waits for so long, unless whoever reads goes away before.
    pub(crate) fn pause(self, pause: Duration) -> Result<(), Failure> {
        let stdout = io::stdout();
        let mut fds = [PollFd::new(&stdout, PollFlags::empty())];
        let limit = Timespec::try_from(pause).ok();
        match poll(&mut fds, limit.as_ref()) {
            // A signal that did not end the process ends the pause, which does no harm.
            Ok(0) | Err(_) => Ok(()),
            Ok(_) => Err(Failure::Closed),
        }
    }

    /// Makes room for texts that replace one another: what a terminal shows moves up and stays.
    pub(crate) fn make_room(self) -> Result<(), Failure> {
        match self.size().filter(|_| self.is_terminal) {
            Some((_, rows)) => self.print(&"\n".repeat(rows)),
            None => Ok(()),
        }
    }

    /// Writes a text in the place of the one before, when that was written in this way, too. In a
    /// file one stands after the other.
    pub(crate) fn replace(self, text: &str) -> Result<(), Failure> {
        if !self.is_terminal {
            return self.print(&format!("{text}\n"));
        }
        let rows = self.size().map_or(usize::MAX, |(_, rows)| rows);
        // A line's end more would move all of it up.
        self.write(&redrawn(text, rows), "")
    }
}

/// The text as a terminal of so many rows redraws it: from the first row, each line to its end, then
/// nothing below it.
fn redrawn(text: &str, rows: usize) -> String {
    let mut drawn = String::from("\x1b[H");
    let total = text.lines().count();
    // The cursor stands on a row of its own below.
    let room = rows.saturating_sub(1);
    let shown = if total > room { room.saturating_sub(1) } else { total };
    for line in text.lines().take(shown) {
        drawn.push_str(line);
        drawn.push_str("\x1b[K\n");
    }
    if total > shown {
        let beyond = total - shown;
        // Writing to a `String` cannot fail.
        let _ = writeln!(drawn, "({beyond} more lines: make the window higher)\x1b[K");
    }
    drawn.push_str("\x1b[J");
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_is_redrawn_without_scrolling() {
        assert_eq!(redrawn("a\nb\n", 24), "\x1b[Ha\x1b[K\nb\x1b[K\n\x1b[J");
        assert_eq!(redrawn("a\nb\n", 3), "\x1b[Ha\x1b[K\nb\x1b[K\n\x1b[J");
        let cut = redrawn("a\nb\nc\nd\n", 4);
        assert_eq!(
            cut,
            "\x1b[Ha\x1b[K\nb\x1b[K\n(2 more lines: make the window higher)\x1b[K\n\x1b[J"
        );
    }
}
