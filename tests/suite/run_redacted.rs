//! `sync --redact` of a run that is being driven, or that waits: its answers still count, and the secret is in no object that is sent.

use std::{fs, process::Stdio};

use orchestra::{
    model::{RunKey, run::Run},
    store::chain::Chain,
};
use serde_json::Value;
use testkit::{TestRepo, until};

use crate::{
    decide::outcomes,
    library,
    sync::{first, sync},
    world,
};

/// Returns the answer that counted at the first gate, with what the person added.
fn heeded(repo: &TestRepo<'_>, run: &str) -> Option<(String, String)> {
    let key = RunKey::parse(run).expect("an id");
    let fold = Chain::<Run>::of(&library(repo), &key).expect("a log").fold();
    let answer = fold.gate(1)?.heeded()?.clone();
    Some((answer.option, answer.note?))
}

fn redact(repo: &TestRepo<'_>) {
    let said = repo.orchestra(["sync"]).exits(1).stderr_has("refs/orchestra/runs/").stderr();
    let event = said.split_once("event ").expect("an event").1;
    let event: String = event.chars().take_while(char::is_ascii_hexdigit).collect();
    repo.orchestra(["sync", "--redact", &event]).succeeded();
}

/// A task that fails until a file is there, and one that works until another file is there.
fn plan(repo: &TestRepo<'_>) -> [std::path::PathBuf; 2] {
    let files = ["works", "goes"].map(|name| repo.world().dir().join(name));
    let text = format!(
        "- [ ] `red` test -e {} && echo 1 > red\n- [ ] `slow` until test -e {}; do sleep 0.1; done; echo 2 > slow\n",
        files[0].display(),
        files[1].display()
    );
    repo.write("plan.md", &text);
    files
}

const NOTE: &str = concat!("export DB_PASS", "WORD=hunter2xyz");

#[test]
fn a_run_is_redacted_while_it_is_driven_and_its_answer_still_counts() {
    let world = world();
    let repo = first(&world).with_identity();
    let [works, goes] = plan(&repo);
    let words = ["plan.md", "--agent", "sh", "--check", "true"];
    let mut command = repo.command(world.bins().join("git-orchestra-run"));
    command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut driver = command.spawn().expect("started");
    let list = || repo.orchestra(["decide", "--json"]).json();
    let run = until("the gate is open", || list()["runs"][0]["run"].as_str().map(str::to_owned));
    fs::write(&works, "").expect("written");
    repo.orchestra(["decide", "1", "retry", "-m", NOTE, "--wait", "60s"]).succeeded();
    assert_eq!(heeded(&repo, &run), Some(("retry".into(), NOTE.into())));
    assert!(driver.try_wait().expect("asked").is_none(), "it is driven");
    redact(&repo);
    let (option, note) = heeded(&repo, &run).expect("it still counts");
    assert_eq!((option.as_str(), note.contains("hunter2")), ("retry", false), "{note}");
    fs::write(&goes, "").expect("written");
    assert!(driver.wait().expect("it ends").success());
    sync(&repo);
    let all = ["cat-file", "--batch", "--batch-all-objects", "--buffer"];
    let hub = testkit::Ran::of(world.command("git", &world.dir().join("hub.git")).args(all)).stdout();
    assert!(!hub.contains("hunter2xyz") && hub.contains("gate_closed"));
    repo.git(["show", "main:red", "main:slow"]).succeeded();
}

#[test]
fn an_answer_that_is_redacted_before_it_is_heeded_is_heeded_without_the_secret() {
    let world = world();
    let repo = first(&world).with_identity();
    let [works, goes] = plan(&repo);
    fs::write(&goes, "").expect("written");
    let report =
        repo.orchestra(["run", "plan.md", "--agent", "sh", "--check", "true", "--json"]).exits(3).json();
    let run = report["run"].as_str().expect("an id").to_owned();
    repo.orchestra(["decide", "1", "retry", "-m", NOTE]).succeeded();
    redact(&repo);
    fs::write(&works, "").expect("written");
    let ended: Value = repo.orchestra(["run", "--continue", "--json"]).exits(0).json();
    assert_eq!(outcomes(&ended), "landed, landed", "{ended}");
    assert!(heeded(&repo, &run).is_some_and(|(_, note)| !note.contains("hunter2")));
    sync(&repo);
}
