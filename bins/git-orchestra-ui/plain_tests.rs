//! What `--plain` says, line by line, and what typed lines ask for.

use orchestra::model::Phase;

use super::{
    plain::Plain,
    row::Row,
    state::{Action, Call},
    tests::{row, rows},
};

#[test]
fn what_changes_is_said_in_lines_and_numbers_are_never_used_twice() {
    let mut plain = Plain::new("app (main)".to_owned());
    let mut all = rows();
    all.truncate(3);
    plain.news(&all);
    let expected = "\
git orchestra, app (main): 3 agents, 1 need you, 2 run.
1: designer-k2m1p, running: Add tests.
2: implement-auth-a1b2c, level 2, running: Add tests.
3: add-tests-q0q88, level 2, waiting: Add tests.
add-tests-q0q88 asks: Bash: cargo add argon2
4: allow. 5: allow Bash(cargo:*) from now on. 6: deny.
Type a number or a word, then Enter. help says the words.";
    assert_eq!(plain.take_said().join("\n"), expected);
    let asked = all[2].asked().unwrap();
    assert_eq!(plain.line("4"), [Call::Act(Action::Allow { asked, always: false })]);
    // The same news says nothing; another question has other numbers, and the old ones answer nothing.
    plain.news(&all);
    assert_eq!(plain.take_said(), [""; 0]);
    all[2] = row("add-tests-q0q88", 1, Phase::Waiting, Some("Bash: rm -r x"));
    plain.news(&all);
    let expected = "\
add-tests-q0q88 no longer asks for that.
add-tests-q0q88 asks: Bash: rm -r x
7: allow. 8: allow Bash(cargo:*) from now on. 9: deny.";
    assert_eq!(plain.take_said().join("\n"), expected);
    for old in ["4", "5", "6", "77"] {
        assert!(plain.line(old).is_empty(), "{old}");
    }
    assert!(plain.take_said().iter().take(3).all(|line| line.contains("Nothing was answered")));
    assert!(plain.line("9").is_empty());
    assert_eq!(plain.take_said(), ["Why add-tests-q0q88 must not do it. An empty line gives no reason:"]);
    let denied = Action::Deny { asked: all[2].asked().unwrap(), reason: Some("never".to_owned()) };
    assert_eq!(plain.line("never"), [Call::Act(denied)]);
    // How one ended, and a new one.
    all[1] = Row { lines: Some((3, 1)), ..row("implement-auth-a1b2c", 1, Phase::Done, None) };
    all.push(row("tidy-de0dt", 0, Phase::Queued, None));
    plain.news(&all);
    let expected =
        ["implement-auth-a1b2c is done, 3 lines added, 1 removed.", "New: tidy-de0dt, queued: Add tests."];
    assert_eq!(plain.take_said(), expected);
}

#[test]
fn lines_are_choices_words_or_commands() {
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    let lent = |all: &[&str]| [Call::Lend { command: words(all), stays: false }];
    let mut plain = Plain::new("app (main)".to_owned());
    plain.news(&[row("tidy-de0dt", 0, Phase::Done, None)]);
    plain.take_said();
    assert!(plain.line("1").is_empty());
    let expected = "\
tidy-de0dt, done: Add tests
It does: reads tests/login.rs
2: diff. 3: end of the log. 4: say something. 5: approve. 6: ask for changes. 7: what removing it would do. 8: resume.";
    assert_eq!(plain.take_said().join("\n"), expected);
    assert_eq!(plain.line("2"), lent(&["diff", "tidy-de0dt"]));
    assert!(plain.line("6").is_empty());
    assert_eq!(plain.line("say why"), lent(&["review", "tidy-de0dt", "--changes", "-m", "say why"]));
    assert_eq!(plain.line("land"), lent(&["merge-ranked", "--dry-run"]));
    plain.take_said();
    plain.ended(&words(&["merge-ranked", "--dry-run"]), true);
    assert_eq!(plain.take_said(), ["9: do this: git orchestra merge-ranked."]);
    assert_eq!(plain.line("9"), lent(&["merge-ranked"]));
    plain.ended(&words(&["merge-ranked"]), false);
    assert_eq!(plain.take_said(), ["failed: git orchestra merge-ranked"]);
    assert_eq!(plain.line("new write tests"), lent(&["spawn", "--detach", "--", "write tests"]));
    assert_eq!(
        plain.line("tag tidy-de0dt --add 'of note'"),
        lent(&["tag", "tidy-de0dt", "--add", "of note"])
    );
    assert!(plain.line("new").is_empty() && plain.line("").is_empty());
    assert_eq!(plain.line(" quit "), [Call::Quit]);
}
