use super::{
    super::samples::{agent, asking},
    *,
};

fn id(name: &str) -> AgentId {
    AgentId::parse(name).unwrap()
}

fn asked(name: &str, question: &str) -> Asked {
    Asked { agent: id(name), question: question.to_owned() }
}

fn agents() -> Vec<AgentObject> {
    let mut asking = asking("two-bbbbb", "q1", "Bash ls && git push");
    asking.request.as_mut().unwrap().pattern = Some("Bash(ls:*)".to_owned());
    vec![agent("one-aaaaa", "running", None), asking, agent("six-ccccc", "done", None)]
}

/// Presses keys, as in a window that shows each question whole. Returns the last action.
fn press(control: &mut Control, keys: &str, agents: &[AgentObject]) -> Action {
    let mut last = Action::Nothing;
    for key in crate::key::keys(keys.as_bytes()) {
        last = control.press(key, agents);
        draw(control, 3);
    }
    last
}

/// Shows a question whose text has three lines, `room` of them at once.
fn draw(control: &mut Control, room: usize) {
    let lines = ["one".to_owned(), "two".to_owned(), "three".to_owned()];
    control.reading = Some(Reading::go_on(control.reading.as_ref(), &control.mode, &lines, room));
}

#[test]
fn keys_ask_for_actions_on_the_chosen_agent() {
    let agents = agents();
    // The agent that waits comes first.
    for (keys, expected, message) in [
        ("q", Action::Quit, None),
        ("l", Action::Log(id("two-bbbbb")), None),
        ("\r", Action::Log(id("two-bbbbb")), None),
        ("jd", Action::Diff(id("one-aaaaa")), None),
        ("\x1b[B\x1b[B\x1b[B\x1b[Br", Action::Review(id("six-ccccc")), None),
        ("jjkp", Action::Pause(id("one-aaaaa")), None),
        ("kjsy", Action::Stop(id("one-aaaaa")), None),
        ("jsn", Action::Nothing, Some("nothing was stopped")),
        ("jjs", Action::Nothing, Some("six-ccccc has ended")),
        ("ay", Action::Allow(asked("two-bbbbb", "q1")), None),
        ("an", Action::Nothing, Some("nothing was allowed")),
        ("a\ry", Action::Nothing, None),
        ("a ky", Action::Allow(asked("two-bbbbb", "q1")), None),
        ("aAy", Action::Always(asked("two-bbbbb", "q1")), None),
        ("aAn", Action::Nothing, Some("nothing was allowed")),
        ("aAA", Action::Nothing, Some("nothing was allowed")),
        ("ja", Action::Nothing, Some("one-aaaaa is not waiting for an answer")),
        ("x\r", Action::Deny(asked("two-bbbbb", "q1"), None), None),
        ("xnox\x7f, q\r", Action::Deny(asked("two-bbbbb", "q1"), Some("no, q".to_owned())), None),
        ("xno\x1b", Action::Nothing, Some("nothing was denied")),
        ("?q", Action::Nothing, None),
        ("y", Action::Nothing, None),
        ("Z\x1b[15~", Action::Nothing, None),
    ] {
        let mut control = Control::default();
        assert_eq!(press(&mut control, keys, &agents), expected, "{keys:?}");
        assert_eq!(control.message.as_deref(), message, "{keys:?}");
        assert_eq!(control.mode, Mode::Table, "{keys:?}");
    }
    assert_eq!(press(&mut Control::default(), "adlpsxkj", &[]), Action::Nothing, "without agents");
}

#[test]
fn nothing_is_allowed_that_was_not_shown_whole() {
    let agents = agents();
    for answer in ['y', 'A'] {
        let mut control = Control::default();
        control.press(Key::Char('a'), &agents);
        assert_eq!(control.press(Key::Char(answer), &agents), Action::Nothing, "the window did not show it");
        draw(&mut control, 1);
        control.press(Key::Char(' '), &agents);
        control.press(Key::Char(' '), &agents);
        control.press(Key::Char(' '), &agents);
        draw(&mut control, 1);
        assert_eq!(control.press(Key::Char(answer), &agents), Action::Nothing, "the window showed two lines");
        assert_eq!(control.mode, Mode::Allow(asked("two-bbbbb", "q1")));
        assert_eq!(control.message.as_deref(), Some("not allowed: its end was not shown yet"));
        control.press(Key::Down, &agents);
        draw(&mut control, 1);
        let last = control.press(Key::Char(answer), &agents);
        if answer == 'y' {
            assert_eq!(last, Action::Allow(asked("two-bbbbb", "q1")));
            continue;
        }
        assert_eq!(control.mode, Mode::Always(asked("two-bbbbb", "q1"), "Bash(ls:*)".to_owned()));
        assert_eq!(control.press(Key::Char('y'), &agents), Action::Nothing, "the pattern was not shown");
        draw(&mut control, 3);
        assert_eq!(control.press(Key::Char('y'), &agents), Action::Always(asked("two-bbbbb", "q1")));
    }
}

#[test]
fn what_has_no_pattern_is_allowed_only_once() {
    let agents = [asking("two-bbbbb", "q1", "Bash ls")];
    let mut control = Control::default();
    assert_eq!(press(&mut control, "aA", &agents), Action::Nothing);
    assert_eq!(control.message.as_deref(), Some("it can only be allowed once"));
    assert_eq!(press(&mut control, "y", &agents), Action::Allow(asked("two-bbbbb", "q1")));
}

#[test]
fn what_was_recorded_only_in_part_is_not_allowed() {
    let mut cut = asking("two-bbbbb", "q1", "Bash a…z");
    cut.request.as_mut().unwrap().cut_from_bytes = Some(70_000);
    let older = agent("two-bbbbb", "waiting", Some("Bash a"));
    let mut choice = asking("two-bbbbb", "q1", "Which?");
    choice.choice = true;
    for (agent, message) in [
        (cut, "too long to be shown whole: git orchestra send two-bbbbb --allow"),
        (older, "an older version started it: git orchestra send two-bbbbb --allow"),
        (choice, "it asks for a choice: git orchestra send two-bbbbb 'your choice'"),
    ] {
        let mut control = Control::default();
        assert_eq!(press(&mut control, "a", std::slice::from_ref(&agent)), Action::Nothing);
        assert_eq!((control.message.as_deref(), &control.mode), (Some(message), &Mode::Table));
    }
}

#[test]
fn a_question_that_changed_is_not_answered() {
    let mut agents = agents();
    let mut control = Control::default();
    press(&mut control, "aA", &agents);
    agents[1] = asking("two-bbbbb", "q2", "Bash rm x");
    control.update(&agents);
    assert_eq!(control.mode, Mode::Allow(asked("two-bbbbb", "q2")));
    assert_eq!(control.message.as_deref(), Some("two-bbbbb asks something else now"));
    assert_eq!(control.press(Key::Char('y'), &agents), Action::Nothing, "the new one was not shown");
    // The same question, of which another pattern would be allowed.
    let mut agents = self::agents();
    let mut control = Control::default();
    press(&mut control, "aA", &agents);
    agents[1].request.as_mut().unwrap().pattern = Some("Bash(rm:*)".to_owned());
    control.update(&agents);
    assert_eq!(control.mode, Mode::Allow(asked("two-bbbbb", "q1")));
    for typed in ["a", "aA", "xno"] {
        let mut control = Control::default();
        press(&mut control, typed, &agents);
        let answered = [agents[0].clone(), agent("two-bbbbb", "running", None)];
        control.update(&answered);
        assert_eq!(control.mode, Mode::Table);
        assert_eq!(control.message.as_deref(), Some("two-bbbbb no longer waits"));
    }
}

#[test]
fn the_chosen_agent_stays_chosen() {
    let mut agents = agents();
    let mut control = Control::default();
    press(&mut control, "jj", &agents);
    agents[0] = asking("one-aaaaa", "q3", "Bash ls");
    control.update(&agents);
    assert_eq!(control.chosen(&agents).map(|agent| agent.id.as_str()), Some("six-ccccc"));
    agents.pop();
    control.update(&agents);
    assert_eq!(control.chosen(&agents).map(|agent| agent.id.as_str()), Some("one-aaaaa"));
}
