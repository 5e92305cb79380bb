//! The output of `--json`: the whole answer of every kind, printed by the real binaries for repositories
//! with content. Each answer is compared with its snapshot, validated against its schema, and read and
//! written back by the library's types to the same bytes.
//!
//! `INSTA_UPDATE=always cargo test --test suite -- answers::` rewrites the snapshots; `git diff` shows the
//! differences.

use std::{collections::BTreeSet, fs, path::Path};

use orchestra::{
    ops::doctor::{Finding, Group, Severity},
    wire,
};
use serde_json::Value;
use testkit::{ForgeFlavor, Ran, Redactions, SeededRandom, TestRepo, World, schema_faults};

use crate::{
    doctor::fixing,
    library,
    pr::on_forge,
    secrets::{from_pattern, word_after},
    sessions::{id, with_fixtures},
    sync::first,
    world,
};

/// Checks an answer. `name` is its kind; if a kind has several snapshots, a point and the variant follow.
fn check(name: &str, ran: &Ran, redactions: &Redactions) {
    let said = ran.stdout();
    let line = said.trim_end();
    if let Err(error) = serde_json::from_str::<Value>(line) {
        panic!("{name}: {error}\n{said}{}", ran.stderr());
    }
    check_line(name, line, redactions);
}

fn check_line(name: &str, line: &str, redactions: &Redactions) {
    let answer: Value = serde_json::from_str(line).expect("JSON");
    let kind = answer["kind"].as_str().expect("a kind");
    assert_eq!(name.split('.').next(), Some(kind));
    matches_schema_and_types(name, line);
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, redactions.shown(line));
    });
}

/// Checks that an answer matches its schema and the types of the library.
fn matches_schema_and_types(name: &str, line: &str) {
    let answer: Value = serde_json::from_str(line).expect("JSON");
    let kind = answer["kind"].as_str().expect("a kind");
    let described = wire::KINDS.iter().find(|one| one.name == kind).expect("a kind that is listed");
    let faults = schema_faults(described.schema().as_value(), &answer);
    assert!(faults.is_empty(), "{name} is not as its schema says:\n{}\n{line}", faults.join("\n"));
    let again =
        wire::rewrite_answer(kind, line).unwrap_or_else(|e| panic!("{name}: {}\n{line}", e.one_line()));
    assert_eq!(again, line, "{name}, read and written again");
}

/// Replaces the directory of the world and the id of the repository's writer.
fn redactions(repo: &TestRepo<'_>, agents: &[&str]) -> Redactions {
    let common = library(repo);
    let writer = orchestra::store::writer::writer(&common).expect("a writer");
    let world = repo.path().parent().expect("a folder").to_string_lossy().into_owned();
    Redactions::default().agents(agents).text(&world, "<world>").text(&writer, "<writer>")
}

#[test]
fn answers_about_running_and_ended_agents() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let all = redactions(&repo, &["planned", "tidy", "broken", "asks", "rests", "halts"]);
    let json = |name: &str, code: i32, arguments: &[&str]| {
        check(name, &repo.orchestra(arguments).exits(code), &all);
    };
    json("init", 0, &["init", "--json", "--label", "here"]);
    json(
        "spawn-plan",
        0,
        &[
            "spawn",
            "--json",
            "--dry-run",
            "--agent",
            "sh",
            "--name",
            "planned",
            "--copies",
            "2",
            "echo 1 > a",
        ],
    );
    let script = "echo one > one.txt; git add .; git commit -qm 'One'; echo two > two.txt; echo KEY=1 > .env";
    json("spawn", 0, &["spawn", "--json", "--agent", "sh", "--name", "tidy", script]);
    json(
        "spawn.failed",
        1,
        &["spawn", "--json", "--agent", "sh", "--name", "broken", "echo 1 > part; exit 3"],
    );
    // What it is after the answer is shown as well, so it waits then.
    let go = world.dir().join("go");
    let task = format!("say hello\nask make test\nawait {}\nwrite out 1", go.display());
    let asks = ["spawn", "-d", "--name", "asks", "--on-prompt", "ask", "--", &task];
    let asks = repo.orchestra(asks).succeeded().line();
    repo.wait_for(&asks, "waiting");
    json("status", 0, &["status", "--json"]);
    json("worktrees", 0, &["worktrees", "--json", "--size"]);
    json("collect", 0, &["collect", "--json"]);
    json("log", 0, &["logs", "--json", "-n", "1", &asks]);
    json("send", 0, &["send", "--json", &asks, "--allow"]);
    std::fs::write(&go, "").expect("a file");
    repo.end_of(&asks);
    let tidy = repo.agents()[0]["id"].as_str().expect("an id").to_owned();
    json("send.several", 3, &["send", "--json", &tidy, &asks, "-m", "more of it"]);
    json("diff", 0, &["diff", "--json", &tidy]);
    json("change", 0, &["status", "--json", "--watch", "--wait", &tidy]);

    let rests = repo.orchestra(["spawn", "-d", "--name", "rests", "--", "write before 1\nawait never"]);
    let rests = rests.succeeded().line();
    repo.wait_for_file(&rests, "before");
    json("pause", 0, &["pause", "--json", &rests, "-m", "lunch"]);
    json("resume-plan", 0, &["resume", "--json", "--dry-run", &rests, "-m", "write after 2"]);
    json("resume", 0, &["resume", "--json", &rests, "-m", "write after 2"]);
    let halts = ["spawn", "-d", "--agent", "sh", "--name", "halts", "while :; do sleep 0.1; done"];
    let halts = repo.orchestra(halts).succeeded().line();
    repo.wait_for(&halts, "running");
    json("tag", 0, &["tag", "--add", "night", "--json", &halts]);
    repo.orchestra(["tag", "--remove", "night", &halts]).succeeded();
    json("rewind", 0, &["rewind", "--json", &asks]);
    json("attach-plan", 0, &["attach", "--print", "--json", &halts]);
    let helper = repo.world().bins().join("git-orchestra-supervise");
    let taken = Ran::of(repo.command(helper).arg("take").arg(repo.path().join(".git")).arg(&halts));
    check("taken", &taken.succeeded(), &all);
    let helper = repo.world().bins().join("git-orchestra-supervise");
    let sum = Ran::of(repo.command(helper).arg("sum").arg(repo.path().join(".git")).arg(&halts));
    check("sum", &sum.succeeded(), &all);
    json("stop", 0, &["stop", "--json", &halts]);
}

#[test]
fn answers_about_messages() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let parent = repo.orchestra(["spawn", "-d", "--name", "parent", "--", "write before 1\nawait never"]);
    let parent = parent.succeeded().line();
    repo.wait_for_file(&parent, "before");
    let told = |name: &str, script: &str| {
        let spawned = ["spawn", "-d", "--agent", "sh", "--name", name, "--", script];
        let id = repo.orchestra(spawned).succeeded().line();
        repo.end_of(&id);
        let told = Ran::of(repo.command("git").args(["show", &format!("orchestra/{id}:told.json")]));
        (id, told.succeeded())
    };
    let (_, told) = told("says", "git-orchestra inbox tell --json -k question 'which one?' > told.json");
    let message = told.json()["id"].as_str().expect("an id").to_owned();
    let all = redactions(&repo, &["says", "parent"]).text(&message, "<message>");
    check("inbox-tell", &told, &all);
    let script = "git-orchestra inbox hear; touch asked; until git-orchestra inbox hear --json > told.json; do sleep 0.05; done";
    let spawned = ["spawn", "-d", "--agent", "sh", "--name", "hears", "--", script];
    let hears = repo.orchestra(spawned).succeeded().line();
    repo.wait_for_file(&hears, "asked");
    repo.orchestra(["send", &hears, "the second"]).succeeded();
    repo.end_of(&hears);
    let heard =
        Ran::of(repo.command("git").args(["show", &format!("orchestra/{hears}:told.json")])).succeeded();
    let of_it = heard.json()["messages"][0]["id"].as_str().expect("an id").to_owned();
    check("inbox-hear", &heard, &redactions(&repo, &["hears"]).text(&of_it, "<message>"));
    check("inbox", &repo.orchestra(["inbox", "--json"]).succeeded(), &all);
    check("inbox-read", &repo.orchestra(["inbox", "read", "--json", &message]).succeeded(), &all);
    // The parent asks by a command, as a tool of its program would.
    let pid = repo.agent(&parent)["pid"].as_i64().expect("a process");
    let variables = std::fs::read(format!("/proc/{pid}/environ")).expect("variables");
    let variables = String::from_utf8_lossy(&variables).into_owned();
    let mark = variables.split('\0').find_map(|one| one.strip_prefix("ORCHESTRA_ATTEMPT=")).expect("a mark");
    let mut tell = repo.command(world.bins().join("git-orchestra-inbox"));
    tell.args(["tell", "--json", "-k", "question", "which?"]);
    let asked = Ran::of(tell.env("ORCHESTRA_AGENT", &parent).env("ORCHESTRA_ATTEMPT", mark)).succeeded();
    let question = asked.json()["id"].as_str().expect("an id").to_owned();
    let all = redactions(&repo, &["says", "parent"]).text(&question, "<question>");
    check("inbox-reply", &repo.orchestra(["inbox", "reply", "--json", &question, "this"]).succeeded(), &all);
    repo.orchestra(["stop", &parent]).succeeded();
}

#[test]
fn answers_about_reviews_landings_and_cleanups() {
    let world = world();
    let repo = world.repo();
    let all = redactions(&repo, &["one", "two", "three"]);
    let json = |name: &str, code: i32, arguments: &[&str]| {
        check(name, &repo.orchestra(arguments).exits(code), &all);
    };
    json("config-change", 0, &["config", "set", "jobs", "5", "--json"]);
    repo.git(["config", "orchestra.job", "3"]);
    json("config", 0, &["config", "--json"]);
    repo.git(["config", "--unset", "orchestra.job"]);
    let agent = |name: &str, script: &str| {
        let spawned = repo.orchestra(["spawn", "-d", "--agent", "sh", "--name", name, "--", script]);
        let id = spawned.succeeded().line();
        repo.end_of(&id);
        id
    };
    let one = agent("one", "echo 1 > one.txt; echo more >> one.txt");
    let two = agent("two", "echo two > file.txt");
    agent("three", "echo three > file.txt; echo 3 > three.txt");
    json("review.waiting", 0, &["review", "--json"]);
    json("review", 0, &["review", "--json", &one, "--approve", "-m", "well done"]);
    json("review.look", 0, &["review", "--json", &two]);
    json("compare", 0, &["compare", "--json", &one, &two]);
    json("merge-ranked.plan", 0, &["merge-ranked", "--json", "--dry-run"]);
    json("try", 0, &["try", "--json", &one]);
    repo.orchestra(["try", "--back"]).succeeded();
    // An uncommitted file of the user is in the way of the landing.
    repo.write("one.txt", "mine\n");
    json("merge-ranked.blocked", 3, &["merge-ranked", "--json", &one]);
    repo.orchestra(["merge-ranked", "--abort"]).succeeded();
    fs::remove_file(repo.path().join("one.txt")).expect("a file");
    json("merge-ranked", 1, &["merge-ranked", "--json", "--test", "test ! -e nothing"]);
    json("blame", 0, &["blame", "--json", "one.txt"]);
    json("status.landed", 0, &["status", "--json"]);
    json("cleanup", 0, &["cleanup", "--json"]);
    json("undo", 0, &["undo", "--json"]);
    json("undo.list", 0, &["undo", "--json", "--list"]);
    json("error", 3, &["status", "--json", "nosuch"]);
}

#[test]
fn answers_about_the_settings_of_others() {
    let world = world();
    let repo = world.repo();
    repo.commit("settings", &[(".gitorchestra", "[orchestra]\n\tbuild = true\n")]);
    let digest = "c0a68970e3a3498ff93466c14f6aa6c286fe789f4ff37d3730b59e7a0f50f5e8";
    let ran = repo.orchestra(["config", "approve", "--json", "--hash", digest]).succeeded();
    check("config-approval", &ran, &redactions(&repo, &[]));
    let ran = repo.orchestra(["config", "decline", "--json"]).succeeded();
    check("config-decline", &ran, &redactions(&repo, &[]));
    fs::write(
        repo.path().join("orchestra.yml"),
        "agents:\n  tester:\n    system_prompt: Test.\n    enabled: true\n",
    )
    .expect("a file");
    let ran = repo.orchestra(["config", "import", "--json"]).succeeded();
    check("config-import", &ran, &redactions(&repo, &[]));
    fs::write(repo.path().join("Makefile"), "test:\n\ttrue\n").expect("a file");
    let ran = repo.orchestra(["init", "--discover", "--json"]).succeeded();
    check("discovery", &ran, &redactions(&repo, &[]));
}

#[test]
fn answers_about_a_changed_configuration() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("git config core.editor nothing");
    repo.end_of(&id);
    let said = repo.orchestra(["undo", "--dry-run"]).exits(3).stderr();
    let accept = said.split_whitespace().find(|word| word.starts_with("--accept=")).expect("a fingerprint");
    check("accept", &repo.orchestra(["init", "--json", accept]).succeeded(), &redactions(&repo, &[]));
}

#[test]
fn answers_about_sync() {
    let world = world();
    let repo = first(&world);
    let key = from_pattern("ghp_{P:36}", &mut SeededRandom::from(1));
    let all = redactions(&repo, &["open", "secret"]).text(&key, "<key>");
    let agent = |name: &str, script: &str| {
        let spawned = repo.orchestra(["spawn", "-d", "--agent", "sh", "--name", name, "--", script]);
        repo.end_of(&spawned.succeeded().line());
    };
    agent("open", "echo 1 > open.txt");
    check("sync.dry", &repo.orchestra(["sync", "--json", "--dry-run"]).succeeded(), &all);
    check("sync", &repo.orchestra(["sync", "--json"]).succeeded(), &all);
    agent("secret", &format!("echo 1 > secret.txt # {key}"));
    let held = repo.orchestra(["sync", "--json"]).exits(1);
    check("sync.held", &held, &all);
    let event = word_after(&held.stderr(), "event ");
    check("redact", &repo.orchestra(["sync", "--json", "--redact", &event]).succeeded(), &all);
}

#[test]
fn answers_about_sessions() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    with_fixtures(&world, repo.path());
    compressed(&world);
    let all = redactions(&repo, &["fake-say-again"]).keep_times();
    let json = |name: &str, arguments: &[&str]| {
        check(name, &repo.orchestra([&["sessions"], arguments].concat()).succeeded(), &all);
    };
    json("sessions", &["--json", "--limit", "4"]);
    json("session", &["show", "--json", &id("1")]);
    json("search", &["search", "--json", "You said again."]);
    json("stats", &["stats", "--json"]);
    json("keep", &["keep", "--json", &id("1"), &id("2")]);
    json("forget", &["forget", "--json", &id("2")]);
    json("adopt", &["adopt", "--json", &id("1")]);
}

/// Writes a session that Codex compressed, which is reported but not read.
fn compressed(world: &World) {
    let folder = world.home().join(".codex/sessions/2026/07/14");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("rollout-2026-07-14T22-00-00-compressed.jsonl.zst"), "").expect("a file");
}

#[test]
fn answers_about_the_health_of_a_repository() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("echo 1 > a");
    repo.end_of(&id);
    let agent = repo.path().join(format!(".git/refs/orchestra/agents/{id}"));
    fs::write(agent, "").expect("a damaged ref");
    repo.git(["config", "orchestra.job", "3"]);
    let ran = fixing(&repo, &["--json", "--fix", "--yes"]).exits(1);
    matches_schema_and_types("doctor", &ran.line());
    // What is found in this machine differs from that of others.
    let mut report = wire::DOCTOR.read(&ran.line()).expect("a report");
    let is_of_test = |one: &Finding| matches!(one.group, Group::Repository | Group::Keys);
    report.findings.retain(|one| is_of_test(one) && (one.check == "locks" || one.severity != Severity::Ok));
    report.fixed.retain(|one| one.operation.is_some());
    let line = wire::DOCTOR.text(&report).expect("JSON");
    check_line("doctor", &line, &redactions(&repo, &["echo-1"]));
}

#[test]
fn answers_about_slots() {
    let world = world();
    let repo = world.repo();
    repo.git(["config", "orchestra.slots", "2"]);
    let ran = repo.orchestra(["slot", "git-orchestra", "slot", "--json"]).succeeded();
    check("slot", &ran, &redactions(&repo, &[]));
}

#[test]
fn answers_about_designers_and_specs() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let all = redactions(&repo, &["designer"]).text(&world.bins().to_string_lossy(), "<bins>");
    let new = ["spec", "new", "plan", "--from", "file.txt", "--json"];
    check("spec-save", &repo.orchestra(new).succeeded(), &all);
    check("spec", &repo.orchestra(["spec", "show", "--json"]).succeeded(), &all);
    check("specs", &repo.orchestra(["spec", "--json"]).succeeded(), &all);
    let ran = repo.orchestra(["designer", "--print", "--json"]).succeeded();
    let argv = ran.json()["argv"].clone();
    let session = argv
        .as_array()
        .expect("arguments")
        .iter()
        .find_map(|one| one.as_str()?.strip_prefix("--session-id="));
    check("designer-plan", &ran, &all.text(session.expect("a session"), "<session>"));
}

#[test]
fn answers_about_plans() {
    let world = world();
    let repo = world.repo();
    let list = "# Limits\n\n- [x] Write the page\n- [ ] Use it (after: bucket)\n- [ ] `bucket` Add a bucket\n      size: 2\n";
    repo.write("todo.md", list);
    let ran = repo.orchestra(["plan", "--json", "todo.md"]).succeeded();
    check("plan", &ran, &Redactions::default());
    let ran = repo
        .orchestra(["run", "--json", "--agent", "sh", "--dry-run", "--check", "true", "todo.md"])
        .succeeded();
    check("run", &ran, &Redactions::default());
    repo.write("todo.md", "- [ ] `one` false\n- [ ] `two` true (after: one)\n");
    let ran = repo.orchestra(["run", "--json", "--agent", "sh", "--check", "true", "todo.md"]).exits(3);
    let report = ran.json();
    let (id, agent) = (report["run"].as_str().expect("an id"), &report["tasks"][0]["agent"]);
    let all = redactions(&repo, &[]).text(id, "<run>").text(agent.as_str().expect("an agent"), "<agent>");
    check("run.gate", &ran, &all);
    check("decide", &repo.orchestra(["decide", "--json"]).succeeded(), &all);
    check("decide.answer", &repo.orchestra(["decide", "--json", "1", "skip"]).succeeded(), &all);
}

#[test]
fn answers_about_schemas() {
    let world = world();
    let repo = world.repo();
    check("schema", &repo.orchestra(["schema", "--json", "undo"]).succeeded(), &Redactions::default());
    let all = repo.orchestra(["schema", "--json"]).succeeded();
    matches_schema_and_types("schema", &all.line());
    let (answers, requests) = (all.json()["answers"].clone(), all.json()["requests"].clone());
    let names = |list: &Value| list.as_array().map(Vec::len);
    assert_eq!((names(&answers), names(&requests)), (Some(wire::KINDS.len()), Some(wire::REQUESTS.len())));
}

#[test]
fn every_kind_has_a_snapshot_and_every_snapshot_a_kind() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/snapshots");
    let names = fs::read_dir(folder).expect("snapshots").flatten().map(|entry| entry.file_name());
    let names = names.filter_map(|name| name.into_string().ok());
    let kinds: BTreeSet<String> =
        names.filter_map(|name| Some(name.strip_suffix(".snap")?.split('.').next()?.to_owned())).collect();
    let listed: BTreeSet<String> = wire::KINDS.iter().map(|one| one.name.to_owned()).collect();
    assert_eq!(kinds, listed);
    // Every snapshot belongs to a check in this file.
    let tests = include_str!("answers.rs");
    for kind in &listed {
        let checked = [format!("(\"{kind}\""), format!("        \"{kind}\",")];
        assert!(checked.iter().any(|text| tests.contains(text)), "no test here checks {kind}");
    }
}

#[test]
fn answers_about_pull_requests() {
    let world = world();
    let (repo, forge) = on_forge(&world, ForgeFlavor::GitHub);
    let id = repo.spawn("echo 1 > a.txt");
    repo.end_of(&id);
    let all = redactions(&repo, &[]).text(&id, "<agent>").text(&forge.host(), "<host>");
    check("pr.dry", &repo.orchestra(["pr", "--json", "--dry-run", &id]).succeeded(), &all);
    check("pr", &repo.orchestra(["pr", "--json", &id]).succeeded(), &all);
    check("pr.list", &repo.orchestra(["pr", "--json"]).succeeded(), &all);
    forge.change(|pulls| "merged".clone_into(&mut pulls[0].state));
    check("pr-news", &repo.orchestra(["pr", "watch", &id, "--json"]).succeeded(), &all);
    forge.change(|pulls| "open".clone_into(&mut pulls[0].state));
    check("pr-review.list", &repo.orchestra(["review", "--pr", "--json"]).succeeded(), &all);
    let approve = ["review", "--pr", "1", "--json", "--approve", "-m", "fine"];
    check("pr-review", &repo.orchestra(approve).succeeded(), &all);
    // As the agent of the first task of a run.
    repo.orchestra(["tag", &id, "--add", "run/019aa0a0/1"]).succeeded();
    check("pr-review-run", &repo.orchestra(["review", "--from-run", "--json"]).succeeded(), &all);
}
