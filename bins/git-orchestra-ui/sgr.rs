//! What a command printed, as lines with styles: colours are read, tabs are expanded, and every other control character is made visible,
//! since the text may be an agent's. Pure.

use orchestra::model::text;
use ratatui::{
    style::{Color, Modifier, Style},
    text::{Line, Span},
};

/// How far apart the stops of the tabulator are.
const TAB: usize = 8;
/// The longest line that is shown, in characters.
const MAX_LINE: usize = 4000;

/// Returns the lines of what a command printed.
pub(crate) fn lines(bytes: &[u8], colours: bool) -> Vec<Line<'static>> {
    let text = String::from_utf8_lossy(bytes);
    let mut style = Style::new();
    text.lines().map(|text| line(text, &mut style, colours)).collect()
}

/// Returns a line. `style` is the one in which it begins, and then that in which it ends.
fn line(text: &str, style: &mut Style, colours: bool) -> Line<'static> {
    let mut spans = Vec::new();
    let mut column = 0;
    let mut pieces = text.split('\u{1b}');
    push(&mut spans, pieces.next().unwrap_or_default(), *style, &mut column);
    for piece in pieces {
        match colour(piece) {
            Some((values, rest)) => {
                if colours {
                    *style = applied(*style, values);
                }
                push(&mut spans, rest, *style, &mut column);
            }
            None => {
                push(&mut spans, "\\e", *style, &mut column);
                push(&mut spans, piece, *style, &mut column);
            }
        }
    }
    Line::from(spans)
}

/// Appends a text, with spaces for its tabs.
fn push(spans: &mut Vec<Span<'static>>, text: &str, style: Style, column: &mut usize) {
    let mut shown = String::with_capacity(text.len());
    for (at, piece) in text.split('\t').enumerate() {
        if at > 0 {
            let blanks = TAB - *column % TAB;
            shown.extend(std::iter::repeat_n(' ', blanks));
            *column += blanks;
        }
        let piece = text::safe(piece);
        let cut = piece
            .char_indices()
            .nth(MAX_LINE.saturating_sub(*column))
            .map_or(&*piece, |(end, _)| &piece[..end]);
        shown.push_str(cut);
        *column += text::width(cut);
    }
    if !shown.is_empty() {
        spans.push(Span::styled(shown, style));
    }
}

/// Splits a text that follows an escape character into the values of a colour's sequence and the rest.
fn colour(text: &str) -> Option<(&str, &str)> {
    let values = text.strip_prefix('[')?;
    let end = values.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b';').count();
    values[end..].starts_with('m').then(|| (&values[..end], &values[end + 1..]))
}

/// Returns a style after the sequence with these values.
fn applied(mut style: Style, values: &str) -> Style {
    let mut values = values.split(';').map(|value| value.parse::<u8>().unwrap_or(0));
    while let Some(value) = values.next() {
        style = match value {
            0 => Style::new(),
            1 => style.add_modifier(Modifier::BOLD),
            2 => style.add_modifier(Modifier::DIM),
            3 => style.add_modifier(Modifier::ITALIC),
            4 => style.add_modifier(Modifier::UNDERLINED),
            7 => style.add_modifier(Modifier::REVERSED),
            9 => style.add_modifier(Modifier::CROSSED_OUT),
            22 => style.remove_modifier(Modifier::BOLD | Modifier::DIM),
            23 => style.remove_modifier(Modifier::ITALIC),
            24 => style.remove_modifier(Modifier::UNDERLINED),
            27 => style.remove_modifier(Modifier::REVERSED),
            29 => style.remove_modifier(Modifier::CROSSED_OUT),
            30..=37 | 90..=97 => style.fg(of_sixteen(value)),
            38 => wide(&mut values).map_or(style, |colour| style.fg(colour)),
            39 => style.fg(Color::Reset),
            40..=47 | 100..=107 => style.bg(of_sixteen(value - 10)),
            48 => wide(&mut values).map_or(style, |colour| style.bg(colour)),
            49 => style.bg(Color::Reset),
            _ => style,
        };
    }
    style
}

/// Returns one of the sixteen colours that every terminal has, by the value that sets it for text.
const fn of_sixteen(value: u8) -> Color {
    match value {
        30 => Color::Black,
        31 => Color::Red,
        32 => Color::Green,
        33 => Color::Yellow,
        34 => Color::Blue,
        35 => Color::Magenta,
        36 => Color::Cyan,
        37 => Color::Gray,
        90 => Color::DarkGray,
        91 => Color::LightRed,
        92 => Color::LightGreen,
        93 => Color::LightYellow,
        94 => Color::LightBlue,
        95 => Color::LightMagenta,
        96 => Color::LightCyan,
        _ => Color::White,
    }
}

/// Returns a colour that is written as one of 256, or by its parts.
fn wide(values: &mut impl Iterator<Item = u8>) -> Option<Color> {
    match values.next()? {
        5 => values.next().map(Color::Indexed),
        2 => Some(Color::Rgb(values.next()?, values.next()?, values.next()?)),
        _ => None,
    }
}
