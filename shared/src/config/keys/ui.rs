//! What the user chose for the window that `git orchestra ui` draws.

use crate::config::{
    key::{Key, Kind, NamedKey},
    kind::BOOLEAN,
};

/// One character that can be typed, or `None` if the value is empty.
const CHARACTER: Kind<Option<char>> = Kind {
    expected: "one character, such as X",
    parse: |text| {
        let mut characters = text.chars();
        match (characters.next(), characters.next()) {
            (None, _) => Some(None),
            (Some(one), None) => (!one.is_control()).then_some(Some(one)),
            (Some(_), Some(_)) => None,
        }
    },
    text: |value| value.map_or_else(String::new, |one| one.to_string()),
};

pub static UI_KEY: NamedKey<Option<char>> = NamedKey::new(Key::new(
    "orchestra.ui.keys.<name>",
    CHARACTER,
    || None,
    "The key that does <name> in the window of git orchestra ui, such as stop, instead of the one that its list of keys shows",
));

pub static UI_MOUSE: Key<bool> = Key::new(
    "orchestra.ui.mouse",
    BOOLEAN,
    || false,
    "Whether a click chooses what is under it in the window of git orchestra ui, and the wheel moves; the terminal then selects text only \
     with shift",
);
