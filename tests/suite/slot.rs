//! `slot`: heavy commands take turns, over all repositories of a user.

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Child, Command, Stdio},
};

use testkit::{Ran, TestRepo, World, until};

use crate::world;

/// Returns a command that runs a script in a slot, in a folder outside of repositories.
fn in_slot(world: &World, options: &[&str], script: &str) -> Command {
    let mut command = world.command("git-orchestra", world.dir());
    command.arg("slot").args(options).args(["--", "sh", "-c", script]);
    command
}

/// Lets this many commands run at once.
fn allow(world: &World, slots: u32) {
    world.git(world.dir(), ["config", "--global", "orchestra.slots", &slots.to_string()]);
}

/// Starts a command in a slot that runs until the file `go` exists, and waits until it has the slot.
fn hold(world: &World) -> Child {
    let holder = in_slot(world, &[], "while [ ! -e go ]; do sleep 0.02; done").spawn().expect("started");
    until("it has the slot", || (held(world) == 1).then_some(()));
    holder
}

fn slots(world: &World) -> serde_json::Value {
    Ran::of(world.command("git", world.dir()).args(["orchestra", "slot", "--json"])).succeeded().json()
}

fn held(world: &World) -> usize {
    slots(world)["held"].as_array().expect("a list").len()
}

fn wait_for_waiting(world: &World, count: usize) {
    until("they wait", || (slots(world)["waiting"] == count).then_some(()));
}

fn release(folder: &Path, holder: &mut Child) {
    fs::write(folder.join("go"), "").expect("written");
    holder.wait().expect("ended");
}

#[test]
fn the_command_is_as_if_it_had_been_started_directly() {
    let world = world();
    allow(&world, 1);
    let mut command = in_slot(&world, &[], "cat; echo err >&2; exit 7");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("started");
    std::io::Write::write_all(&mut child.stdin.take().expect("a pipe"), b"typed\n").expect("written");
    let output = child.wait_with_output().expect("ended");
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(output.stdout, b"typed\n");
    assert_eq!(output.stderr, b"err\n", "nothing of ours is printed");
    // The process that was started is the command itself.
    let mut command = in_slot(&world, &[], "echo $$; kill -TERM $$");
    let child = command.stdout(Stdio::piped()).spawn().expect("started");
    let id = child.id().to_string();
    let output = child.wait_with_output().expect("ended");
    assert_eq!(output.status.signal(), Some(15));
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), id);
    let ran = Ran::of(world.command("git", world.dir()).args(["orchestra", "slot", "no-such-program", "-x"]));
    ran.exits(5).stderr_has("cannot run no-such-program");
    assert_eq!(held(&world), 0);
}

#[test]
fn no_more_run_at_once_than_there_are_slots() {
    let world = world();
    allow(&world, 2);
    let script = "mkdir at.$$; ls -d at.* | wc -l >> counts; sleep 0.02; rmdir at.$$";
    let all: Vec<Child> = (0..12).map(|_| in_slot(&world, &[], script).spawn().expect("started")).collect();
    for mut one in all {
        assert!(one.wait().expect("ended").success());
    }
    let counts = fs::read_to_string(world.dir().join("counts")).expect("counts");
    assert_eq!(counts.lines().count(), 12);
    assert!(counts.lines().all(|count| matches!(count.trim(), "1" | "2")), "{counts}");
}

#[test]
fn they_start_in_the_order_in_which_they_came_even_if_one_that_waits_dies() {
    let world = world();
    allow(&world, 1);
    let mut holder = hold(&world);
    let mut waiting: Vec<Child> = Vec::new();
    for number in 1..=5 {
        let child = in_slot(&world, &["-q"], &format!("echo {number} >> order")).spawn().expect("started");
        waiting.push(child);
        wait_for_waiting(&world, usize::try_from(number).expect("a number"));
    }
    let mut killed = waiting.remove(1);
    killed.kill().expect("killed");
    killed.wait().expect("ended");
    release(world.dir(), &mut holder);
    for mut one in waiting {
        assert!(one.wait().expect("ended").success());
    }
    assert_eq!(fs::read_to_string(world.dir().join("order")).expect("an order"), "1\n3\n4\n5\n");
}

#[test]
fn the_slot_of_a_killed_command_is_free() {
    let world = world();
    allow(&world, 1);
    let mut command = world.command("git-orchestra", world.dir());
    let mut holder = command.args(["slot", "sleep", "1000"]).spawn().expect("started");
    until("it has the slot", || (held(&world) == 1).then_some(()));
    let waiting = in_slot(&world, &[], "echo ran").stdout(Stdio::piped()).spawn().expect("started");
    wait_for_waiting(&world, 1);
    holder.kill().expect("killed");
    holder.wait().expect("ended");
    let output = waiting.wait_with_output().expect("ended");
    assert_eq!(output.stdout, b"ran\n");
}

#[test]
fn what_a_command_leaves_behind_holds_no_slot() {
    let world = world();
    allow(&world, 1);
    let script = "(while [ ! -e go ]; do sleep 0.02; done; rm go) > /dev/null 2>&1 & echo started";
    assert_eq!(Ran::of(&mut in_slot(&world, &[], script)).succeeded().line(), "started");
    assert_eq!(Ran::of(&mut in_slot(&world, &["--timeout", "60"], "echo next")).succeeded().line(), "next");
    let go = world.dir().join("go");
    fs::write(&go, "").expect("written");
    // In a folder that is gone it would wait forever.
    until("it ends", || (!go.exists()).then_some(()));
}

#[test]
fn a_command_in_a_slot_starts_others_at_once_but_an_old_mark_opens_nothing() {
    let world = world();
    allow(&world, 1);
    let inner = "git orchestra slot -- git orchestra slot -- sh -c 'echo inner; git orchestra slot --json'; echo $ORCHESTRA_SLOT";
    let ran = Ran::of(&mut in_slot(&world, &["--timeout", "60"], inner)).succeeded();
    let lines: Vec<String> = ran.stdout().lines().map(str::to_owned).collect();
    assert_eq!(lines[0], "inner");
    let shown: serde_json::Value = serde_json::from_str(&lines[1]).expect("JSON");
    assert_eq!(shown["held"].as_array().expect("a list").len(), 1, "{shown}");
    assert_eq!(ran.stderr(), "");
    // The holder itself can be one of our programs: looking at the slot does not give it back.
    let mut command = world.command("git-orchestra", world.dir());
    command.args(["slot", "git-orchestra", "slot", "sh", "-c", "git orchestra slot --json"]);
    assert_eq!(Ran::of(&mut command).succeeded().json()["held"][0]["agent"], serde_json::Value::Null);
    let mut holder = hold(&world);
    let mut late = in_slot(&world, &["--timeout", "1s"], "echo never");
    late.env("ORCHESTRA_SLOT", &lines[2]);
    let ran = Ran::of(&mut late).exits(124);
    assert!(
        ran.stderr().starts_with("waiting for the slot of this machine, in use by sh -c "),
        "{}",
        ran.stderr()
    );
    ran.stderr_has("error: no slot of the machine became free in 1s").stderr_has("in use by sh -c");
    release(world.dir(), &mut holder);
}

#[test]
fn one_that_waited_says_when_it_starts() {
    let world = world();
    allow(&world, 1);
    let mut holder = hold(&world);
    let mut waiting = in_slot(&world, &[], "true");
    let waiting = waiting.stderr(Stdio::piped()).spawn().expect("started");
    wait_for_waiting(&world, 1);
    release(world.dir(), &mut holder);
    let said = waiting.wait_with_output().expect("ended").stderr;
    let said = String::from_utf8_lossy(&said);
    assert_eq!(said.lines().count(), 2, "{said}");
    assert!(said.contains("\na slot is free after ") && said.ends_with(": starting\n"), "{said}");
}

#[test]
fn without_a_folder_for_the_locks_a_command_starts_with_a_warning() {
    let world = world();
    let mut command = in_slot(&world, &[], "echo ran");
    let ran = Ran::of(command.env_remove("HOME")).succeeded();
    assert_eq!(ran.line(), "ran");
    ran.stderr_has("warning: it starts without a slot of the machine: there is no folder");
}

#[test]
fn the_slots_are_shown() {
    let world = world();
    allow(&world, 2);
    let mut holder = hold(&world);
    let ran = Ran::of(world.command("git", world.dir()).args(["orchestra", "slot"])).succeeded();
    ran.stdout_has("COMMAND").stdout_has("sh -c 'while").stderr_has("1 of 2 slots free; 0 waiting");
    release(world.dir(), &mut holder);
}

fn landing(repo: &TestRepo<'_>, test: &str) -> Command {
    repo.orchestra_command(["merge-ranked", "--test", test, "work"])
}

#[test]
fn the_check_of_a_landing_takes_a_slot_and_passes_it_on() {
    let world = world();
    allow(&world, 1);
    let repo = world.repo();
    repo.branch("work", &[("new.txt", "1\n")]);
    let out = world.dir().join("shown");
    let test = format!("git orchestra slot git orchestra slot --json > '{}'", out.display());
    Ran::of(&mut landing(&repo, &test)).succeeded();
    let shown: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(out).expect("an output")).expect("JSON");
    assert!(
        shown["held"][0]["command"].as_str().expect("a command").starts_with("git orchestra slot"),
        "{shown}"
    );
    assert_eq!(held(&world), 0);
}

#[test]
fn the_check_of_a_landing_waits_for_a_slot() {
    let world = world();
    allow(&world, 1);
    let repo = world.repo();
    repo.branch("work", &[("new.txt", "1\n")]);
    let mut holder = hold(&world);
    let landing = landing(&repo, "test -f new.txt || test -f file.txt").spawn().expect("started");
    wait_for_waiting(&world, 1);
    assert!(!repo.has("main", "new.txt"));
    release(world.dir(), &mut holder);
    assert!(landing.wait_with_output().expect("ended").status.success());
    assert!(repo.has("main", "new.txt"));
}
