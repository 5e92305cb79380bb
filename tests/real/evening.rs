//! The evening: several agents run, wait and are queued, and everything dies at once. In the morning the state
//! is true, and every agent comes to an end, to a named question, or to a named time, in its conversation.

use std::{fs, path::PathBuf};

use serde_json::Value;
use testkit::{Ran, TestRepo, runs, until};

use crate::{
    codex::codex,
    test_bed::{TestBed, marked},
};

/// Where the kernel says which boot this is.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";

/// The agents, in the order in which they are spawned: their names, options and tasks.
const AGENTS: [(&str, &[&str], &str); 10] = [
    ("stuck", &["--agent", "claude", "-j", "4"], "FAKE-EVENING"),
    ("asks", &["--agent", "claude", "-j", "4", "--on-prompt", "ask"], "FAKE-WRITE c.txt"),
    ("limited", &["--agent", "claude", "-j", "4"], "LIMIT-FIVE"),
    ("slow", &["--agent", "codex", "-j", "4"], "FAKE-EVENING"),
    ("script", &["--agent", "sh", "-j", "8"], WAITS),
    ("commits", &["--agent", "sh", "-j", "8"], COMMITS),
    ("ended", &["--agent", "sh", "-j", "8"], "echo 1 > ended.txt"),
    ("failed", &["--agent", "sh", "-j", "8"], "echo 1 > failed.txt; exit 4"),
    ("z-queued", &["--agent", "codex", "-j", "1"], "FAKE-WRITE z.txt"),
    ("a-queued", &["--agent", "codex", "-j", "1"], "FAKE-WRITE a.txt"),
];

/// A script that is killed before its last step, and continues where it stopped.
const WAITS: &str = "[ -e half ] && { echo whole > half; exit; }; echo half > half; sleep 1000";
/// The same, with a commit of its own before.
const COMMITS: &str = "[ -e late ] && { echo whole > late; exit; }; echo 1 > early; git add early; git commit -qm early; \
                       echo half > late; sleep 1000";
/// Those that had ended before everything was killed, and how.
const ENDED: [(&str, &str); 2] = [("ended", "done"), ("failed", "failed")];

/// A repository whose machine may be booted again.
struct Evening<'a> {
    repo: TestRepo<'a>,
    /// The id of the boot that commands see after the machine was booted again.
    boot: Option<PathBuf>,
    ids: Vec<String>,
}

impl Evening<'_> {
    /// Runs git orchestra on the machine as it is now.
    fn orchestra(&self, arguments: &[&str]) -> Ran {
        let Some(boot) = &self.boot else { return self.repo.orchestra(arguments) };
        let script = format!("mount --bind \"$0\" {BOOT} && exec git orchestra \"$@\"");
        let mut command = self.repo.command("unshare");
        Ran::of(command.args(["--mount", "sh", "-c", &script]).arg(boot).args(arguments))
    }

    fn agent(&self, name: &str) -> Value {
        let at = AGENTS.iter().position(|(one, ..)| *one == name).expect("an agent");
        let shown = self.orchestra(&["status", "--json", &self.ids[at]]).succeeded().json();
        shown["agents"][0].clone()
    }

    fn wait_for(&self, name: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        until(&format!("{name} {what}"), || Some(self.agent(name)).filter(&is))
    }

    /// Kills the supervisors, then everything that the agents started, as a power cut does. Returns whether
    /// status named the processes that were left in between.
    fn kill_everything(&self) -> bool {
        let kill = |pid: &str| drop(self.repo.command("kill").args(["-9", pid]).output());
        let all: Vec<Value> = killed().map(|name| self.agent(name)).collect();
        for agent in &all {
            kill(&agent["supervisor_pid"].as_i64().expect("a supervisor").to_string());
        }
        let are_named = killed().any(|name| {
            let left = self.wait_for(name, "is lost", |agent| agent["liveness"] == "lost")["orphans"].clone();
            left.as_array().is_some_and(|left| !left.is_empty())
        });
        for id in &self.ids {
            // A process that is about to end has no environment any more while its memory is freed, but runs.
            let mut killed = Vec::new();
            until("nothing of it runs", || {
                let left = marked(&format!("ORCHESTRA_AGENT={id}"));
                left.iter().for_each(|pid| kill(pid));
                let is_over = left.is_empty() && killed.iter().all(|pid| !runs(pid));
                killed.extend(left);
                is_over.then_some(())
            });
        }
        are_named
    }
}

fn has_file(agent: &Value, name: &str) -> bool {
    agent["worktree"].as_str().is_some_and(|worktree| PathBuf::from(worktree).join(name).exists())
}

/// Returns the agents that everything is killed of.
fn killed() -> impl Iterator<Item = &'static str> {
    let had_ended = |name: &&str| ENDED.iter().any(|(one, _)| one == name);
    AGENTS.into_iter().map(|(name, ..)| name).filter(move |name| !had_ended(name))
}

/// Plays the evening; `reboots` is whether the machine is booted again afterwards.
fn play(reboots: bool) {
    let Some(test_bed) = TestBed::set_with_login() else { return };
    let repo = test_bed.repo();
    let Some(_) = codex(&test_bed, &repo, &[]) else { return };
    repo.git(["config", "orchestra.retryDelay", "1s"]);
    let before = repo.checkout();
    let mut evening = Evening { repo, boot: None, ids: Vec::new() };
    for (name, options, task) in AGENTS {
        let arguments = [&["spawn", "--again", "--detach", "--name", name], options, &["--", task]].concat();
        evening.ids.push(evening.orchestra(&arguments).succeeded().line());
        let (what, is): (_, fn(&Value) -> bool) = match name {
            "stuck" | "slow" => ("has a session and runs", |agent| {
                agent["phase"] == "running" && agent["session"].is_string()
            }),
            "asks" => ("waits", |agent| agent["phase"] == "waiting"),
            "script" => ("wrote", |agent| has_file(agent, "half")),
            "commits" => ("wrote", |agent| has_file(agent, "late")),
            "ended" => ("is done", |agent| agent["phase"] == "done" && agent["liveness"] == "ended"),
            "failed" => ("failed", |agent| agent["phase"] == "failed" && agent["liveness"] == "ended"),
            "limited" => ("is paused", |agent| agent["phase"] == "paused"),
            _ => ("is queued", |agent| agent["queue_position"].is_u64()),
        };
        evening.wait_for(name, what, is);
    }
    // What the stuck one wrote is not committed.
    let draft = evening.agent("stuck")["worktree"].as_str().expect("a worktree").to_owned();
    fs::write(PathBuf::from(draft).join("draft.txt"), "unsaved\n").expect("a draft");
    let sessions: Vec<Value> =
        AGENTS.iter().map(|(name, ..)| evening.agent(name)["session"].clone()).collect();

    assert!(evening.kill_everything(), "status names what is left running");
    if reboots {
        let boot = test_bed.world().dir().join("boot");
        fs::write(&boot, "01234567-89ab-cdef-0123-456789abcdef\n").expect("a file");
        evening.boot = Some(boot);
    }
    tells_the_truth(&evening);
    comes_to_its_ends(&evening, &sessions);
    assert_eq!(evening.repo.checkout(), before);
}

/// In the morning: all are lost, nothing runs, and the command that continues them is named.
fn tells_the_truth(evening: &Evening<'_>) {
    let phases = ["running", "waiting", "paused", "running", "running", "running", "queued", "queued"];
    for (name, phase) in ENDED {
        let agent = evening.agent(name);
        assert_eq!((&agent["phase"], &agent["liveness"]), (&phase.into(), &"ended".into()), "{agent}");
    }
    for (name, phase) in killed().zip(phases) {
        let agent = evening.agent(name);
        assert_eq!(
            (&agent["phase"], &agent["liveness"], &agent["orphans"], &agent["pid"]),
            (&phase.into(), &"lost".into(), &Value::Array(Vec::new()), &Value::Null),
            "{agent}"
        );
    }
    let ran = evening.orchestra(&["status"]).succeeded();
    let (shown, said) = (ran.stdout(), ran.stderr());
    assert_eq!(shown.matches(", lost").count(), killed().count(), "{shown}");
    assert!(shown.contains("and nothing resumes it"), "{shown}");
    assert!(
        said.contains("none of its processes is running") && said.contains("git orchestra resume"),
        "{said}"
    );
}

/// One command continues all of them, in the order of the queue.
fn comes_to_its_ends(evening: &Evening<'_>, sessions: &[Value]) {
    evening.orchestra(&["resume", "--all", "--detach"]).succeeded();
    // The service still refuses the login that reached its limit: these wait until a named time.
    for name in ["stuck", "asks", "limited"] {
        let agent =
            evening.wait_for(name, "waits for the limit", |agent| agent["limit"]["until"].is_string());
        assert_eq!((&agent["liveness"], &agent["phase"]), (&"live".into(), &"queued".into()), "{agent}");
    }
    // The others do not wait for them, and go one after the other where only one may run.
    let done = |agent: &Value| agent["phase"] == "done";
    let ended: Vec<Value> =
        ["slow", "z-queued", "a-queued"].map(|name| evening.wait_for(name, "is done", done)).into();
    let time = |agent: &Value, key: &str| agent[key].as_str().expect("a time").to_owned();
    assert!(time(&ended[1], "started_at") <= time(&ended[2], "started_at"), "{ended:#?}");
    evening.repo.end_limits();
    let asks = evening.wait_for("asks", "asks", |agent| agent["phase"] == "waiting");
    assert!(asks["waiting"].as_str().is_some_and(|what| what.contains("git")), "{asks}");
    evening.orchestra(&["send", asks["id"].as_str().expect("an id"), "--allow"]).succeeded();
    let of_killed: Vec<&str> = killed()
        .map(|name| evening.ids[AGENTS.iter().position(|(one, ..)| *one == name).expect("an agent")].as_str())
        .collect();
    evening.orchestra(&[&["status", "--wait"][..], &of_killed].concat()).succeeded();
    for ((name, ..), session) in AGENTS.iter().zip(sessions) {
        let agent = evening.agent(name);
        // One that had ended is left as it was.
        let phase = ENDED.iter().find(|(one, _)| one == name).map_or("done", |(_, phase)| *phase);
        assert_eq!((&agent["phase"], &agent["liveness"]), (&phase.into(), &"ended".into()), "{agent}");
        assert_eq!(marked(&format!("ORCHESTRA_AGENT={}", agent["id"].as_str().expect("an id"))), [""; 0]);
        assert!(session.is_null() || agent["session"] == *session, "{agent} began with {session}");
    }
    let work = [
        ("stuck", "draft.txt", "unsaved\n"),
        ("stuck", "morning.txt", "after the night\n"),
        ("slow", "morning.txt", "after the night\n"),
        ("asks", "c.txt", "hello from the scripted agent\n"),
        ("limited", "after.txt", "after the limit\n"),
        ("z-queued", "z.txt", "hello from the scripted agent\n"),
        ("script", "half", "whole\n"),
        ("commits", "early", "1\n"),
        ("commits", "late", "whole\n"),
        ("ended", "ended.txt", "1\n"),
        ("failed", "failed.txt", "1\n"),
        ("a-queued", "a.txt", "hello from the scripted agent\n"),
    ];
    for (name, file, text) in work {
        let at = AGENTS.iter().position(|(one, ..)| *one == name).expect("an agent");
        assert_eq!(evening.repo.file_in_head(&evening.ids[at], file), text, "{name}");
    }
}

#[test]
fn after_everything_was_killed_each_agent_comes_to_its_end() {
    play(false);
}

#[test]
fn after_a_power_cut_each_agent_comes_to_its_end() {
    play(true);
}
