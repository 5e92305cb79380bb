//! A hint with a command is an argument vector: pasted into a shell, it does what was meant, whatever the
//! names and paths contain.

use std::{ffi::OsString, os::unix::ffi::OsStringExt, path::Path};

use orchestra::model::{quote, text};
use proptest::prelude::*;
use testkit::{Ran, World};

use crate::world;

/// Names with special meaning for a shell, a terminal or git.
const NAMES: &[&str] = &[
    "m;touch${IFS}PWNED",
    "$(touch${IFS}PWNED)",
    "`touch${IFS}PWNED`",
    "it's",
    "--force",
    "a\u{202e}b",
    "&PWNED",
];

/// Returns the words into which a shell splits a line.
fn words(world: &World, shell: &str, line: &str) -> Vec<Vec<u8>> {
    let script = format!("each() {{ for word; do printf '%s\\0' \"$word\"; done; }}\neach {line}");
    let output = world.command(shell, world.dir()).arg("-c").arg(script).output().expect("a shell");
    assert!(output.status.success(), "{line}");
    output.stdout.split_inclusive(|byte| *byte == 0).map(|word| word[..word.len() - 1].to_vec()).collect()
}

/// Generates words of all kinds, without the NUL that no argument can contain.
fn any_word() -> impl Strategy<Value = Vec<u8>> {
    let sharp = proptest::string::string_regex("[-a-c'\"\\\\$`!*?~=#;& \\n\\t\u{1b}\u{202e}\u{200b}ü]{0,12}");
    let sharp = sharp.expect("an expression").prop_map(String::into_bytes);
    let bytes = proptest::collection::vec(1u8.., 0..12);
    prop_oneof![sharp, bytes]
}

#[test]
fn a_shell_splits_a_quoted_command_into_its_arguments() {
    let world = world();
    let shells: Vec<&str> = ["bash", "zsh", "ksh"]
        .into_iter()
        .filter(|shell| world.command(shell, world.dir()).args(["-c", ":"]).output().is_ok())
        .collect();
    assert!(shells.contains(&"bash"), "bash is needed for this test");
    proptest!(ProptestConfig::with_cases(60), |(vector in proptest::collection::vec(any_word(), 1..5))| {
        let argv: Vec<OsString> = vector.iter().cloned().map(OsString::from_vec).collect();
        let line: Vec<String> = argv.iter().map(quote::word).collect();
        let line = line.join(" ");
        prop_assert_eq!(&text::safe(&line), &line, "nothing in it is obeyed or invisible");
        for shell in &shells {
            prop_assert_eq!(&words(&world, shell, &line), &vector, "{}: {}", shell, &line);
        }
        if !line.contains("$'") {
            prop_assert_eq!(&words(&world, "sh", &line), &vector, "sh: {}", &line);
        }
    });
}

/// Returns the first hint that begins with a text.
fn hint(ran: &Ran, begins: &str) -> String {
    let said = ran.stderr();
    let line = said.lines().find_map(|line| line.strip_prefix("hint: ")?.strip_prefix(begins));
    format!("{begins}{}", line.unwrap_or_else(|| panic!("no hint '{begins}' in {said}")))
}

fn paste(world: &World, folder: &Path, line: &str) -> Ran {
    Ran::of(world.command("bash", folder).arg("-c").arg(line))
}

#[test]
fn the_hint_restores_a_deleted_branch_of_any_name() {
    let world = world();
    let repo = world.repo();
    for name in NAMES {
        let branch = format!("refs/heads/{name}");
        repo.git(["update-ref", &branch, "main"]);
        let id = repo.spawn("date +%N > now");
        repo.end_of(&id);
        repo.orchestra(["merge-ranked", "--into", name, &id]).code();
        let landed =
            repo.refs("refs/heads").iter().any(|(known, at)| *known == branch && *at != repo.tip("main"));
        if !landed {
            assert!(
                name.starts_with('-'),
                "only a name that looks like an option is refused as a target: {name}"
            );
            continue;
        }
        let tip = repo.tip(&branch);
        repo.git(["update-ref", "-d", &branch]);
        let ran = repo.orchestra(["undo"]).exits(3);
        paste(&world, repo.path(), &hint(&ran, "git branch "));
        assert_eq!(repo.refs("refs/heads").iter().filter(|(known, _)| *known == branch).count(), 1, "{name}");
        assert_ne!(tip, "");
        assert!(!repo.path().join("PWNED").exists(), "{name}");
        repo.orchestra(["undo"]).code();
        repo.orchestra(["cleanup", "--discard", &id]).code();
    }
}

#[test]
fn a_path_of_any_kind_is_quoted() {
    let world = world();
    for name in ["r'x", "r $(touch PWNED)", "r\u{202e}x", "r\nx"] {
        let repo = world.repo_named(name);
        let id = repo.spawn("echo 1 > file.txt");
        repo.end_of(&id);
        repo.write("file.txt", "changed\n");
        let ran = repo.orchestra(["merge-ranked", &id]).exits(3);
        let line = hint(&ran, "commit them: ");
        let line = line.trim_start_matches("commit them: ");
        paste(&world, world.dir(), &format!("{line} -qm saved")).succeeded();
        assert_eq!(repo.git(["log", "-1", "--format=%s"]).line(), "saved", "{name:?}: {line}");
        assert!(!world.dir().join("PWNED").exists());
        assert!(!ran.stderr().lines().any(|line| line.trim_end() == "hint:"), "{}", ran.stderr());
        repo.orchestra(["merge-ranked", "--abort"]).succeeded();
    }
}

/// Returns the text before the parenthesis that closes a call.
fn arguments(rest: &str) -> &str {
    let mut open = 1;
    let end = rest.find(|c| {
        open += match c {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        open == 0
    });
    &rest[..end.unwrap_or(rest.len())]
}

#[test]
fn no_hint_quotes_by_hand() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut open = vec![root.join("shared/src"), root.join("bins")];
    while let Some(place) = open.pop() {
        for entry in std::fs::read_dir(&place).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let code = std::fs::read_to_string(&path).expect("a file");
                for hint in code.split("hint(").skip(1).map(arguments) {
                    assert!(!hint.contains("'{"), "{}: {hint}", path.display());
                }
            }
        }
    }
}
