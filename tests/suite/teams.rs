//! Teams: roles that work one after another on a task, in one worktree.

use orchestra::{
    model::{
        AgentId, Fact, Phase,
        event::PhaseChange,
        team::{Outcome, PartChange},
    },
    store,
};
use serde_json::Value;
use testkit::{TestRepo, World, until};

use crate::{library, world};

/// What the roles do, as shell scripts. Each notes in the home directory that it ran, and keeps its prompt there.
const ARCHITECT: &str = "echo 'Use a table.'";
const CODER: &str = "echo line >> code; echo 'I wrote it.'";
/// Asks for changes until there are two lines.
const REVIEWER: &str = r#"if test $(wc -l < code) -lt 2
then echo '{"verdict":"changes","summary":"too short","findings":[{"severity":"high","file":"code","line":1,"text":"one more"}]}'
else echo '{"verdict":"approve","summary":"good"}'; fi"#;

/// Returns a repository with the team `trio`, whose roles run these scripts.
fn team<'w>(world: &'w World, roles: &[(&str, bool, &str)]) -> TestRepo<'w> {
    let repo = world.repo();
    for (name, writes, script) in roles {
        repo.write(
            &format!("../{name}.sh"),
            &format!("echo {name} >> ~/ran; cp \"$1\" ~/prompt-{name}\n{script}\n"),
        );
        let place = repo.path().parent().expect("a folder").join(format!("{name}.sh"));
        for (key, value) in [
            ("command", format!("sh {} {{prompt_file}}", place.display())),
            ("reads", "prose".to_owned()),
            ("prompt", format!("You are {name}.")),
            ("writes", writes.to_string()),
        ] {
            repo.git(["config", &format!("orchestra.agent.{name}.{key}"), &value]).succeeded();
        }
        repo.git(["config", "--add", "orchestra.team.trio.role", name]).succeeded();
    }
    repo.git(["config", "orchestra.slots", "8"]);
    repo
}

fn trio(world: &World) -> TestRepo<'_> {
    team(world, &[("architect", false, ARCHITECT), ("coder", true, CODER), ("reviewer", false, REVIEWER)])
}

fn spawn(repo: &TestRepo<'_>, options: &[&str]) -> String {
    let all = [&["spawn", "--detach", "--name", "team", "--team", "trio"], options, &["write code"]].concat();
    repo.orchestra(all).succeeded().line()
}

fn ran(world: &World) -> String {
    std::fs::read_to_string(world.home().join("ran")).unwrap_or_default().replace('\n', " ").trim().to_owned()
}

fn told(world: &World, role: &str) -> String {
    std::fs::read_to_string(world.home().join(format!("prompt-{role}"))).expect("a prompt")
}

fn facts(agent: &Value) -> (&str, &str) {
    (agent["phase"].as_str().unwrap_or_default(), agent["reason"].as_str().unwrap_or_default())
}

#[test]
fn roles_work_one_after_another_and_a_reviewer_sends_the_work_back() {
    let world = world();
    let repo = trio(&world);
    let id = spawn(&repo, &[]);
    let agent = repo.end_of(&id);
    assert_eq!(facts(&agent), ("done", ""), "{agent}");
    assert_eq!(ran(&world), "architect coder reviewer coder reviewer");
    assert_eq!((&agent["attempt"], repo.file_in_head(&id, "code")), (&5.into(), "line\nline\n".into()));
    let team = &agent["team"];
    let outcomes: Vec<&str> =
        team["parts"].as_array().expect("parts").iter().filter_map(|part| part["outcome"].as_str()).collect();
    assert_eq!(outcomes, ["done", "done", "changes", "done", "approve"]);
    assert_eq!(
        (&team["name"], &team["role"], &team["sent_back"]),
        (&"trio".into(), &"reviewer".into(), &1.into())
    );
    assert_eq!(agent["last_words"], "good");
    // The verdict is one like any other.
    assert_eq!((&agent["verdict"], &agent["verdict_current"]), (&"approve".into(), &true.into()), "{agent}");
    let events = repo.events(&id);
    let verdicts: Vec<&Value> = events.iter().filter(|event| event["t"] == "verdict").collect();
    assert_eq!((verdicts.len(), &verdicts[0]["by"]), (2, &"agent reviewer".into()));
    assert_eq!(verdicts[0]["comments"][0]["text"], "high: one more");
    // Each role has its own prompt, the task, and what others said, marked as data.
    let coder = told(&world, "coder");
    assert!(
        coder.starts_with("You are coder.\n\nwrite code\n\nYou are the role 'coder' (2 of 3)"),
        "{coder}"
    );
    assert!(coder.contains("\n| Use a table.\n") && coder.contains("\"summary\":\"too short\""), "{coder}");
    let reviewer = told(&world, "reviewer");
    assert!(reviewer.contains("Change no file") && reviewer.contains("\n| I wrote it.\n"), "{reviewer}");
    repo.orchestra(["status", &id])
        .succeeded()
        .stdout_has("trio: architect done, coder done, reviewer changes, coder done, reviewer approve");
    repo.orchestra(["logs", &id]).succeeded().stderr_has("── attempt 3: reviewer ──");
    repo.orchestra(["merge-ranked", &id]).succeeded();
    assert_eq!(repo.file_at("main", "code"), "line\nline\n");
}

#[test]
fn after_the_last_round_the_agent_has_failed_and_a_person_may_give_one_more() {
    let world = world();
    let never = r#"echo '{"verdict":"changes","summary":"no"}'"#;
    let repo = team(&world, &[("coder", true, CODER), ("reviewer", false, never)]);
    repo.git(["config", "orchestra.team.trio.rounds", "1"]);
    let id = spawn(&repo, &[]);
    let agent = repo.end_of(&id);
    assert_eq!(facts(&agent), ("failed", "'reviewer' still asks for changes after 1 round"), "{agent}");
    assert_eq!(
        (ran(&world).as_str(), &agent["verdict"]),
        ("coder reviewer coder reviewer", &"changes".into())
    );
    repo.orchestra(["resume", &id]).exits(1);
    assert_eq!(ran(&world), "coder reviewer coder reviewer coder reviewer coder reviewer");
}

#[test]
fn a_reviewer_without_a_verdict_fails_and_continues() {
    let world = world();
    let repo =
        team(&world, &[("coder", true, CODER), ("reviewer", false, "cat ~/answer || echo 'looks good'")]);
    let id = spawn(&repo, &[]);
    let agent = repo.end_of(&id);
    assert_eq!(facts(&agent), ("failed", "the reviewing role 'reviewer' gave no verdict"), "{agent}");
    std::fs::write(world.home().join("answer"), r#"{"verdict":"reject"}"#).expect("an answer");
    repo.orchestra(["resume", &id]).exits(1);
    assert_eq!(facts(&repo.agent(&id)), ("failed", "'reviewer' rejected the work"));
    assert_eq!(ran(&world), "coder reviewer reviewer");
}

#[test]
fn what_a_role_changes_that_does_not_write_is_told_and_not_kept() {
    let world = world();
    let meddling = r#"echo mine > code; echo new > other; git add -A; git commit -qm mine; echo last > code; echo '{"verdict":"approve"}'"#;
    let repo = team(&world, &[("coder", true, CODER), ("reviewer", false, meddling)]);
    let id = spawn(&repo, &[]);
    let agent = repo.end_of(&id);
    assert_eq!((facts(&agent).0, kept(&repo, &agent, "code")), ("done", "last\n".into()), "{agent}");
    assert_eq!((repo.file_in_head(&id, "code"), &agent["commits"]), ("line\n".into(), &1.into()));
    let worktree = repo.worktree(&id);
    assert!(!worktree.join("other").exists());
    assert_eq!(std::fs::read_to_string(worktree.join("code")).expect("a file"), "line\n");
    assert_eq!((&agent["verdict"], &agent["verdict_current"]), (&"approve".into(), &true.into()));
}

/// Returns a file of what a role changed that does not write, which the reason of the agent names.
fn kept(repo: &TestRepo<'_>, agent: &Value, file: &str) -> String {
    let told = "'reviewer' does not write; what it changed is not part of the work, and kept as ";
    let (_, rest) = facts(agent).1.split_once(told).unwrap_or_else(|| panic!("{agent}"));
    repo.git(["show", &format!("{}:{file}", &rest[..10])]).succeeded().stdout()
}

/// Checks that the work and the worktree are those of the role that writes.
fn has_only_work(repo: &TestRepo<'_>, agent: &Value) {
    let id = agent["id"].as_str().expect("an id");
    assert_eq!((repo.file_in_head(id, "code"), &agent["commits"]), ("line\n".into(), &1.into()), "{agent}");
    let branch = agent["branch"].as_str().expect("a branch");
    assert_eq!(repo.file_at(branch, "code"), "line\n");
    let worktree = repo.worktree(id);
    assert!(!worktree.join("other").exists(), "{agent}");
    assert_eq!(std::fs::read_to_string(worktree.join("code")).expect("a file"), "line\n");
}

/// Commits and changes files, then does this.
fn meddling_then(end: &str) -> String {
    format!("echo mine > code; echo new > other; git add -A; git commit -qm mine; echo last > code; {end}")
}

const SLOW_REVIEW: &str =
    r#"touch ready; test -e ~/quick || sleep 600; cat ~/answer 2>/dev/null || echo '{"verdict":"approve"}'"#;

#[test]
fn however_a_role_ends_that_does_not_write_what_it_changed_is_no_work() {
    for (end, phase, reason) in [
        ("exit 3", "failed", "exit code 3; "),
        ("echo fine", "failed", "the reviewing role 'reviewer' gave no verdict; "),
        ("kill -9 $$", "failed", "exit code 137; "),
        (r#"echo '{"verdict":"reject"}'"#, "failed", "'reviewer' rejected the work; "),
    ] {
        let world = world();
        let repo = team(&world, &[("coder", true, CODER), ("reviewer", false, &meddling_then(end))]);
        let id = spawn(&repo, &[]);
        let agent = repo.end_of(&id);
        assert_eq!((facts(&agent).0, facts(&agent).1.starts_with(reason)), (phase, true), "{agent}");
        assert_eq!(kept(&repo, &agent, "code"), "last\n");
        has_only_work(&repo, &agent);
    }
}

#[test]
fn what_it_changed_is_no_work_when_it_is_paused_stopped_or_lost() {
    let world = world();
    let repo = team(&world, &[("coder", true, CODER), ("reviewer", false, &meddling_then(SLOW_REVIEW))]);
    let id = spawn(&repo, &[]);
    repo.wait_for_file(&id, "ready");
    repo.orchestra(["pause", &id]).succeeded();
    let agent = repo.agent(&id);
    assert_eq!((facts(&agent).0, kept(&repo, &agent, "other")), ("paused", "new\n".into()));
    has_only_work(&repo, &agent);
    let again = || {
        repo.orchestra(["resume", "--detach", &id]).succeeded();
        repo.wait_for_file(&id, "ready");
    };
    again();
    repo.orchestra(["stop", &id]).succeeded();
    let agent = repo.agent(&id);
    assert_eq!((facts(&agent).0, kept(&repo, &agent, "other")), ("stopped", "new\n".into()));
    has_only_work(&repo, &agent);
    again();
    kill(&repo, &id);
    repo.orchestra(["stop", &id]).succeeded();
    let agent = repo.agent(&id);
    assert_eq!((facts(&agent).0, kept(&repo, &agent, "other")), ("stopped", "new\n".into()));
    has_only_work(&repo, &agent);
    again();
    kill(&repo, &id);
    std::fs::write(world.home().join("quick"), "").expect("a file");
    repo.orchestra(["resume", &id]).succeeded();
    let agent = repo.agent(&id);
    assert_eq!((facts(&agent).0, kept(&repo, &agent, "code")), ("done", "last\n".into()), "{agent}");
    has_only_work(&repo, &agent);
}

#[test]
fn what_cannot_be_taken_back_is_no_work_until_it_can() {
    let world = world();
    let detaching = meddling_then("git commit -qam more; git checkout -q --detach; exit 3");
    let repo = team(&world, &[("coder", true, CODER), ("reviewer", false, &detaching)]);
    let id = spawn(&repo, &[]);
    let agent = repo.end_of(&id);
    let stays = "'reviewer' does not write, and what it changed cannot be taken back: the worktree has a detached HEAD";
    assert_eq!(facts(&agent).0, "failed");
    assert!(facts(&agent).1.ends_with(stays), "{agent}");
    assert_eq!((repo.file_in_head(&id, "code"), &agent["commits"]), ("line\n".into(), &1.into()), "{agent}");
    repo.command("git")
        .args(["-C", agent["worktree"].as_str().expect("a path"), "checkout", "-q"])
        .arg(agent["branch"].as_str().expect("a branch"))
        .status()
        .expect("git");
    repo.orchestra(["collect", &id]).succeeded();
    let agent = repo.agent(&id);
    assert_eq!(agent["unsaved"], Value::Null, "{agent}");
    has_only_work(&repo, &agent);
}

#[test]
fn what_a_person_changes_while_such_a_role_rests_is_work() {
    let world = world();
    let repo = team(&world, &[("coder", true, CODER), ("reviewer", false, SLOW_REVIEW)]);
    let id = spawn(&repo, &[]);
    repo.wait_for_file(&id, "ready");
    repo.orchestra(["pause", &id]).succeeded();
    std::fs::write(repo.worktree(&id).join("more"), "of a person\n").expect("a file");
    std::fs::write(world.home().join("quick"), "").expect("a file");
    repo.orchestra(["resume", &id]).succeeded();
    assert_eq!(repo.file_in_head(&id, "more"), "of a person\n");
    // After its end, too.
    std::fs::write(repo.worktree(&id).join("more"), "twice\n").expect("a file");
    repo.orchestra(["resume", &id]).succeeded();
    assert_eq!(
        (repo.file_in_head(&id, "more"), ran(&world)),
        ("twice\n".into(), "coder reviewer reviewer coder reviewer".into())
    );
}

/// In a sandbox an agent commits in a private git directory, which every role finds as the one before it left the work.
#[test]
fn so_it_is_in_a_sandbox() {
    if !crate::sandbox::can_make_one() {
        return;
    }
    let world = world();
    let meddling = r#"git log --format=%s > seen; echo mine > code; git add -A; git commit -qm mine; echo '{"verdict":"approve"}'"#;
    let roles = [
        ("coder", true, CODER),
        ("reviewer", false, meddling),
        ("tester", true, "git log --format=%s > test"),
    ];
    let repo = team(&world, &roles);
    for (name, _, script) in roles {
        repo.git(["config", &format!("orchestra.agent.{name}.command"), script]);
    }
    let id = spawn(&repo, &["--sandbox", "files"]);
    let agent = repo.end_of(&id);
    assert_eq!(agent["phase"], "done", "{agent}");
    assert_eq!(
        (repo.file_in_head(&id, "code").as_str(), &agent["commits"]),
        ("line\n", &2.into()),
        "{agent}"
    );
    assert!(!repo.worktree(&id).join("seen").exists());
    assert!(repo.file_in_head(&id, "test").starts_with("write code\n"), "{agent}");
}

#[test]
fn the_check_is_about_the_last_role_that_writes() {
    let world = world();
    let repo = trio(&world);
    let id = spawn(&repo, &["--until", "test $(wc -l < code) -ge 2", "--rounds", "3"]);
    let agent = repo.end_of(&id);
    assert_eq!(facts(&agent), ("done", ""), "{agent}");
    assert_eq!(ran(&world), "architect coder coder reviewer");
}

#[test]
fn a_role_that_fails_ends_the_agent_and_is_resumed() {
    let world = world();
    let repo = team(
        &world,
        &[("coder", true, "test -e ~/fixed || exit 3; echo a > code"), ("tester", true, "echo b > test")],
    );
    let id = spawn(&repo, &[]);
    assert_eq!(facts(&repo.end_of(&id)), ("failed", "exit code 3"));
    std::fs::write(world.home().join("fixed"), "").expect("a file");
    repo.orchestra(["resume", &id]).succeeded();
    assert_eq!((ran(&world).as_str(), repo.file_in_head(&id, "test")), ("coder coder tester", "b\n".into()));
    // Another program cannot take the place of a role.
    repo.orchestra(["resume", "--agent", "claude", &id]).exits(3).stderr_has("the roles of the team 'trio'");
}

/// Kills the supervisor of an agent, and its program.
fn kill(repo: &TestRepo<'_>, id: &str) {
    let agent = repo.agent(id);
    for pid in [&agent["supervisor_pid"], &agent["pid"]] {
        repo.command("kill").args(["-9", &pid.to_string()]).status().expect("kill");
    }
    until("the agent is lost", || (repo.agent(id)["liveness"] == "lost").then_some(()));
}

#[test]
fn a_killed_supervisor_neither_repeats_a_role_nor_leaves_one_out() {
    let world = world();
    let slow = "echo line >> code; touch ready; test -e ~/quick || sleep 600";
    let repo = team(&world, &[("coder", true, slow), ("reviewer", false, r#"echo '{"verdict":"approve"}'"#)]);
    let id = spawn(&repo, &[]);
    repo.wait_for_file(&id, "ready");
    let shown = repo.orchestra(["status"]).succeeded().stdout();
    assert!(shown.contains("running (coder 1/2)"), "{shown}");
    kill(&repo, &id);
    // Killed while a role works: it continues.
    repo.orchestra(["resume", "--detach", &id]).succeeded();
    until("it runs twice", || (ran(&world) == "coder coder").then_some(()));
    // Killed between two roles: what is recorded by then is that the first is done.
    let agent = AgentId::parse(&id).expect("an id");
    let part = Some(PartChange::end(0, Outcome::Done, "I wrote it.".into()));
    let end = PhaseChange { part, ..PhaseChange::new(2, Phase::Running) };
    store::append::append(&library(&repo), &agent, &[Fact::Phase(end)]).expect("an event");
    kill(&repo, &id);
    repo.orchestra(["resume", &id]).succeeded();
    assert_eq!(ran(&world), "coder coder reviewer");
    assert!(told(&world, "reviewer").contains("\n| I wrote it.\n"));
    let agent = repo.agent(&id);
    assert_eq!((facts(&agent), &agent["verdict"]), (("done", ""), &"approve".into()), "{agent}");
}

#[test]
fn a_pause_and_a_stop_hold_for_the_role_that_works() {
    let world = world();
    let slow = "echo a > code; touch ready; test -e ~/quick || sleep 600";
    let repo = team(&world, &[("coder", true, slow), ("tester", true, "echo b > test")]);
    let id = spawn(&repo, &[]);
    repo.wait_for_file(&id, "ready");
    repo.orchestra(["pause", &id]).succeeded();
    assert_eq!(facts(&repo.wait_for(&id, "paused")).0, "paused");
    repo.orchestra(["resume", "--detach", &id]).succeeded();
    until("it runs twice", || (ran(&world) == "coder coder").then_some(()));
    repo.orchestra(["stop", &id]).succeeded();
    assert_eq!((facts(&repo.end_of(&id)).0, ran(&world).as_str()), ("stopped", "coder coder"));
    std::fs::write(world.home().join("quick"), "").expect("a file");
    repo.orchestra(["resume", &id]).succeeded();
    assert_eq!(ran(&world), "coder coder coder tester");
}

#[test]
fn a_team_that_cannot_work_is_refused_before_anything_is_made() {
    let world = world();
    let repo = trio(&world);
    let spawn =
        |team: &str, more: &[&str]| repo.orchestra([&["spawn", "--team", team, "x"][..], more].concat());
    spawn("duo", &[]).exits(3).stderr_has("no team 'duo'").stderr_has("teams: trio");
    spawn("trio", &["--model", "large"]).exits(2).stderr_has("--model and --team");
    spawn("trio", &["--agent", "claude"]).exits(2);
    repo.git(["config", "--add", "orchestra.team.bad.role", "nobody"]);
    spawn("bad", &[]).exits(3).stderr_has("no agent program 'nobody'");
    repo.git(["config", "orchestra.agent.bad.program", "bad"]);
    repo.git(["config", "orchestra.team.bad.role", "bad"]);
    spawn("bad", &[]).exits(3).stderr_has("orchestra.agent.bad.program");
    repo.git(["config", "--add", "orchestra.team.readers.role", "reviewer"]);
    spawn("readers", &[]).exits(3).stderr_has("none of the roles of team 'readers' writes");
    repo.git(["config", "--add", "orchestra.team.shell.role", "sh"]);
    spawn("shell", &[]).exits(3).stderr_has("would run it as a script");
    for _ in 0..9 {
        repo.git(["config", "--add", "orchestra.team.many.role", "coder"]);
    }
    spawn("many", &[]).exits(3).stderr_has("has 9 roles; the limit is 8");
    repo.git(["config", "orchestra.team.trio.rounds", "many"]);
    spawn("trio", &[]).exits(3).stderr_has("orchestra.team.trio.rounds");
    assert_eq!((repo.agents().len(), repo.refs("refs/orchestra/").len()), (0, 0));
    repo.orchestra(["config"]).succeeded().stdout_has("team.trio.role");
}
