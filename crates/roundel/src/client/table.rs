//! Tables: columns that align as they are seen, narrow enough for the terminal.
//!
//! Where the width is limited, columns that may shrink do so, the widest first, and an ellipsis says
//! so; where it is not, as in a file, nothing is left out. Texts are made harmless on their way in.

use super::screen::Look;
use super::text;

/// What a cell says by its colour, besides its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Tone {
    #[default]
    Plain,
    Good,
    Warn,
    Bad,
    Dim,
    Strong,
}

impl Tone {
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Good => "32",
            Self::Warn => "33",
            Self::Bad => "31",
            Self::Dim => "2",
            Self::Strong => "1",
        }
    }

    /// `text` in this tone, if colours are wanted.
    pub(crate) fn paint(self, text: &str, look: Look) -> String {
        if self == Self::Plain || !look.is_coloured {
            return text.to_owned();
        }
        format!("\x1b[{}m{text}\x1b[0m", self.code())
    }
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    pub(crate) fn new(text: &str, tone: Tone) -> Self {
        Self { text: text::line(text), tone }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::new(text, Tone::Plain)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

/// Where a column's texts stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

/// A column: its title, its side, and how narrow it may become.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    title: &'static str,
    side: Side,
    /// It never becomes narrower than that; nothing when it does not shrink at all.
    least: Option<usize>,
    /// It is so wide from the start, for rows that come one by one.
    initial: usize,
}

/// A column of words.
pub(crate) const fn left(title: &'static str) -> Column {
    Column { title, side: Side::Left, least: None, initial: 0 }
}

/// A column of numbers.
pub(crate) const fn right(title: &'static str) -> Column {
    Column { title, side: Side::Right, least: None, initial: 0 }
}

impl Column {
    /// The same, but it may shrink to so many cells.
    pub(crate) const fn shrinks_to(self, least: usize) -> Self {
        Self { least: Some(least), ..self }
    }

    /// The same, but never narrower than so many cells where there is room.
    pub(crate) const fn begins_at(self, initial: usize) -> Self {
        Self { initial, ..self }
    }
}

/// Rows of cells under titles.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Row>,
    indent: usize,
}

#[derive(Debug)]
struct Row {
    cells: Vec<Cell>,
    /// What stands below it, a line each.
    notes: Vec<Cell>,
}

/// Between columns.
const GAP: usize = 2;

impl Table {
    pub(crate) fn new(columns: &[Column]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new(), indent: 0 }
    }

    /// The same, with so many cells before each line.
    pub(crate) fn indented(mut self, indent: usize) -> Self {
        self.indent = indent;
        self
    }

    /// Adds a row, of one cell for each column.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(Row { cells: cells.into_iter().collect(), notes: Vec::new() });
    }

    /// Adds a line below the last row.
    pub(crate) fn note(&mut self, text: &str, tone: Tone) {
        if let Some(row) = self.rows.last_mut() {
            row.notes.push(Cell::new(text, tone));
        }
    }

    /// The table as text.
    pub(crate) fn render(&self, look: Look) -> String {
        let widths = self.widths(look.width);
        let titles = self.columns.iter().map(|column| Cell::new(column.title, Tone::Dim));
        let titles: Vec<Cell> = titles.collect();
        self.line(&titles, &widths, look) + &self.render_rows(look)
    }

    /// The same without its titles, to go on with it.
    pub(crate) fn render_rows(&self, look: Look) -> String {
        let widths = self.widths(look.width);
        let mut shown = String::new();
        for row in &self.rows {
            shown.push_str(&self.line(&row.cells, &widths, look));
            for note in &row.notes {
                let indent = self.indent + 2 * GAP;
                let room = look.width.map(|width| width.saturating_sub(indent));
                for line in text::folded(&note.text, room, 2).lines() {
                    shown.push_str(&" ".repeat(indent));
                    shown.push_str(&note.tone.paint(line, look));
                    shown.push('\n');
                }
            }
        }
        shown
    }

    fn line(&self, cells: &[Cell], widths: &[usize], look: Look) -> String {
        let mut line = " ".repeat(self.indent);
        let last = cells.iter().rposition(|cell| !cell.text.is_empty()).unwrap_or(0);
        for (at, (cell, column)) in cells.iter().zip(&self.columns).enumerate().take(last + 1) {
            let width = widths.get(at).copied().unwrap_or_default();
            let text = text::cut(&cell.text, width);
            let space = " ".repeat(width.saturating_sub(text::width(&text)));
            let painted = cell.tone.paint(&text, look);
            if column.side == Side::Right {
                line.push_str(&space);
            }
            line.push_str(&painted);
            // Nothing follows the last one, so that lines end where their text does.
            if at < last {
                if column.side == Side::Left {
                    line.push_str(&space);
                }
                line.push_str(&" ".repeat(GAP));
            }
        }
        line.truncate(line.trim_end_matches(' ').len());
        line.push('\n');
        line
    }

    /// The columns' widths in a line of `width` cells.
    fn widths(&self, width: Option<usize>) -> Vec<usize> {
        let natural = |(at, column): (usize, &Column)| {
            let cells = self.rows.iter().filter_map(|row| row.cells.get(at));
            let widest = cells.map(|cell| text::width(&cell.text)).max().unwrap_or_default();
            widest.max(text::width(column.title)).max(column.initial)
        };
        let mut widths: Vec<usize> = self.columns.iter().enumerate().map(natural).collect();
        let gaps = GAP * self.columns.len().saturating_sub(1) + self.indent;
        let Some(room) = width.map(|width| width.saturating_sub(gaps)) else { return widths };
        let mut beyond = widths.iter().sum::<usize>().saturating_sub(room);
        while beyond > 0 {
            let can_shrink = |at: &usize| {
                let least = self.columns.get(*at).and_then(|column| column.least);
                least.is_some_and(|least| widths.get(*at).is_some_and(|width| *width > least))
            };
            let widest = (0..widths.len()).filter(can_shrink).max_by_key(|at| widths.get(*at));
            let Some(widest) = widest.and_then(|at| widths.get_mut(at)) else { break };
            *widest -= 1;
            beyond -= 1;
        }
        widths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let columns = [left("NAME").shrinks_to(4), right("COUNT"), left("PATH").shrinks_to(6)];
        let mut table = Table::new(&columns);
        table.row([Cell::from("日本"), "7".into(), "/a/b/c/d/e".into()]);
        table.row([Cell::new("Server 1", Tone::Bad), "1234567".into(), "".into()]);
        table.note("a note\nof \x1b[31mtwo", Tone::Dim);
        table
    }

    fn wide(width: Option<usize>) -> String {
        table().render(Look { width, is_coloured: false })
    }

    #[test]
    fn columns_align_by_what_is_seen_and_lines_end_with_their_text() {
        let expected = "\
NAME        COUNT  PATH
日本            7  /a/b/c/d/e
Server 1  1234567
    a note\\nof \\x1b[31mtwo
";
        assert_eq!(wide(None), expected);
        assert_eq!(wide(Some(29)), expected);
    }

    #[test]
    fn the_widest_column_shrinks_first_and_none_below_its_least() {
        let expected = "\
NAME        COUNT  PATH
日本            7  /a/b/c…
Server 1  1234567
    a note\\nof \\x1b[31mtwo
";
        assert_eq!(wide(Some(26)), expected);
        let narrow = wide(Some(5));
        assert!(narrow.ends_with("\n    a\n      note\\nof\n      \\x1b[31mtwo\n"), "{narrow}");
        assert!(narrow.contains("Ser…  1234567\n") && narrow.contains("7  /a/b/…\n"), "{narrow}");
    }

    #[test]
    fn colours_do_not_disturb_the_alignment() {
        let look = Look { width: None, is_coloured: true };
        let shown = table().indented(1).render(look);
        assert!(shown.contains("\n \x1b[31mServer 1\x1b[0m  1234567\n"), "{shown:?}");
        assert!(shown.starts_with(" \x1b[2mNAME\x1b[0m      "), "{shown:?}");
    }
}
