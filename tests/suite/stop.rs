//! `stop`: all processes end, and the work is saved.

use testkit::until;

use crate::world;

/// A script that ignores TERM, and forks twice into its own session, where the child ignores TERM as well.
const STUBBORN: &str = "trap '' TERM
(setsid sh -c 'trap \"\" TERM; echo $$ > daemon.pid; while :; do sleep 0.1; done' &)
while ! [ -s daemon.pid ]; do sleep 0.05; done
echo saved > work
echo ready
while :; do sleep 0.1; done";

/// Returns the processes that have a variable in their environment.
pub(crate) fn marked(nonce: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("/proc").flatten() {
        let environ = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        if environ.split(|byte| *byte == 0).any(|variable| variable == nonce.as_bytes()) {
            found.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    found
}

/// Servers that agents started outlive them elsewhere, by dozens.
#[test]
fn stop_ends_an_agent_that_ignores_term_and_forks_twice() {
    let world = world();
    let repo = world.repo();
    repo.git(["config", "orchestra.grace", "1s"]);
    let id = repo.spawn(STUBBORN);
    repo.wait_for_output(&id, "ready");
    let mark = format!("ORCHESTRA_AGENT={id}");
    assert!(marked(&mark).len() >= 2);
    repo.orchestra(["stop", &id, "-m", "enough"]).succeeded();
    assert_eq!(marked(&mark), Vec::<String>::new(), "no process is left");
    let agent = repo.agent(&id);
    assert_eq!((&agent["phase"], &agent["reason"]), (&"stopped".into(), &"enough".into()));
    assert_eq!(repo.file_in_head(&id, "work"), "saved\n");
}

#[test]
fn stop_ends_a_daemon_and_keeps_the_commits() {
    let world = world();
    let repo = world.repo();
    repo.git(["config", "orchestra.grace", "1s"]);
    repo.git([
        "config",
        "orchestra.agent.fake.command",
        &format!("{} {{prompt_file}}", env!("CARGO_BIN_EXE_fake-agent")),
    ]);
    let task = "ignore-term\nwrite a one\ncommit mine\nwrite b two\ndaemon\nprint ready\nlisten\nawait never";
    let id = repo.orchestra(["spawn", "--agent", "fake", "-d", "--name", "fake", task]).succeeded().line();
    repo.wait_for_output(&id, "ready");
    let mark = format!("ORCHESTRA_AGENT={id}");
    assert!(marked(&mark).len() >= 2);
    repo.orchestra(["stop", &id]).succeeded();
    assert_eq!(marked(&mark), Vec::<String>::new());
    assert_eq!(
        (repo.file_in_head(&id, "a").as_str(), repo.file_in_head(&id, "b").as_str()),
        ("one\n", "two\n")
    );
    assert_eq!(repo.agent(&id)["commits"], 2);
}

#[test]
fn processes_left_by_a_program_end_with_it() {
    let world = world();
    let repo = world.repo();
    repo.orchestra(["spawn", "--agent", "sh", "(setsid sleep 1000 &) ; echo ended"]).succeeded();
    let id = repo.agents().remove(0)["id"].as_str().expect("an id").to_owned();
    assert_eq!(marked(&format!("ORCHESTRA_AGENT={id}")), Vec::<String>::new());
}

/// What status shows follows from the processes: a dead agent is not shown as running.
#[test]
fn an_agent_whose_supervisor_was_killed_is_lost_and_can_be_stopped() {
    let world = world();
    let repo = world.repo();
    repo.git(["config", "orchestra.grace", "1s"]);
    let id = repo.spawn(STUBBORN);
    repo.wait_for_output(&id, "ready");
    let supervisor = repo.agent(&id)["supervisor_pid"].as_i64().expect("a pid").to_string();
    repo.command("kill").args(["-9", &supervisor]).status().expect("kill");
    // One call is enough: the kernel has released the lock.
    let lost = until("the kernel has ended it", || {
        let agent = repo.agent(&id);
        (agent["liveness"] == "lost").then_some(agent)
    });
    assert_eq!(lost["phase"], "running");
    assert!(lost["orphans"].as_array().is_some_and(|orphans| orphans.len() >= 2), "{lost}");
    repo.orchestra(["status"]).succeeded().stderr_has(&format!("git orchestra stop {id}"));
    repo.orchestra(["stop", &id]).succeeded();
    assert_eq!(marked(&format!("ORCHESTRA_AGENT={id}")), Vec::<String>::new());
    let agent = repo.agent(&id);
    assert_eq!((&agent["phase"], &agent["liveness"]), (&"stopped".into(), &"ended".into()));
    assert_eq!(repo.file_in_head(&id, "work"), "saved\n");
    assert!(repo.orchestra(["logs", &id]).succeeded().stdout().contains("ready"), "its output is kept, too");
}

#[test]
fn a_queued_agent_stops_before_it_starts() {
    let world = world();
    let repo = world.repo();
    let first = repo.spawn("while :; do sleep 0.1; done");
    repo.wait_for(&first, "running");
    let ran = repo.orchestra(["spawn", "--agent", "sh", "-d", "-j", "1", "echo never > never"]).succeeded();
    let second = ran.line();
    assert_eq!(repo.agent(&second)["phase"], "queued");
    repo.orchestra(["stop", &second]).succeeded();
    let agent = repo.agent(&second);
    assert_eq!(
        (&agent["phase"], &agent["attempt"], &agent["worktree"]),
        (&"stopped".into(), &0.into(), &serde_json::Value::Null)
    );
}

#[test]
fn a_resumed_agent_stopped_in_the_queue_is_not_lost() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("true");
    repo.end_of(&id);
    let busy = repo.spawn("while :; do sleep 0.1; done");
    repo.wait_for(&busy, "running");
    repo.orchestra(["resume", "-d", "-j", "1", &id]).succeeded();
    repo.orchestra(["stop", &id]).succeeded();
    let agent = repo.agent(&id);
    assert_eq!(
        (&agent["phase"], &agent["reason"], &agent["attempt"]),
        (&"stopped".into(), &().into(), &2.into())
    );
}

#[test]
fn stop_all_stops_each_agent_once() {
    let world = world();
    let repo = world.repo();
    let ids: Vec<String> = (0..3).map(|_| repo.spawn("while :; do sleep 0.1; done")).collect();
    for id in &ids {
        repo.wait_for(id, "running");
    }
    let report = repo.orchestra(["stop", "--all", "--json"]).succeeded().json();
    assert_eq!(report["agents"].as_array().map(Vec::len), Some(3));
    assert!(report["agents"].as_array().expect("agents").iter().all(|agent| agent["outcome"] == "stopped"));
    repo.orchestra(["stop", "--all"]).succeeded().stderr_has("no agent is running");
    let again = repo.orchestra(["stop", "--json", &ids[0]]).succeeded().json();
    assert_eq!(again["agents"][0]["outcome"], "already_ended");
}

#[test]
fn a_terminated_supervisor_saves_the_work() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("echo kept > kept; echo ready; while :; do sleep 0.1; done");
    repo.wait_for_output(&id, "ready");
    let supervisor = repo.agent(&id)["supervisor_pid"].as_i64().expect("a pid").to_string();
    repo.command("kill").args(["-TERM", &supervisor]).status().expect("kill");
    let agent = repo.wait_for(&id, "stopped");
    assert!(agent["reason"].as_str().is_some_and(|reason| reason.contains("SIGTERM")), "{agent}");
    assert_eq!(repo.file_in_head(&id, "kept"), "kept\n");
}

/// Only processes that are recorded as those of an agent are signalled, by their id and the time of their start.
#[test]
fn a_process_with_a_reused_pid_is_not_killed() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("echo ready; while :; do sleep 0.1; done");
    repo.wait_for_output(&id, "ready");
    let mut bystander = repo.command("sleep").arg("1000").spawn().expect("a process");
    // The record now has the bystander's pid with another start time: as after a reboot, or when pids wrap
    // around.
    let record = repo.path().join(format!(".git/orchestra/agents/{id}/lock"));
    let text = std::fs::read_to_string(&record).expect("a record");
    let mut json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let supervisor = json["supervisor"]["pid"].as_i64().expect("a pid").to_string();
    repo.command("kill").args(["-9", &supervisor]).status().expect("kill");
    until("it is lost", || (repo.agent(&id)["liveness"] == "lost").then_some(()));
    json["program"]["pid"] = bystander.id().into();
    std::fs::write(&record, json.to_string()).expect("written");
    repo.orchestra(["stop", &id]).succeeded();
    assert!(bystander.try_wait().expect("asked").is_none(), "the bystander lives");
    assert_eq!(
        marked(&format!("ORCHESTRA_AGENT={id}")),
        Vec::<String>::new(),
        "what bears the nonce is ended"
    );
    bystander.kill().expect("killed");
    bystander.wait().expect("ended");
}
