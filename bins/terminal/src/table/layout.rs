//! Decides which columns of a table are shown, and how wide each is. Pure.

use orchestra::model::text;

use super::TableCell;

/// The number of spaces between two columns.
pub(super) const GAP: usize = 2;
/// The width of a shortened text from which on columns are hidden instead, and that of one in a window that is too narrow even so.
const COMFORTABLE: usize = 20;
const TIGHT: usize = 8;
/// The width that a sentence keeps when names need more.
const SENTENCE: usize = 16;
/// What stands for a value that does not exist.
const NOTHING: &str = "-";

/// A column of a table: its heading, and what happens to it if the table is wider than the terminal. Its texts are kept whole, unless
/// one of the methods says otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// The heading, in capitals.
    pub heading: &'static str,
    shorten: Shorten,
    /// The place in the order in which columns are hidden; `None` for those that are hidden last.
    rank: Option<u8>,
}

/// How a text is shortened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Shorten {
    Never,
    Start,
    Middle,
    End,
    /// It is broken into lines.
    Wrap,
}

impl Column {
    /// Creates a column whose texts are kept whole, and that is hidden only if nothing else helps.
    pub const fn new(heading: &'static str) -> Self {
        Self { heading, shorten: Shorten::Never, rank: None }
    }

    /// Hides the column where there is no room for all: those with the lowest rank first.
    pub const fn hidden_at(self, rank: u8) -> Self {
        Self { rank: Some(rank), ..self }
    }

    /// Shortens its texts at the start: paths, whose ends differ.
    pub const fn cut_at_start(self) -> Self {
        Self { shorten: Shorten::Start, ..self }
    }

    /// Shortens its texts in the middle: names, whose ends both say something.
    pub const fn cut_in_middle(self) -> Self {
        Self { shorten: Shorten::Middle, ..self }
    }

    /// Shortens its texts at the end: titles and other free text.
    pub const fn cut_at_end(self) -> Self {
        Self { shorten: Shorten::End, ..self }
    }

    /// Breaks its texts into several lines.
    pub const fn wrapped(self) -> Self {
        Self { shorten: Shorten::Wrap, ..self }
    }
}

/// The columns that are shown, from left to right.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) shown: Vec<Shown>,
    /// How many columns with values are not shown, for lack of room.
    pub(super) hidden: usize,
}

/// A column that is shown.
#[derive(Debug)]
pub(super) struct Shown {
    /// Its place among all columns.
    pub(super) at: usize,
    /// How wide it is.
    pub(super) width: usize,
    shorten: Shorten,
    rank: Option<u8>,
}

impl Shown {
    /// Returns the lines of a text in this column.
    pub(super) fn lines(&self, text: &str, keeps_ends: bool) -> Vec<String> {
        match self.shorten {
            Shorten::Wrap => text::wrap(text, self.width),
            Shorten::Start => vec![text::keep_end(text, self.width)],
            Shorten::Middle => vec![text::keep_ends(text, self.width)],
            Shorten::End if keeps_ends => vec![text::keep_ends(text, self.width)],
            Shorten::End | Shorten::Never => vec![text::truncate(text, self.width)],
        }
    }

    /// Returns the least width in which it is readable.
    fn least(&self, limit: usize) -> usize {
        if self.shorten == Shorten::Never { self.width } else { self.width.min(limit) }
    }
}

impl Layout {
    /// Lays out the columns in `width`, or without a limit.
    pub(super) fn of(columns: &[Column], rows: &[Vec<TableCell>], width: Option<usize>) -> Self {
        let mut shown: Vec<Shown> =
            (0..).zip(columns).map(|(at, column)| measure(at, column, rows)).collect();
        let Some(width) = width else { return Self { shown, hidden: 0 } };
        shown.retain(|column| column.at == 0 || column.rank.is_none() || has_values(column.at, rows));
        let all = shown.len();
        hide(&mut shown, width);
        let hidden = all - shown.len();
        narrow(&mut shown, width);
        Self { shown, hidden }
    }
}

fn measure(at: usize, column: &Column, rows: &[Vec<TableCell>]) -> Shown {
    let cells = || rows.iter().filter_map(|row| row.get(at));
    let widest = cells().map(|cell| text::width(&cell.text)).max().unwrap_or(0);
    Shown { at, width: widest.max(text::width(column.heading)), shorten: column.shorten, rank: column.rank }
}

/// Whether a column has any value. In a table without rows every column has.
fn has_values(at: usize, rows: &[Vec<TableCell>]) -> bool {
    rows.is_empty() || rows.iter().filter_map(|row| row.get(at)).any(|cell| cell.text != NOTHING)
}

/// Hides columns until the others fit at their least widths; one remains in any case.
fn hide(shown: &mut Vec<Shown>, width: usize) {
    while shown.len() > 1
        && least_width(shown, COMFORTABLE) > width
        && let Some(next) = next_hidden(shown)
    {
        shown.remove(next);
    }
    // The name, which is shortened but not hidden, says most. Of the other columns, the last goes first.
    let name = |column: &Shown| column.shorten == Shorten::Middle && column.rank.is_none();
    while least_width(shown, TIGHT) > width && shown.len() > 1 {
        let named = shown.iter().position(name).unwrap_or(0);
        let last = shown.len() - 1;
        shown.remove(if named == last { last - 1 } else { last });
    }
}

/// Returns the place of the column that is hidden next.
fn next_hidden(shown: &[Shown]) -> Option<usize> {
    let ranked = shown.iter().enumerate().filter_map(|(at, column)| Some((column.rank?, at)));
    ranked.min().map(|(_, at)| at)
}

fn least_width(shown: &[Shown], limit: usize) -> usize {
    total(shown.iter().map(|column| column.least(limit)))
}

fn total(widths: impl ExactSizeIterator<Item = usize>) -> usize {
    let gaps = GAP * widths.len().saturating_sub(1);
    gaps + widths.sum::<usize>()
}

/// Narrows the columns that can be shortened to their least widths, and shares what is then left among them.
fn narrow(shown: &mut [Shown], width: usize) {
    let whole: Vec<usize> = shown.iter().map(|column| column.width).collect();
    if total(whole.iter().copied()) <= width {
        return;
    }
    let limit = if least_width(shown, COMFORTABLE) <= width { COMFORTABLE } else { TIGHT };
    shown.iter_mut().for_each(|column| column.width = column.least(limit));
    // A single column that cannot be shortened is cut.
    if let [only] = shown {
        only.width = only.width.max(whole[0]).min(width);
        return;
    }
    let mut left = width.saturating_sub(total(shown.iter().map(|column| column.width)));
    // A name is typed again, and a sentence is read: the name gets what there is, and some of what sentences have.
    let is_name = |column: &Shown| column.shorten == Shorten::Middle;
    let wanted: usize =
        shown.iter().zip(&whole).filter(|(one, _)| is_name(one)).map(|(one, whole)| whole - one.width).sum();
    for column in shown.iter_mut().filter(|column| column.shorten == Shorten::End) {
        let given = wanted.saturating_sub(left).min(column.width.saturating_sub(SENTENCE));
        column.width -= given;
        left += given;
    }
    share(shown, &whole, &mut left, is_name);
    share(shown, &whole, &mut left, |_| true);
}

/// Shares columns that are left among those that are meant and not whole yet.
fn share(shown: &mut [Shown], whole: &[usize], left: &mut usize, is_meant: impl Fn(&Shown) -> bool) {
    let mut before = *left + 1;
    while *left > 0 && *left < before {
        before = *left;
        for (column, whole) in shown.iter_mut().zip(whole) {
            if *left > 0 && column.width < *whole && is_meant(column) {
                column.width += 1;
                *left -= 1;
            }
        }
    }
}
