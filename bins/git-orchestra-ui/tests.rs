//! What is shown, without a terminal: frames as texts, and what keys ask for.

use orchestra::{
    model::{AgentId, Liveness, Phase, verdict::Comment},
    ops::{
        review::draft::{Draft, Edit},
        ui::ProfileChoice,
    },
};
use orchestra_terminal::{
    key::{Key, keys},
    style::role_of,
};
use ratatui::{buffer::Buffer, layout::Rect, text::Line};

use super::{
    command_key::Keymap,
    diff::{Diff, Place},
    drafts, draw, layout,
    prompt::{Mode, split},
    row::{Request, Row},
    sgr,
    state::{Action, Call, Changed, Msg, Pane, State},
    update::{question, update},
};

pub(super) const NOW: i64 = 1_700_000_000;

pub(super) fn id(name: &str) -> AgentId {
    AgentId::parse(name).unwrap()
}

pub(super) fn row(name: &str, depth: usize, phase: Phase, asks: Option<&str>) -> Row {
    let liveness = if phase.is_terminal() { Liveness::Ended } else { Liveness::Live };
    let request = asks.map(|text| Request {
        id: Some(format!("q-{text}")),
        text: text.to_owned(),
        is_whole: true,
        pattern: Some("Bash(cargo:*)".to_owned()),
        is_choice: false,
    });
    Row {
        id: id(name),
        depth,
        title: "Add tests".to_owned(),
        phase,
        liveness,
        state: phase.as_str().to_owned(),
        role: role_of(phase, liveness),
        activity: "reads tests/login.rs".to_owned(),
        request,
        since: NOW - 240,
        heard: NOW - 30,
        ran: (Some(NOW - 120), 0),
        cost_micros: Some(1_920_000),
        worktree: None,
        session: None,
        head: None,
        is_designer: depth == 0,
        lines: None,
        unread: 0,
        queued: None,
        elsewhere: None,
    }
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        row("designer-k2m1p", 0, Phase::Running, None),
        row("implement-auth-a1b2c", 1, Phase::Running, None),
        row("add-tests-q0q88", 1, Phase::Waiting, Some("Bash: cargo add argon2")),
        row("fix-perf-m1bkg", 1, Phase::Failed, None),
        row("tidy-de0dt", 0, Phase::Done, None),
    ]
}

pub(super) fn shown(columns: u16, height: u16, rows: Vec<Row>) -> State {
    let mut state = State::new((columns, height), NOW, "app (main)".to_owned(), false);
    update(&mut state, Msg::Agents { rows, hidden: 0, changed: Changed::All });
    state
}

fn press(state: &mut State, typed: &str) -> Vec<Call> {
    keys(typed.as_bytes()).into_iter().flat_map(|key| update(state, Msg::Key(key))).collect()
}

/// Shows what the command of the page printed.
pub(super) fn print(state: &mut State, text: &str) {
    let command = state.contents.command.clone().unwrap();
    let lines = sgr::lines(text.as_bytes(), true);
    let diff = Diff::of(&lines);
    update(state, Msg::Printed { command, lines, diff, is_cut: false, succeeded: true });
}

fn text(cells: &Buffer) -> String {
    let Rect { width, height, .. } = cells.area;
    let line = |y| (0..width).map(|x| cells[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    (0..height).map(line).collect::<Vec<_>>().join("\n")
}

fn drawn(state: &State) -> String {
    text(&draw::frame(state, true).0)
}

const DIFF: &str = "diff --git a/tests/login.rs b/tests/login.rs\n\u{1b}[1m--- a/tests/login.rs\u{1b}[m\n\u{1b}[1m+++ b/tests/login.rs\u{1b}[m\n@@ -12,3 +12,4 @@ mod login\n one\n-two\n\u{1b}[32m+\u{1b}[m\u{1b}[32mthree\u{1b}[m\n+four\n";

#[test]
fn agents_are_a_tree_beside_the_diff_of_the_chosen_one() {
    let mut state = shown(80, 14, rows());
    press(&mut state, "w");
    print(&mut state, DIFF);
    let expected = "\
git orchestra · app (mai…  ? 1 need you  ● 2 run  ✓ 1 done  ✗ 1 failed  $9.60
 ● designer-k2m1p       running   4m│add-tests-q0q88 · diff · 0 of 1 files read
 ● └ implement…th-a1b2c running   4m│diff --git a/tests/login.rs b/tests/login.r
>? └ add-tests-q0q88    waiting   4m│--- a/tests/login.rs
 ✗ └ fix-perf-m1bkg      failed   4m│+++ b/tests/login.rs
 ✓ tidy-de0dt              done   4m│@@ -12,3 +12,4 @@ mod login
                                    │ one
                                    │-two
                                    │+three
                                    │+four
                                    │
asks: a allows, A always, x denies  │
Bash: cargo add argon2              │
a allow  x deny  s spec  t shell  N new  D remove  w next  ? keys  q quit";
    assert_eq!(drawn(&state), expected, "\n{}", drawn(&state));
}

#[test]
fn a_narrow_window_shows_agents_or_the_page() {
    let mut state = shown(60, 8, rows());
    print(&mut state, DIFF);
    assert!(!drawn(&state).contains("+four"));
    assert!(drawn(&state).contains("└ implement-auth"), "{}", drawn(&state));
    press(&mut state, "\r");
    assert!(!drawn(&state).contains("implement-auth"));
    press(&mut state, "G");
    assert!(drawn(&state).contains("+four"), "{}", drawn(&state));
    press(&mut state, "\u{1b}");
    press(&mut state, "\u{1b}");
    assert!(drawn(&state).contains("implement-auth"));
}

#[test]
fn a_request_is_allowed_once_all_of_it_was_in_sight() {
    let mut state = shown(80, 14, rows());
    press(&mut state, "w");
    assert_eq!(state.chosen, Some(id("add-tests-q0q88")));
    let asked = state.asked().unwrap();
    assert_eq!(press(&mut state, "a"), [Call::Act(Action::Allow { asked: asked.clone(), always: false })]);
    assert_eq!(press(&mut state, "Ay"), [Call::Act(Action::Allow { asked: asked.clone(), always: true })]);
    let denied = Action::Deny { asked, reason: Some("no net".to_owned()) };
    assert_eq!(press(&mut state, "xno net\r"), [Call::Act(denied)]);
    // One that does not fit is shown alone, and read to its end first.
    let long = format!("Bash: echo {} && git push", "word ".repeat(200));
    let mut state = shown(60, 12, vec![row("long-aaaaa", 0, Phase::Waiting, Some(&long))]);
    assert!(!layout::shows_request(&state));
    assert!(press(&mut state, "aa").is_empty());
    assert!(drawn(&state).contains("space shows more"), "{}", drawn(&state));
    press(&mut state, "   ");
    assert!(drawn(&state).contains("&& git\npush"), "{}", drawn(&state));
    assert_eq!(press(&mut state, "a").len(), 1);
}

#[test]
fn an_answer_is_for_the_question_that_was_shown() {
    let mut state = shown(80, 14, rows());
    press(&mut state, "wx");
    let before = question(&state);
    let mut others = rows();
    others[2] = row("add-tests-q0q88", 1, Phase::Waiting, Some("Bash: rm -r x"));
    update(&mut state, Msg::Agents { rows: others, hidden: 0, changed: Changed::All });
    assert_eq!(state.mode, Mode::Normal);
    assert_ne!(question(&state), before);
    assert!(drawn(&state).contains("asks something else now"), "{}", drawn(&state));
}

#[test]
fn keys_ask_for_commands() {
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    let mut state = shown(80, 14, rows());
    let read = press(&mut state, "L");
    assert_eq!(read, [Call::Load { command: words(&["merge-ranked", "--dry-run"]), delayed: false }]);
    // Not before the plan was shown.
    assert!(press(&mut state, "y").is_empty());
    print(&mut state, "1 branch lands\n");
    // What ends meanwhile does not hide the question.
    let ended = Msg::Ran { command: words(&["review", "x"]), lines: Vec::new(), succeeded: true };
    update(&mut state, ended);
    assert!(drawn(&state).ends_with("land this? y does  done: git orchestra review x"), "{}", drawn(&state));
    assert_eq!(press(&mut state, "y"), [Call::Run(words(&["merge-ranked"]))]);
    let calls = press(&mut state, ":tag x --add 'two words'\r");
    assert_eq!(calls, [Call::Lend { command: words(&["tag", "x", "--add", "two words"]), stays: true }]);
    let calls = press(&mut state, "Nwrite tests\r");
    assert_eq!(calls, [Call::Run(words(&["spawn", "--detach", "--", "write tests"]))]);
    assert_eq!(press(&mut state, "N\r"), [Call::EditTask(None)]);
    assert!(press(&mut state, "Sn").is_empty());
    assert_eq!(press(&mut state, "Sy"), [Call::Act(Action::Stop(id("designer-k2m1p")))]);
    assert_eq!(press(&mut state, "q"), [Call::Quit]);
}

#[test]
fn what_is_pasted_is_text_and_no_key() {
    let mut state = shown(80, 14, rows());
    assert!(press(&mut state, "\u{1b}[200~qSy\r\u{1b}[201~").is_empty());
    assert_eq!(state.mode, Mode::Normal);
    press(&mut state, "N\u{1b}[200~one\rtwo\u{1b}[201~");
    assert!(drawn(&state).contains("one two"), "{}", drawn(&state));
}

#[test]
fn remarks_go_with_the_verdict() {
    let mut state = shown(120, 14, rows());
    press(&mut state, "d");
    print(&mut state, DIFF);
    press(&mut state, "\u{1b}[CGCwhy four?\r");
    // Until the verdict is given, also a window that is opened later has them.
    let kept = |edit| Call::Draft(id("designer-k2m1p"), edit);
    let why = Comment { file: "tests/login.rs".to_owned(), line: 14, text: "why four?".to_owned() };
    assert_eq!(press(&mut state, "Cx\u{15}why four?\r"), [kept(Edit::Remark(why.clone()))]);
    let calls = press(&mut state, "vcsee there\r");
    let command =
        ["review", "designer-k2m1p", "--changes", "-m", "see there", "-C", "tests/login.rs:14", "why four?"];
    let command = command.map(str::to_owned).to_vec();
    assert_eq!(calls, [kept(Edit::Text(Some("see there".to_owned()))), Call::Run(command.clone())]);
    // A verdict that is refused loses nothing, and one that was given is not given twice.
    let ended = |succeeded| Msg::Ran { command: command.clone(), lines: Vec::new(), succeeded };
    assert_eq!(update(&mut state, ended(false)), [Call::ReadDraft(id("designer-k2m1p"))]);
    press(&mut state, "vc");
    assert!(drawn(&state).contains("see there"), "{}", drawn(&state));
    press(&mut state, "\u{1b}");
    update(&mut state, ended(true));
    press(&mut state, "vc");
    assert!(!drawn(&state).contains("see there"), "{}", drawn(&state));
    assert!(press(&mut state, "\r").is_empty(), "nothing is left to say");
    let mut draft = Draft::default();
    draft.remarks.push(why);
    drafts::take(&mut state, &id("designer-k2m1p"), draft);
    press(&mut state, "d");
    print(&mut state, DIFF);
    assert!(drawn(&state).contains("# why four?"), "{}", drawn(&state));
    let lines = sgr::lines(DIFF.as_bytes(), false);
    for (at, expected) in [(3, None), (4, Some(12)), (5, Some(13)), (6, Some(13)), (7, Some(14))] {
        let expected = expected.map(|line| Place { file: "tests/login.rs".to_owned(), line });
        let found = Diff::of(&lines).place(at).filter(|_| at != 3);
        assert_eq!(found, expected, "line {at}");
    }
}

pub(super) const FILES: &str = "diff --git a/a.rs b/a.rs\n--- a/a.rs\n+++ b/a.rs\n@@ -1,2 +1,2 @@\n one\n-two\n+three\ndiff --git a/b.rs b/b.rs\n--- /dev/null\n+++ b/b.rs\n@@ -0,0 +1 @@\n+new\n";

#[test]
fn files_are_read_in_the_list_and_beside_the_diff() {
    let mut state = shown(100, 16, rows());
    press(&mut state, "d");
    print(&mut state, FILES);
    press(&mut state, "F");
    let frame = drawn(&state);
    assert!(
        frame.contains("files of diff") && frame.contains("· a.rs") && frame.contains("+1 -0"),
        "{frame}"
    );
    press(&mut state, " j\r");
    assert_eq!(state.cursor, 7, "the first line of the second file");
    // Remarks are shown on their lines, are changed, and are removed.
    press(&mut state, "[");
    assert_eq!(state.cursor, 0);
    press(&mut state, "jjjjjjCwhy?\r");
    let expected = "\
git orchestra · app (main)  ? 1 need you  ● 2 run  ✓ 1 done  ✗ 1 failed  $9.60
>● designer-k2m1p                running   4m│designer-k2m1p · diff · 1 of 2 files read · 1 remark
 ● └ implement-auth-a1b2c        running   4m│diff --git a/a.rs b/a.rs
 ? └ add-tests-q0q88             waiting   4m│--- a/a.rs
 ✗ └ fix-perf-m1bkg               failed   4m│+++ b/a.rs
 ✓ tidy-de0dt                       done   4m│@@ -1,2 +1,2 @@
                                             │ one
                                             │-two
                                             │+three                                          # why?
                                             │diff --git a/b.rs b/b.rs
                                             │--- /dev/null
                                             │+++ b/b.rs
files: [ ]                                   │@@ -0,0 +1 @@
 ✓ a.rs                   1 remark read +1 -1│+new
 · b.rs                                 +1 -0│
1 remark on designer-k2m1p: v sends the verdict with them";
    let frame = drawn(&state);
    assert_eq!(frame, expected, "\n{frame}");
    press(&mut state, "C!\r");
    assert_eq!(state.remarks[&id("designer-k2m1p")], [("a.rs:2".to_owned(), "why?!".to_owned())]);
    press(&mut state, "C\u{15}\r");
    assert!(!drawn(&state).contains('#'), "{}", drawn(&state));
    // A file that changed is not read any more.
    let calls = update(&mut state, Msg::Agents { rows: rows(), hidden: 0, changed: Changed::All });
    assert_eq!(calls.len(), 1);
    print(&mut state, &FILES.replace("three", "four"));
    let frame = drawn(&state);
    assert!(frame.contains("0 of 2 files read") && frame.contains("~ a.rs"), "{frame}");
}

#[test]
fn a_diff_is_side_by_side_where_it_fits() {
    let mut state = shown(150, 12, rows());
    press(&mut state, "d");
    print(&mut state, FILES);
    assert!(drawn(&state).contains("│-two"), "beside the agents, one below the other");
    press(&mut state, "\rGkkkkk");
    let frame = drawn(&state);
    let old_and_new = format!("-two{}│+three", " ".repeat(70));
    assert!(frame.contains(&old_and_new), "{frame}");
    assert!(frame.contains(&format!(" one{}│ one", " ".repeat(70))), "{frame}");
    // The cursor is on a row of both, and a remark on the new line.
    press(&mut state, "Cwhy?\r");
    assert_eq!(state.remarks[&id("designer-k2m1p")][0].0, "a.rs:2");
    press(&mut state, "=");
    assert!(drawn(&state).contains("-two\n+three"), "{}", drawn(&state));
    press(&mut state, "=");
    update(&mut state, Msg::Resized(139, 12));
    assert!(drawn(&state).contains("-two\n+three"), "{}", drawn(&state));
    press(&mut state, "=");
    assert!(drawn(&state).contains("from 140 columns on"), "{}", drawn(&state));
}

#[test]
fn a_task_is_for_the_profile_that_was_picked() {
    let mut state = shown(100, 10, rows());
    assert_eq!(press(&mut state, "Nwrite\t"), [Call::ReadProfiles]);
    let profile = |name: &str, model: Option<&str>| ProfileChoice {
        name: name.to_owned(),
        program: Some("claude".to_owned()),
        model: model.map(str::to_owned),
        is_default: name == "claude",
    };
    state.profiles = vec![profile("sh", None), profile("claude", None), profile("quick", Some("small-1"))];
    let frame = drawn(&state);
    assert!(frame.contains("> claude (default)"), "{frame}");
    press(&mut state, "j");
    let frame = drawn(&state);
    assert!(frame.contains("> quick") && frame.contains("model small-1"), "{frame}");
    press(&mut state, "\r");
    assert!(drawn(&state).contains("new task for quick (Tab: agent"), "{}", drawn(&state));
    let words = ["spawn", "--detach", "--agent=quick", "--", "write tests"].map(str::to_owned).to_vec();
    assert_eq!(press(&mut state, " tests\r"), [Call::Run(words)]);
    // It stays picked, and Escape keeps it.
    press(&mut state, "N\tkk\u{1b}");
    assert!(drawn(&state).contains("new task for quick"), "{}", drawn(&state));
    assert_eq!(press(&mut state, "\r"), [Call::EditTask(Some("quick".to_owned()))]);
}

#[test]
fn the_mouse_chooses_and_never_answers() {
    let mut state = shown(100, 16, rows());
    update(&mut state, Msg::Key(Key::Click(5, 3)));
    assert_eq!(state.chosen, Some(id("add-tests-q0q88")));
    press(&mut state, "d");
    print(&mut state, FILES);
    update(&mut state, Msg::Key(Key::Click(60, 8)));
    assert_eq!((state.focus, state.cursor), (Pane::Page, 6));
    update(&mut state, Msg::Key(Key::Wheel(true, 60, 4)));
    assert_eq!((state.focus, state.cursor), (Pane::Page, 9));
    update(&mut state, Msg::Key(Key::Wheel(false, 5, 2)));
    assert_eq!((state.focus, &state.chosen), (Pane::Page, &Some(id("designer-k2m1p"))));
    // Over what is asked, on a question and on nothing, a click does nothing.
    press(&mut state, "wS");
    for (column, row) in [(5, 13), (5, 15), (99, 0), (500, 500)] {
        let calls = update(&mut state, Msg::Key(Key::Click(column, row)));
        assert!(calls.is_empty(), "{calls:?}");
    }
    assert!(matches!(state.mode, Mode::Deciding(_)));
}

#[test]
fn foreign_text_keeps_its_colours_and_nothing_else() {
    let texts = |lines: &[Line<'_>]| lines.iter().map(ToString::to_string).collect::<Vec<_>>();
    let lines = sgr::lines("\u{1b}[32m+\u{1b}[mx\ty\n\u{1b}]0;t\u{7}\u{1b}[2Jz\u{9b}1m\n".as_bytes(), true);
    assert_eq!(texts(&lines), ["+x      y", "\\e]0;t\\u{7}\\e[2Jz\\u{9b}1m"]);
    assert_eq!(lines[0].spans[0].style.fg, Some(ratatui::style::Color::Green));
    assert_eq!(lines[0].spans[1].style.fg, None);
}

#[test]
fn a_command_line_is_split_as_by_a_shell() {
    for (line, expected) in [
        ("tag x --add 'two words'", Some(&["tag", "x", "--add", "two words"][..])),
        ("  send a \"b \\\" c\" d\\ e '' ", Some(&["send", "a", "b \" c", "d e", ""])),
        ("send 'open", None),
        ("", Some(&[])),
    ] {
        let expected = expected.map(|words| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>());
        assert_eq!(split(line), expected, "{line}");
    }
}

#[test]
fn a_key_that_the_user_chose_takes_the_place_of_another() {
    let mut state = shown(80, 14, rows());
    state.keymap = Keymap::new([("quit".to_owned(), 'd')]);
    assert!(press(&mut state, "q").is_empty());
    assert_eq!(press(&mut state, "d"), [Call::Quit]);
    assert!(drawn(&state).contains("d quit"), "{}", drawn(&state));
    let lost = state.keymap.without_key();
    let said = "'d' is quit, and diff has no key: git config orchestra.ui.keys.diff KEY".to_owned();
    assert_eq!(lost, [said]);
    let both = [("quit".to_owned(), 'd'), ("diff".to_owned(), 'q')];
    assert_eq!(Keymap::new(both).without_key(), Vec::<String>::new());
}

#[test]
fn ctrl_c_leaves_what_is_asked_and_then_the_window() {
    for keys in ["N", ":ls", "/x", "S", "v", "?", "wx"] {
        let mut state = shown(80, 14, rows());
        press(&mut state, keys);
        assert_ne!(state.mode, Mode::Normal, "{keys}");
        assert!(press(&mut state, "\u{3}").is_empty(), "{keys}");
        assert_eq!(state.mode, Mode::Normal, "{keys}");
        assert_eq!(press(&mut state, "\u{3}"), [Call::Quit], "{keys}");
    }
    let mut state = shown(80, 14, rows());
    press(&mut state, "N\u{1b}[200~pasted\u{3}");
    assert_eq!((state.mode.clone(), state.pasting), (Mode::Normal, false));
}

#[test]
fn what_was_done_in_part_and_what_is_kept_is_said() {
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    let mut state = shown(100, 14, rows());
    press(&mut state, "L");
    print(&mut state, "2 branches land\n");
    press(&mut state, "y");
    let printed = "1  a  merged\n2 of 3 landed in main: 6087..9fe7\nhint: git orchestra undo\n";
    let lines = sgr::lines(printed.as_bytes(), false);
    update(&mut state, Msg::Ran { command: words(&["merge-ranked"]), lines, succeeded: false });
    let frame = drawn(&state);
    assert!(frame.ends_with("not all was done: 2 of 3 landed in main: 6087..9fe7"), "{frame}");
    // Work that has not landed.
    press(&mut state, "\u{1b}GD");
    let command = state.contents.command.clone().unwrap();
    let lines = sgr::lines(b"designer-k2m1p  kept  its work is not in main\n", false);
    let kept = Msg::Printed { command, lines, diff: Diff::default(), is_cut: false, succeeded: false };
    update(&mut state, kept);
    let frame = drawn(&state);
    assert!(
        frame.contains("kept: L lands it") && frame.contains("':cleanup --discard tidy-de0dt'"),
        "{frame}"
    );
}

/// Text that a signal leaves at a prompt is said with what it was for; a filter is nothing that is sent.
#[test]
fn what_is_typed_and_not_sent_is_named() {
    let typed = |keys: &str| {
        let mut state = shown(80, 24, vec![row("tidy-de0dt", 0, Phase::Running, None)]);
        press(&mut state, keys);
        state.mode.unsent()
    };
    for (keys, unsent) in [
        ("ihello", Some("to tidy-de0dt: hello")),
        ("Nfix it", Some("new task: fix it")),
        (":undo 2", Some("git orchestra undo 2")),
        ("i  ", None),
        ("/tidy", None),
        ("", None),
    ] {
        assert_eq!(typed(keys).as_deref(), unsent, "{keys}");
    }
}

/// A frame of a thousand agents costs no more than their rows in sight.
#[test]
fn only_rows_in_sight_are_drawn() {
    let many: Vec<Row> =
        (0..1000).map(|at| row(&format!("task-{at:03}-abcde"), 0, Phase::Running, None)).collect();
    let mut state = shown(120, 40, many);
    press(&mut state, "G");
    let frame = drawn(&state);
    assert!(frame.contains("task-999-abcde") && !frame.contains("task-900-abcde"), "{frame}");
}
