//! `logs`: the output of an agent.

use std::{
    fs,
    io::{BufRead as _, BufReader},
};

use testkit::{Ran, TestRepo, until};

use crate::world;

#[test]
fn output_is_shown_safely_and_raw_output_unchanged() {
    let world = world();
    let repo = world.repo();
    repo.orchestra([
        "spawn",
        "--agent",
        "sh",
        "printf 'a\\033[31mred\\033[0m\\033]0;title\\007\\n10%%\\r100%%\\nno newline' ; echo err >&2",
    ])
    .succeeded();
    let id = repo.agents().remove(0)["id"].as_str().expect("an id").to_owned();
    let safe = repo.orchestra(["logs", &id]).succeeded().stdout();
    assert_eq!(safe, "ared\\e]0;title\\u{7}\n100%\nno newlineerr\n");
    let raw = repo.orchestra(["logs", "--raw", &id]).succeeded().stdout();
    assert_eq!(raw, "a\u{1b}[31mred\u{1b}[0m\u{1b}]0;title\u{7}\n10%\r100%\nno newlineerr\n");
    // Plain git can read it.
    assert_eq!(repo.git(["show", &format!("refs/orchestra-local/logs/{id}:1.out")]).stdout(), raw);
}

#[test]
fn follows_a_live_agent_to_its_end() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("echo first; while ! [ -e ../../repo/go ]; do sleep 0.05; done; echo last");
    repo.wait_for_output(&id, "first");
    let child = repo
        .orchestra_command(["logs", "-f", &id])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("logs");
    repo.write("go", "");
    let output = child.wait_with_output().expect("an end");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "first\nlast\n");
}

#[test]
fn output_of_another_clone_is_not_available() {
    let world = world();
    let repo = world.repo();
    repo.orchestra(["spawn", "--agent", "sh", "echo secret"]).succeeded();
    let id = repo.agents().remove(0)["id"].as_str().expect("an id").to_owned();
    world.git(world.dir(), ["clone", "-q", "repo", "clone"]);
    let clone = testkit::TestRepo::new(&world, world.dir().join("clone"));
    clone.git(["fetch", "-q", "origin", "refs/orchestra/*:refs/orchestra/*"]);
    clone.orchestra(["logs", &id]).exits(3).stderr_has("not in this clone");
}

#[test]
fn an_agent_whose_program_never_started_has_no_output() {
    let world = world();
    let repo = world.repo();
    // The files of the worktree cannot be written.
    repo.git(["config", "filter.bad.smudge", "false"]);
    repo.git(["config", "filter.bad.required", "true"]);
    let info = repo.path().join(".git/info");
    std::fs::create_dir_all(&info).expect("a folder");
    std::fs::write(info.join("attributes"), "* filter=bad\n").expect("written");
    let id = repo.spawn("echo never");
    let end = repo.end_of(&id);
    let why = end["reason"].as_str().expect("a reason");
    assert!(end["phase"] == "failed" && !why.contains(&*world.dir().to_string_lossy()), "{end}");
    let ran =
        repo.orchestra(["logs", &id]).exits(3).stderr_has("it ended before its program started (failed: ");
    assert!(!ran.stderr().contains("not in this clone"), "{}", ran.stderr());
}

#[test]
fn the_last_lines_are_shown_of_a_file_and_of_a_blob() {
    let world = world();
    let repo = world.repo();
    let script = "printf 'one\ntwo\n\\033[31mthree\\033[0m\n'; touch ready; while ! [ -e ../../repo/go ]; do sleep 0.05; done; \
                  echo four; printf five";
    let id = repo.spawn(script);
    repo.wait_for_output(&id, "three");
    let last = |options: &[&str]| {
        let arguments = [&["logs"], options, &[id.as_str()]].concat();
        repo.orchestra(arguments).succeeded().stdout()
    };
    assert_eq!(last(&["-n", "2"]), "two\nthree\n");
    assert_eq!(last(&["--raw", "--tail", "1"]), "\u{1b}[31mthree\u{1b}[0m\n");
    assert_eq!(last(&["--lines=0"]), "");
    assert_eq!(last(&["-n", "9"]), "one\ntwo\nthree\n");
    let mut follow = repo.orchestra_command(["logs", "-f", "-n1", &id]);
    let mut child = follow.stdout(std::process::Stdio::piped()).spawn().expect("logs");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut next = || lines.next().map(|line| line.expect("a line"));
    assert_eq!(next().as_deref(), Some("three"));
    repo.write("go", "");
    assert_eq!([next(), next(), next()], [Some("four".to_owned()), Some("five".to_owned()), None]);
    child.wait().expect("an end");
    repo.end_of(&id);
    assert_eq!(last(&["-n", "2"]), "four\nfive\n");
    assert_eq!(last(&["-n", "2", "--raw"]), "four\nfive");
    assert_eq!(last(&["-n", "0"]), "");
    assert_eq!(last(&["-n", "99"]), last(&[]));
    repo.orchestra(["logs", "-n", "-1", &id]).exits(2);
}

#[test]
fn the_last_lines_of_a_conversation_are_lines_as_they_are_shown() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = repo.spawn_claude(&[], "write hello");
    repo.end_of(&id);
    let whole = repo.orchestra(["logs", &id]).succeeded().stdout();
    let lines: Vec<&str> = whole.lines().collect();
    assert!(lines.len() > 2, "{whole}");
    let last = repo.orchestra(["logs", "-n", "2", &id]).succeeded().stdout();
    assert_eq!(last.lines().collect::<Vec<_>>(), lines[lines.len() - 2..]);
}

/// Output that is too long for memory is written by git; what is short needs no git at all.
#[test]
fn one_git_at_most_reads_the_output() {
    let world = world();
    let repo = world.repo();
    let long = "i=0; while [ $i -lt 60000 ]; do echo \"line $i of a long output, padded: ----------------------------------------------------------------\"; i=$((i+1)); done";
    for (script, gits) in [("true", 0), ("echo short", 0), (long, 1)] {
        let id = repo.spawn(script);
        repo.end_of(&id);
        let stored =
            repo.git(["cat-file", "blob", &format!("refs/orchestra-local/logs/{id}:1.out")]).stdout();
        for options in [&[][..], &["--raw"]] {
            let trace = world.dir().join("trace");
            let arguments = [&["logs"], options, &[id.as_str()]].concat();
            let ran = testkit::Ran::of(repo.orchestra_command(arguments).env("ORCHESTRA_TRACE", &trace))
                .succeeded();
            assert!(ran.stdout() == stored, "{script} {options:?}: {} bytes", ran.stdout().len());
            let started = fs::read_to_string(&trace).expect("a trace");
            let run = started.lines().filter(|line| line.contains("program: git ")).count();
            assert_eq!(run, gits, "{script} {options:?}\n{started}");
            fs::remove_file(&trace).expect("removed");
        }
        if gits == 1 {
            let last = repo.orchestra(["logs", "-n", "3", &id]).succeeded().stdout();
            assert!(stored.ends_with(&last) && last.lines().count() == 3, "{last}");
        }
    }
}

/// Replaces the stored times of the first attempt of an agent, or removes them.
fn set_times(repo: &TestRepo<'_>, id: &str, times: Option<&str>) {
    let name = format!("refs/orchestra-local/logs/{id}");
    let script = "tree=$(git ls-tree \"$1\" | grep -v 'times$')
        if [ -n \"$2\" ]; then
            blob=$(printf \"$2\" | git hash-object -w --stdin)
            tree=$(printf '%s\\n100644 blob %s\\t1.times' \"$tree\" \"$blob\")
        fi
        tree=$(printf '%s\\n' \"$tree\" | git mktree)
        git update-ref \"$1\" \"$(git commit-tree -m times \"$tree\")\"";
    let mut command = repo.command("sh");
    Ran::of(command.args(["-e", "-c", script, "sh", &name, times.unwrap_or_default()])).succeeded();
}

#[test]
fn the_time_of_each_line_is_known() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("echo first; echo second");
    repo.end_of(&id);
    // Its supervisor noted the start, and the end of the output.
    let stored = repo.git(["show", &format!("refs/orchestra-local/logs/{id}:1.times")]).succeeded().stdout();
    assert!(stored.lines().all(|line| line.split(' ').count() == 2), "{stored}");
    assert!(stored.ends_with(" 13\n"), "{stored}");
    set_times(&repo, &id, Some("1000000000000 0\n1000000000500 6\n1000003600000 13\n"));
    let shown = repo.orchestra(["logs", "--times", &id]).succeeded();
    assert_eq!(shown.stdout(), "Sep  9 01:46:40 first\nSep  9 02:46:40 second\n");
    for (since, left) in
        [("2001-09-09T01:46:40Z", "first\nsecond\n"), ("2001-09-09T02:00:00Z", "second\n"), ("10m", "")]
    {
        assert_eq!(repo.orchestra(["logs", "--since", since, &id]).succeeded().stdout(), left, "{since}");
    }
    let shown = repo.orchestra(["logs", "--json", "--since", "2001-09-09T02:00:00Z", &id]).succeeded();
    let entry: serde_json::Value = serde_json::from_str(&shown.stdout()).expect("one entry");
    assert_eq!(entry["at"], "2001-09-09T02:46:40Z");
    repo.orchestra(["logs", "--since", "soon", &id]).exits(2).stderr_has("'soon' is not a time");
}

#[test]
fn output_without_times_is_shown_and_said_to_have_none() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("echo first; echo second");
    repo.end_of(&id);
    set_times(&repo, &id, None);
    let shown = repo.orchestra(["logs", "--times", &id]).succeeded();
    assert_eq!(shown.stdout(), "              - first\n              - second\n");
    let words = format!("the times of attempt 1 of '{id}' are not known: older versions did not record them");
    drop(shown.stderr_has(&words));
    let shown = repo.orchestra(["logs", "--since", "1m", &id]).succeeded();
    assert_eq!(shown.stdout(), "first\nsecond\n");
    drop(shown.stderr_has(&format!("{words}; all of it is shown")));
    let shown = repo.orchestra(["logs", "--json", &id]).succeeded().stdout();
    assert!(shown.lines().all(|line| line.contains(r#""at":null"#)), "{shown}");
    assert_eq!(repo.orchestra(["logs", &id]).succeeded().stderr(), "");
}

#[test]
fn what_is_followed_has_times() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("echo first; while ! [ -e ../../repo/go ]; do sleep 0.05; done; echo last");
    let times = repo.path().join(format!(".git/orchestra/agents/{id}/1.times"));
    until("its supervisor reads it", || times.exists().then_some(()));
    let child = repo
        .orchestra_command(["logs", "-f", "--json", &id])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("logs");
    repo.write("go", "");
    let output = child.wait_with_output().expect("an end");
    let entries: Vec<serde_json::Value> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).expect("an entry"))
        .collect();
    let texts: Vec<_> = entries.iter().map(|entry| entry["entry"]["event"]["text"].as_str()).collect();
    assert_eq!(texts, [Some("first"), Some("last")]);
    assert!(entries.iter().all(|entry| entry["at"].is_string()), "{entries:?}");
}
