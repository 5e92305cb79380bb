use proptest::prelude::*;

use super::*;

const AGENTS: [Column; 7] = [
    Column::new("AGENT").cut_in_middle(),
    Column::new("PHASE"),
    Column::new("AGE").hidden_at(4),
    Column::new("COMMITS").hidden_at(3),
    Column::new("CHANGES").hidden_at(2),
    Column::new("DIRTY").hidden_at(1),
    Column::new("NOW").cut_at_end(),
];

fn agents() -> Vec<Vec<TableCell>> {
    let row = |name: &str, phase: &str, numbers: [&str; 4], now: &str| {
        let mut row = vec![TableCell::new(name), TableCell::new(phase)];
        row.extend(numbers.map(TableCell::number));
        row.push(TableCell::new(now));
        row
    };
    vec![
        row(
            "add-a-type-hint-to-the-s40fm",
            "done",
            ["27s", "1", "+5 -0", "-"],
            "Add a type hint to the blueprints",
        ),
        row("add-tests-for-url-for-hgqc2", "waiting", ["59s", "0", "-", "2"], "Bash python -m pytest tests"),
    ]
}

fn drawn(width: Option<usize>) -> String {
    draw(&AGENTS, &agents(), width, &Painter::new(false))
}

#[test]
fn a_pipe_gets_everything() {
    assert_eq!(
        drawn(None),
        "AGENT                         PHASE    AGE  COMMITS  CHANGES  DIRTY  NOW\n\
         add-a-type-hint-to-the-s40fm  done     27s        1    +5 -0      -  Add a type hint to the blueprints\n\
         add-tests-for-url-for-hgqc2   waiting  59s        0        -      2  Bash python -m pytest tests\n"
    );
    assert_eq!(drawn(Some(102)), drawn(None), "and so does a terminal in which it fits");
}

#[test]
fn columns_are_hidden_in_order_and_names_lose_their_middle() {
    assert_eq!(
        drawn(Some(80)),
        "AGENT                         PHASE    AGE  COMMITS  CHANGES  NOW\n\
         add-a-type-hint-to-the-s40fm  done     27s        1    +5 -0  Add a type hint t…\n\
         add-tests-for-url-for-hgqc2   waiting  59s        0        -  Bash python -m py…\n\
         1 column hidden\n"
    );
    assert_eq!(
        drawn(Some(60)),
        "AGENT                         PHASE    AGE  NOW\n\
         add-a-type-hint-to-the-s40fm  done     27s  Add a type hint…\n\
         add-tests-for-url-for-hgqc2   waiting  59s  Bash python -m…\n\
         3 columns hidden\n"
    );
    assert_eq!(
        drawn(Some(20)),
        "AGENT        PHASE\n\
         add-a…s40fm  done\n\
         add-t…hgqc2  waiting\n\
         5 columns hidden\n"
    );
}

#[test]
fn a_column_without_any_value_is_left_out_and_not_called_hidden() {
    let columns = [Column::new("A"), Column::new("SIZE").hidden_at(1), Column::new("B").cut_at_end()];
    let rows = vec![vec![TableCell::new("a"), TableCell::number("-"), TableCell::new("b")]];
    let plain = Painter::new(false);
    assert_eq!(draw(&columns, &rows, Some(40), &plain), "A  B\na  b\n");
    assert_eq!(draw(&columns, &rows, None, &plain), "A  SIZE  B\na     -  b\n");
}

#[test]
fn a_text_is_wrapped_below_itself() {
    let columns = [Column::new("#"), Column::new("BRANCH").cut_in_middle(), Column::new("WHY").wrapped()];
    let rows = vec![vec![
        TableCell::number("1"),
        TableCell::new("b1"),
        TableCell::new("conflicts with b2 in 1 file; of the 3 that land together"),
    ]];
    assert_eq!(
        draw(&columns, &rows, Some(40), &Painter::new(false)),
        "#  BRANCH  WHY\n\
         1  b1      conflicts with b2 in 1 file;\n           \
                    of the 3 that land together\n"
    );
}

fn any_column() -> impl Strategy<Value = Column> {
    (0u8..5, prop::option::of(0u8..4)).prop_map(|(shorten, rank)| {
        let column = Column::new("NAME");
        let column = match shorten {
            0 => column.cut_at_start(),
            1 => column.cut_in_middle(),
            2 => column.cut_at_end(),
            3 => column.wrapped(),
            _ => column,
        };
        rank.map_or(column, |rank| column.hidden_at(rank))
    })
}

fn any_table() -> impl Strategy<Value = (Vec<Column>, Vec<Vec<TableCell>>)> {
    (1usize..9, 0usize..4).prop_flat_map(|(columns, rows)| {
        let cell = ("[a-z -]{0,30}|[é日\u{301}\u{2764}\u{fe0f}a]{0,20}|-", any::<bool>())
            .prop_map(|(text, right)| TableCell { right, ..TableCell::role(text, Role::Good) });
        let row = prop::collection::vec(cell, columns);
        (prop::collection::vec(any_column(), columns), prop::collection::vec(row, rows))
    })
}

proptest! {
    #[test]
    fn no_line_is_wider_than_the_terminal((columns, rows) in any_table(), width in 20usize..160) {
        let drawn = draw(&columns, &rows, Some(width), &Painter::new(false));
        for line in drawn.lines() {
            prop_assert!(text::width(line) <= width, "{line:?}");
        }
        prop_assert!(drawn.lines().count() > rows.len());
    }

    #[test]
    fn nothing_is_lost_where_everything_fits((columns, rows) in any_table()) {
        let whole = draw(&columns, &rows, None, &Painter::new(false));
        let width = whole.lines().map(text::width).max().unwrap_or(0) + 40;
        let on_terminal = draw(&columns, &rows, Some(width.max(400)), &Painter::new(false));
        for cell in rows.iter().flatten().filter(|cell| cell.text != "-") {
            prop_assert!(on_terminal.contains(cell.of_certain_width().text.trim_end()));
        }
        prop_assert!(!on_terminal.contains("hidden"));
    }

    #[test]
    fn colours_take_no_room((columns, rows) in any_table(), width in 20usize..160) {
        let plain = draw(&columns, &rows, Some(width), &Painter::new(false));
        let painted = draw(&columns, &rows, Some(width), &Painter::new(true));
        prop_assert_eq!(anstream::adapter::strip_str(&painted).to_string(), plain);
    }
}
