//! Whatever is typed, heard and printed, at every size: every frame fits, and nothing panics.

use orchestra_terminal::key::Key;
use proptest::prelude::*;

use super::{
    draw,
    page::Page,
    plain::Plain,
    state::{Call, Changed, Msg},
    tests::{FILES, NOW, print, rows, shown},
    update::update,
};

fn messages() -> impl Strategy<Value = Msg> {
    let typed = prop_oneof![
        "[ -~]".prop_map(|text| Key::Char(text.chars().next().unwrap())),
        prop::sample::select(vec![
            Key::Up,
            Key::Down,
            Key::Left,
            Key::Right,
            Key::PageUp,
            Key::PageDown,
            Key::Home,
            Key::End,
            Key::Tab,
            Key::Enter,
            Key::Escape,
            Key::Backspace,
            Key::EmptyLine,
            Key::PasteBegin,
            Key::PasteEnd,
        ]),
        (0..210_u16, 0..70_u16).prop_map(|(column, row)| Key::Click(column, row)),
        (any::<bool>(), 0..210_u16, 0..70_u16).prop_map(|(down, column, row)| Key::Wheel(down, column, row)),
    ];
    let agents = (0..5_usize, 0..6_usize).prop_map(|(from, count)| Msg::Agents {
        rows: rows().into_iter().cycle().skip(from).take(count.min(5)).collect(),
        hidden: from,
        changed: Changed::All,
    });
    prop_oneof![
        6 => typed.prop_map(Msg::Key),
        1 => agents,
        1 => (1..=200_u16, 1..=60_u16).prop_map(|(columns, rows)| Msg::Resized(columns, rows)),
        1 => (0..100_000_i64).prop_map(|more| Msg::Tick(NOW + more)),
        1 => "\\PC{0,60}".prop_map(|why| Msg::Did(Err(why))),
    ]
}

proptest! {
    #[test]
    fn no_news_and_no_line_makes_the_lines_panic_or_hold_controls(lines in prop::collection::vec("\\PC{0,12}|[0-9]{1,2}", 0..30), from in 0..5_usize) {
        let mut plain = Plain::new("app".to_owned());
        for (at, line) in lines.iter().enumerate() {
            plain.news(&rows().into_iter().cycle().skip(from + at).take(at % 5).collect::<Vec<_>>());
            plain.line(line);
            prop_assert!(plain.take_said().iter().all(|said| !said.contains(char::is_control)));
        }
    }

    #[test]
    fn every_frame_fits_its_window(messages in prop::collection::vec(messages(), 1..60), printed in "[\\PC\n\t\u{1b}\\[m0-9;]{0,400}") {
        let mut state = shown(80, 24, rows());
        for msg in messages {
            let calls = update(&mut state, msg);
            if calls.iter().any(|call| matches!(call, Call::Load { .. })) {
                print(&mut state, if printed.len() % 2 == 0 { FILES } else { &printed });
            }
            let (cells, cursor) = draw::frame(&state, true);
            prop_assert_eq!((cells.area.width, cells.area.height), state.size);
            prop_assert!(cursor.x < state.size.0 && cursor.y < state.size.1, "{:?} {:?}", cursor, state.size);
            prop_assert!(matches!(state.page, Page::Monitor) || state.contents.top <= state.contents.lines.len());
        }
    }
}
