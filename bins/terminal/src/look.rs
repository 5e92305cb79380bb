//! How the meanings of text look: one table for all commands and for the window of `ui`. Each look is written in the words of git's own
//! colours, and `color.orchestra.<role>` changes it.

use std::sync::OnceLock;

use crate::here;

/// The meaning of a piece of text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// Ordinary text.
    Plain,
    /// A heading.
    Head,
    /// A success.
    Good,
    /// A failure.
    Bad,
    /// Something that needs attention.
    Warn,
    /// Something in progress.
    Active,
    /// What to do next.
    Hint,
    /// Less important text.
    Faint,
}

/// The roles that have a look, with their names in git config, in the order of [`orchestra::git::preferences::ROLES`], and the looks
/// that they have if nothing else is configured.
const TABLE: [(Role, &str); 7] = [
    (Role::Head, "bold"),
    (Role::Good, "green"),
    (Role::Bad, "bold red"),
    (Role::Warn, "yellow"),
    (Role::Active, "cyan"),
    (Role::Hint, "cyan"),
    (Role::Faint, "dim"),
];

/// A colour.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Tint {
    /// One of the sixteen colours that every terminal has; from 8 on they are the bright ones.
    Basic(u8),
    /// One of 256.
    Indexed(u8),
    /// Red, green and blue.
    Exact(u8, u8, u8),
}

/// How a piece of text looks.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Look {
    /// The colour of the text.
    pub text: Option<Tint>,
    /// The colour behind it.
    pub behind: Option<Tint>,
    /// Which of these it is.
    pub is: Emphasis,
}

/// What makes a text stand out, or not.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub struct Emphasis {
    /// In bold letters.
    pub bold: bool,
    /// Less bright.
    pub dim: bool,
    /// In italic letters.
    pub italic: bool,
    /// With a line below.
    pub underlined: bool,
    /// With both colours exchanged.
    pub reversed: bool,
    /// Crossed out.
    pub struck: bool,
}

/// Returns the look of a role, which is read at the first call.
pub fn look(role: Role) -> Look {
    static LOOKS: OnceLock<[Look; TABLE.len()]> = OnceLock::new();
    let looks = LOOKS.get_or_init(|| {
        let chosen = &here::preferences().roles;
        let mut looks = TABLE.map(|(_, words)| parsed(words).unwrap_or_default());
        for (look, words) in looks.iter_mut().zip(chosen) {
            // A value that git would not accept counts as not set.
            *look = words.as_deref().and_then(parsed).unwrap_or(*look);
        }
        looks
    });
    TABLE.iter().position(|(one, _)| *one == role).map_or_else(Look::default, |at| looks[at])
}

/// Reads a look as git does: attributes, the colour of the text, and the one behind it. `None` if git would not accept it.
fn parsed(words: &str) -> Option<Look> {
    let (mut look, mut colours) = (Look::default(), 0);
    for word in words.split_whitespace().map(str::to_ascii_lowercase) {
        if attribute(&mut look.is, &word) {
            continue;
        }
        let colour = tint(&word)?;
        match colours {
            0 => look.text = colour,
            1 => look.behind = colour,
            _ => return None,
        }
        colours += 1;
    }
    Some(look)
}

/// Sets an attribute; returns whether the word is one.
fn attribute(is: &mut Emphasis, word: &str) -> bool {
    let (word, value) = match word.strip_prefix("no") {
        Some(rest) if word != "normal" => (rest.strip_prefix('-').unwrap_or(rest), false),
        _ => (word, true),
    };
    let place = match word {
        "bold" => &mut is.bold,
        "dim" => &mut is.dim,
        "italic" => &mut is.italic,
        "ul" => &mut is.underlined,
        "reverse" => &mut is.reversed,
        "strike" => &mut is.struck,
        // Nothing blinks: it tires, and screen readers stumble over it.
        "blink" | "reset" => return true,
        _ => return false,
    };
    *place = value;
    true
}

/// Reads a colour; the inner `None` is that of the terminal itself.
#[expect(clippy::option_option, reason = "a colour of the terminal itself is a colour that git accepts")]
fn tint(word: &str) -> Option<Option<Tint>> {
    const NAMES: [&str; 8] = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
    let named = |name: &str| NAMES.iter().position(|one| *one == name).and_then(|at| u8::try_from(at).ok());
    if matches!(word, "normal" | "default" | "-1") {
        return Some(None);
    }
    if let Some(bright) = word.strip_prefix("bright") {
        return Some(Some(Tint::Basic(8 + named(bright)?)));
    }
    if let Some(digits) = word.strip_prefix('#') {
        return exact(digits).map(Some);
    }
    if let Some(at) = named(word) {
        return Some(Some(Tint::Basic(at)));
    }
    let number: u8 = word.parse().ok()?;
    Some(Some(if number < 16 { Tint::Basic(number) } else { Tint::Indexed(number) }))
}

/// Reads `rrggbb`, or `rgb` in which each digit is doubled.
fn exact(digits: &str) -> Option<Tint> {
    let digits: Vec<u8> = digits
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    match digits.as_slice() {
        [r, g, b] => Some(Tint::Exact(r * 17, g * 17, b * 17)),
        [r, s, g, h, b, c] => Some(Tint::Exact(r * 16 + s, g * 16 + h, b * 16 + c)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_git() {
        let plain = Look::default();
        let bold = Emphasis { bold: true, ..Emphasis::default() };
        for (words, expected) in [
            ("", Some(plain)),
            ("bold red", Some(Look { text: Some(Tint::Basic(1)), is: bold, ..plain })),
            ("RED bold", Some(Look { text: Some(Tint::Basic(1)), is: bold, ..plain })),
            (
                "brightblue 250",
                Some(Look { text: Some(Tint::Basic(12)), behind: Some(Tint::Indexed(250)), ..plain }),
            ),
            ("normal #ff8000", Some(Look { behind: Some(Tint::Exact(255, 128, 0)), ..plain })),
            ("#f80", Some(Look { text: Some(Tint::Exact(255, 136, 0)), ..plain })),
            ("bold nobold blink", Some(plain)),
            ("red green blue", None),
            ("reddish", None),
            ("#12345", None),
            ("256", None),
        ] {
            assert_eq!(parsed(words), expected, "{words}");
        }
    }

    #[test]
    fn every_role_has_a_look_and_a_name() {
        assert_eq!(TABLE.len(), orchestra::git::preferences::ROLES.len());
        assert!(TABLE.iter().all(|(_, words)| parsed(words).is_some()));
        assert_eq!(look(Role::Plain), Look::default());
    }
}
