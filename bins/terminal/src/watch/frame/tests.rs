use proptest::prelude::*;

use super::{
    super::samples::{agent, asking},
    *,
};
use crate::key::Key;

fn composed(agents: &[AgentObject], rows: usize, columns: usize) -> Vec<String> {
    compose(agents, rows, columns, &Painter::new(false), None).lines
}

/// Returns the first word of each line.
fn firsts(lines: &[String]) -> Vec<&str> {
    lines.iter().filter_map(|line| line.split(' ').next()).collect()
}

const COMMAND: &str = "Bash python -m pytest tests/test_blueprints.py && git push origin HEAD";

#[test]
fn an_agent_that_waits_comes_first_and_its_command_is_shown_whole() {
    let agents = [
        agent("one-aaaaa", "running", None),
        agent("two-bbbbb", "waiting", Some(COMMAND)),
        agent("six-ccccc", "waiting", Some("Bash ls")),
    ];
    let lines = composed(&agents, 24, 60);
    assert_eq!(firsts(&lines[..4]), ["AGENT", "two-bbbbb", "six-ccccc", "one-aaaaa"]);
    assert_eq!(
        lines[lines.len() - 6..],
        [
            "1 running, 2 waiting",
            "two-bbbbb waits for an answer: Bash python -m pytest",
            "tests/test_blueprints.py && git push origin HEAD",
            "type in another terminal: git orchestra send two-bbbbb",
            "--allow",
            "+1 more waits",
        ]
    );
}

#[test]
fn where_there_is_no_room_those_that_run_are_shown_and_the_others_counted() {
    let agents = [
        agent("one-aaaaa", "done", None),
        agent("two-bbbbb", "done", None),
        agent("six-ccccc", "running", None),
        agent("ten-ddddd", "running", None),
    ];
    assert_eq!(firsts(&composed(&agents, 6, 120)), ["AGENT", "six-ccccc", "ten-ddddd", "+2", "2"]);
    assert_eq!(
        firsts(&composed(&agents, 7, 120)),
        ["AGENT", "one-aaaaa", "two-bbbbb", "six-ccccc", "ten-ddddd", "2"]
    );
}

#[test]
fn half_a_command_is_not_shown() {
    let agents = [agent("two-bbbbb", "waiting", Some(COMMAND))];
    let lines = composed(&agents, 9, 30);
    assert!(!lines.iter().any(|line| line.contains("waits for an answer")), "{lines:?}");
    assert!(lines.join(" ").contains("'git orchestra status two-bbbbb'"), "{lines:?}");
}

proptest! {
    #[test]
    fn a_frame_is_never_wider_or_higher_than_the_terminal(
        phases in prop::collection::vec(0usize..3, 0..12),
        what in "[a-z 日]{1,150}",
        rows in 1usize..40,
        columns in 20usize..160,
    ) {
        let one = |(at, phase): (usize, &usize)| match phase {
            0 => agent(&format!("a-rather-long-name-{at:02}-aaaaa"), "running", None),
            1 => agent(&format!("done-{at:02}-aaaaa"), "done", None),
            _ => agent(&format!("waits-{at:02}-aaaaa"), "waiting", Some(&what)),
        };
        let agents: Vec<AgentObject> = phases.iter().enumerate().map(one).collect();
        let lines = composed(&agents, rows, columns);
        prop_assert!(lines.len() <= rows.saturating_sub(1).max(1));
        prop_assert!(lines.iter().all(|line| text::width(line) <= columns), "{lines:?}");
    }
}

fn with_keys(agents: &[AgentObject], keys: &str, rows: usize, columns: usize) -> (Control, Frame) {
    let mut control = Control::default();
    for key in crate::key::keys(keys.as_bytes()) {
        control.press(key, agents);
    }
    let frame = compose(agents, rows, columns, &Painter::new(false), Some(&control));
    (control, frame)
}

#[test]
fn a_window_that_takes_keys_marks_the_chosen_agent_and_names_the_keys() {
    let agents = [
        agent("one-aaaaa", "running", None),
        asking("two-bbbbb", "q1", COMMAND),
        asking("six-ccccc", "q2", "Bash ls"),
    ];
    let (_, frame) = with_keys(&agents, "", 24, 80);
    assert!(frame.lines[1].starts_with("> two-bbbbb") && frame.lines[2].starts_with("  six-ccccc"));
    assert_eq!(
        frame.lines[frame.lines.len() - 5..],
        [
            "1 running, 2 waiting",
            "two-bbbbb waits for an answer: Bash python -m pytest tests/test_blueprints.py &&",
            "git push origin HEAD",
            "+1 more waits",
            "? help  q quit  a allow  x deny  l log  d diff  s stop  p pause  r review",
        ]
    );
    let (_, frame) = with_keys(&agents, "j", 10, 40);
    assert!(frame.lines.iter().any(|line| line.starts_with("> six-ccccc")), "{:?}", frame.lines);
    assert_eq!(frame.lines.last().map(String::as_str), Some("? help  q quit  a allow  x deny  l log"));
}

#[test]
fn a_request_is_to_be_allowed_once_its_end_was_shown() {
    let long = format!("Bash {} && git push", "word ".repeat(80).trim_end());
    let agents = [asking("two-bbbbb", "q1", &long)];
    let (mut control, frame) = with_keys(&agents, "a", 24, 80);
    let joined = frame.lines.join(" ");
    assert!(joined.contains(&long) && joined.contains("y allows it"), "{joined}");
    assert!(frame.reading.is_some_and(|reading| reading.is_whole(&control.mode)));
    // In a low window, part by part.
    let mut shown = Vec::new();
    for _ in 0..3 {
        let frame = compose(&agents, 10, 40, &Painter::new(false), Some(&control));
        assert_eq!(frame.lines[0], "two-bbbbb asks for:");
        shown.push(frame.lines[1..].join(" "));
        control.reading = frame.reading;
        control.press(Key::Char(' '), &agents);
    }
    assert!(shown[0].ends_with("lines 1 to 6 of 11; space shows more, Escape returns"), "{shown:?}");
    assert!(shown[1].contains("git push y allows it"), "{shown:?}");
    let (_, frame) = with_keys(&agents, "a", 3, 40);
    let joined = frame.lines.join(" ");
    assert!(joined.contains("this window is too small") && frame.reading.is_none(), "{joined}");
}

#[test]
fn what_is_allowed_for_good_is_shown() {
    let mut agents = [asking("two-bbbbb", "q1", "Bash ls -l")];
    agents[0].request.as_mut().unwrap().pattern = Some("Bash(ls:*)".to_owned());
    let (mut control, frame) = with_keys(&agents, "a", 24, 80);
    assert_eq!(
        frame.lines.last().map(String::as_str),
        Some("y allows it, A for good, any other key does not")
    );
    control.reading = frame.reading;
    control.press(Key::Char('A'), &agents);
    let frame = compose(&agents, 24, 80, &Painter::new(false), Some(&control));
    let expected = [
        "allow two-bbbbb this now, and whenever it asks again:",
        "Bash(ls:*)",
        "y allows it for good, any other key does not",
    ];
    assert_eq!(frame.lines, expected);
}

proptest! {
    #[test]
    fn a_window_that_takes_keys_is_never_wider_or_higher_than_the_terminal(
        waiting in 0usize..4,
        keys in "[ajkxps?ynA ]{0,6}",
        what in "[a-z 日]{1,300}",
        rows in 1usize..30,
        columns in 20usize..120,
    ) {
        let one = |at: usize| match at < waiting {
            true => asking(&format!("waits-{at:02}-aaaaa"), "q1", &what),
            false => agent(&format!("a-rather-long-name-{at:02}-aaaaa"), "running", None),
        };
        let agents: Vec<AgentObject> = (0..6).map(one).collect();
        let (_, frame) = with_keys(&agents, &keys, rows, columns);
        prop_assert!(frame.lines.len() <= rows.saturating_sub(1).max(1));
        prop_assert!(frame.lines.iter().all(|line| text::width(line) <= columns), "{:?}", frame.lines);
    }
}
