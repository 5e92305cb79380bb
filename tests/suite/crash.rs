//! kill -9 at any step: anything incomplete is reported, and the next command repairs it.

use testkit::{Aim, Mode, Ran, TestRepo, dir_state, runs, until};

use crate::{
    injector,
    sync::{clone, first, sync},
    world,
};

/// Checks that every branch and worktree belongs to an agent, that every agent can be stopped, and that a
/// new spawn works.
fn is_repaired(repo: &TestRepo<'_>) {
    repo.orchestra(["stop", "--all"]).succeeded();
    for agent in repo.agents() {
        assert_eq!(agent["liveness"], "ended", "{agent}");
    }
    repo.orchestra(["spawn", "--agent", "sh", "echo fine > fine"]).succeeded();
    let known: Vec<String> =
        repo.agents().iter().map(|a| a["branch"].as_str().expect("a branch").to_owned()).collect();
    for (name, _) in repo.refs("refs/heads/orchestra/") {
        assert!(known.contains(&name["refs/heads/".len()..].to_owned()), "{name} belongs to no agent");
    }
    let listed = repo.git(["worktree", "list", "--porcelain"]).stdout();
    assert!(!listed.contains("locked") && !listed.contains("prunable"), "{listed}");
    let private = repo.path().join(".git/orchestra/agents");
    until("nothing is left of the supervisors", || {
        std::fs::read_dir(&private).expect("a folder").next().is_none().then_some(())
    });
    repo.git(["fsck", "--strict"]);
}

/// The number of steps at which each program is killed, spread over all its steps.
const STEPS: usize = 16;

/// A spawn that died must leave no branch and no worktree without an agent.
#[test]
fn a_spawn_killed_at_any_step_leaves_nothing_incomplete() {
    let world = world();
    let Some(injector) = injector() else { return };
    let repo = world.repo();
    let program = world.bins().join("git-orchestra-spawn");
    let spawn = || {
        let mut command = repo.command(&program);
        command.args(["--agent", "sh", "-d", "-j", "2", "echo 1 > a", "echo 2 > b", "echo 3 > c"]);
        command
    };
    let aim = Aim::at("git-orchestra-spawn");
    let all = injector.count(&world, &mut spawn(), aim);
    let apart = usize::try_from(all).expect("few") / STEPS + 1;
    let hits: Vec<String> =
        (1..).step_by(apart).map_while(|at| injector.kill(&world, &mut spawn(), aim, at)).collect();
    assert!(hits.len() > STEPS / 2, "of {all} steps it was killed at {hits:#?}");
    println!("killed at {hits:#?}");
    until("whatever runs has ended", || {
        repo.agents().iter().all(|agent| agent["liveness"] != "live").then_some(())
    });
    is_repaired(&repo);
}

#[test]
fn events_are_never_visible_before_the_work_that_they_name() {
    let world = world();
    let Some(injector) = injector() else { return };
    let (a, b) = (first(&world), clone(&world, "b"));
    let agents = "refs/orchestra/agents/";
    let work = Aim { step: Some("rename refs/orchestra/heads/"), ..Aim::at("git-orchestra") };
    let mut spawn = a.orchestra_command(["spawn", "-d", "--agent", "sh", "echo 1 > a"]);
    let hit = injector.kill(&world, &mut spawn, work, 1);
    assert!(hit.is_some() && a.refs(agents).is_empty(), "{hit:?}: {:?}", a.refs(agents));
    // The killed command had decided, so the next one finishes what it began.
    a.orchestra(["stop", "--all"]).succeeded();
    let [(agent, _)] = a.refs(agents).try_into().expect("one agent");
    sync(&a);
    let hit = injector.kill(&world, &mut b.orchestra_command(["sync", "--fetch"]), work, 1);
    assert!(hit.is_some() && b.refs(agents).is_empty(), "{hit:?}: {:?}", b.refs(agents));
    b.orchestra(["stop", "--all"]);
    assert_eq!(b.refs(agents)[0].0, agent);
    assert_eq!(b.refs("refs/orchestra/heads/"), a.refs("refs/orchestra/heads/"));
}

#[test]
fn a_supervisor_killed_at_any_step_loses_no_work() {
    let world = world();
    let Some(injector) = injector() else { return };
    let repo = world.repo();
    let script = "echo 1 > a; git add a; git commit -qm a; echo 2 > b";
    let state = injector.state("supervisor");
    let run = |mode: Mode, at: u64| {
        state.reset(mode, at);
        state.arm(true);
        let mut command = repo.orchestra_command(["spawn", "--agent", "sh", "-d", "--", script]);
        state.apply_to(&mut command, world.dir(), Aim::at("git-orchestra-supervise run"));
        // If a supervisor is killed early, spawn reports that it did not start.
        Ran::of(&mut command);
        until("it is killed, or all has ended", || {
            let ended = || repo.agents().iter().all(|agent| agent["liveness"] != "live");
            (state.read().1.is_some() || ended()).then_some(())
        });
        state.read()
    };
    let (all, _) = run(Mode::Count, 0);
    let apart = usize::try_from(all).expect("few") / STEPS + 1;
    let hits: Vec<String> = (1..).step_by(apart).map_while(|at| run(Mode::Kill, at).1).collect();
    assert!(hits.len() > STEPS / 2, "of {all} steps it was killed at {hits:#?}");
    println!("killed at {hits:#?}");
    until("whatever runs has ended", || {
        repo.agents().iter().all(|agent| agent["liveness"] != "live").then_some(())
    });
    repo.orchestra(["stop", "--all"]).succeeded();
    for agent in repo.agents() {
        let id = agent["id"].as_str().expect("an id");
        // The content of the worktree when it died is in its head.
        if agent["worktree"].is_string() {
            let worktree = repo.worktree(id);
            for file in ["a", "b"] {
                if let Ok(text) = std::fs::read_to_string(worktree.join(file)) {
                    assert_eq!(repo.file_in_head(id, file), text, "{agent}");
                }
            }
        }
    }
    is_repaired(&repo);
}

/// Steps of an agent from its spawn to its end: a name, the program that takes the step, the call that identifies it, and
/// its number.
const LIFE_STEPS: &[(&str, &str, &str, u64)] = &[
    ("the agent is made", "git-orchestra spawn", "rename refs/orchestra/agents/", 1),
    ("it starts", "git-orchestra-supervise run", "rename refs/orchestra/agents/", 1),
    ("its worktree is registered", "git-orchestra-supervise prepare", "open .git/worktrees/", 1),
    ("its first file is written", "git-orchestra-supervise prepare", "open repo.worktrees/", 1),
    ("it runs", "git-orchestra-supervise run", "rename refs/orchestra/agents/", 2),
    ("its work gets its ref", "git-orchestra-supervise", "rename refs/orchestra/heads/", 1),
    ("it has ended", "git-orchestra-supervise run", "rename refs/orchestra/agents/", 3),
];

#[test]
fn an_agent_killed_at_each_step_is_listed_and_can_be_stopped() {
    let world = world();
    let Some(injector) = injector() else { return };
    let repo = world.repo();
    let state = injector.state("life");
    for (name, program, step, at) in LIFE_STEPS {
        state.reset(Mode::Kill, *at);
        state.arm(true);
        let mut command = repo.orchestra_command(["spawn", "--agent", "sh", "-d", "--", "echo 1 > a"]);
        state.apply_to(&mut command, world.dir(), Aim { step: Some(step), ..Aim::at(program) });
        Ran::of(&mut command);
        let hit = until(&format!("it is killed as {name}"), || state.read().1);
        println!("{name}: killed at {hit}");
        until(&format!("{name}: whatever runs has ended"), || {
            repo.agents().iter().all(|agent| agent["liveness"] != "live").then_some(())
        });
    }
    is_repaired(&repo);
}

#[test]
fn a_stale_ref_lock_of_ours_is_removed_and_a_foreign_one_is_not() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("while :; do sleep 0.1; done");
    repo.wait_for(&id, "running");
    let lock = repo.path().join(format!(".git/refs/orchestra/agents/{id}.lock"));
    let other = std::fs::File::create(&lock).expect("a lock");
    repo.orchestra(["stop", &id])
        .exits(4)
        .stderr_has("is locked by another program")
        .stderr_has("if no git runs here: rm ");
    assert!(lock.exists(), "a foreign lock is never removed");
    // Its writer was killed.
    drop(other);
    repo.orchestra(["stop", &id]).succeeded();
    assert!(!lock.exists());
}

#[test]
fn deleting_all_private_files_while_nothing_runs_loses_nothing() {
    let world = world();
    let repo = world.repo();
    repo.orchestra(["spawn", "--agent", "sh", "echo 1 > a; echo out"]).succeeded();
    let before = repo.agents().remove(0);
    std::fs::remove_dir_all(repo.path().join(".git/orchestra")).expect("removed");
    let after = repo.agents().remove(0);
    assert_eq!((&before["phase"], &before["head"]), (&after["phase"], &after["head"]));
    let id = after["id"].as_str().expect("an id");
    assert_eq!(repo.orchestra(["logs", id]).succeeded().stdout(), "out\n");
    repo.orchestra(["spawn", "--agent", "sh", "echo 2 > a"]).succeeded();
}

/// Spawns an agent; returns its id and the pids of its supervisor and its program.
fn running(repo: &TestRepo<'_>) -> (String, i64, i64) {
    let id = repo.spawn("echo 1 > w; while :; do sleep 0.1; done");
    repo.wait_for_file(&id, "w");
    let agent = repo.agent(&id);
    let pid = |key: &str| agent[key].as_i64().expect("a number");
    (id, pid("supervisor_pid"), pid("pid"))
}

/// Checks that it has one supervisor and can be stopped with its work, whatever was removed.
fn is_still_ours(repo: &TestRepo<'_>, (id, supervisor, program): &(String, i64, i64)) {
    assert_eq!(repo.agent(id)["liveness"], "live");
    repo.orchestra(["resume", "-d", id]).exits(3).stderr_has("is already running");
    assert_eq!(repo.agent(id)["liveness"], "live");
    repo.orchestra(["stop", "--all"]).succeeded().stdout_has("stopped");
    let ended = repo.agent(id);
    assert_eq!((&ended["liveness"], &ended["phase"]), (&"ended".into(), &"stopped".into()));
    assert_eq!(repo.file_in_head(id, "w"), "1\n");
    until("nothing of it runs", || (!runs(*supervisor) && !runs(*program)).then_some(()));
}

#[test]
fn an_agent_whose_lock_was_removed_still_runs_and_gets_no_second_supervisor() {
    let world = world();
    let repo = world.repo();
    let agent = running(&repo);
    std::fs::remove_file(repo.path().join(format!(".git/orchestra/agents/{}/lock", agent.0)))
        .expect("removed");
    is_still_ours(&repo, &agent);
}

#[test]
fn an_agent_whose_private_files_were_all_removed_is_still_of_this_clone() {
    let world = world();
    let repo = world.repo();
    let agent = running(&repo);
    let writer = repo.agent(&agent.0)["writer"].clone();
    std::fs::remove_dir_all(repo.path().join(".git/orchestra")).expect("removed");
    is_still_ours(&repo, &agent);
    let id = repo.spawn("true");
    assert_eq!(repo.end_of(&id)["writer"], writer);
}

#[test]
fn processes_of_a_lost_agent_are_found_without_its_private_files() {
    let world = world();
    let repo = world.repo();
    let (id, supervisor, program) = running(&repo);
    let killed = repo.command("kill").args(["-9", &supervisor.to_string()]).status().expect("kill");
    assert!(killed.success());
    until("the supervisor has ended", || (!runs(supervisor)).then_some(()));
    std::fs::remove_dir_all(repo.path().join(".git/orchestra")).expect("removed");
    let agent = repo.agent(&id);
    assert_eq!(agent["liveness"], "lost");
    assert!(agent["orphans"].as_array().expect("a list").contains(&program.into()), "{agent}");
    repo.orchestra(["stop", "--all"]).succeeded();
    assert!(!runs(program));
    assert_eq!(repo.file_in_head(&id, "w"), "1\n");
}

#[test]
fn a_process_that_left_the_tree_without_its_environment_is_found_after_a_kill() {
    let world = world();
    let repo = world.repo();
    let leaves = "env -i setsid sh -c 'echo $$ > daemon; cd /; exec sleep 300' </dev/null >/dev/null 2>&1 &";
    let id = repo.spawn(&format!("({leaves}); echo 1 > w; exec sleep 300"));
    repo.wait_for_file(&id, "daemon");
    let pid_in = |path: std::path::PathBuf| std::fs::read_to_string(path).ok()?.trim().parse::<i64>().ok();
    let daemon = until("it says which it is", || pid_in(repo.worktree(&id).join("daemon")));
    let record = repo.path().join(format!(".git/orchestra/agents/{id}/lock"));
    until("the supervisor has seen it", || {
        let record = std::fs::read_to_string(&record).ok()?;
        record.contains(&format!("\"pid\":{daemon},")).then_some(())
    });
    kill_all_of(&repo, &id);
    let agent = repo.agent(&id);
    assert!(agent["orphans"].as_array().expect("a list").contains(&daemon.into()), "{agent}");
    repo.orchestra(["stop", &id]).succeeded();
    assert!(!runs(daemon));
}

/// Kills an agent's supervisor and its program at once.
fn kill_all_of(repo: &TestRepo<'_>, id: &str) {
    let agent = repo.agent(id);
    // A queued agent has no program yet.
    let pids: Vec<i64> = ["supervisor_pid", "pid"].iter().filter_map(|key| agent[key].as_i64()).collect();
    assert!(agent["supervisor_pid"].is_i64(), "it has a supervisor: {agent}");
    for pid in pids {
        let _ =
            repo.command("kill").args(["-9", &pid.to_string()]).stderr(std::process::Stdio::null()).status();
    }
    until("it is lost", || (repo.agent(id)["liveness"] == "lost").then_some(()));
}

#[test]
fn an_agent_that_ran_is_never_treated_as_incomplete() {
    let world = world();
    let repo = world.repo();
    let script = "echo precious > precious.txt; echo initializing > \"$(git rev-parse --git-dir)/locked\"; touch ready; exec sleep 600";
    for next in [&["spawn", "--agent", "sh", "true"] as &[&str], &["stop", "--all"], &["cleanup"]] {
        let id = repo.spawn(script);
        repo.wait_for_file(&id, "ready");
        let worktree = repo.worktree(&id);
        kill_all_of(&repo, &id);
        repo.orchestra(next).succeeded();
        assert_eq!(
            std::fs::read_to_string(worktree.join("precious.txt")).expect("a file"),
            "precious\n",
            "{next:?}"
        );
        repo.orchestra(["stop", "--all"]).succeeded();
        assert_eq!(repo.file_in_head(&id, "precious.txt"), "precious\n", "{next:?}");
        assert!(!repo.git(["worktree", "list", "--porcelain"]).stdout().contains("locked"));
    }
}

/// Creates an agent that never ran, and its worktree whose creation was interrupted, in the state in which
/// git leaves it.
fn never_run(repo: &TestRepo<'_>) -> (String, std::path::PathBuf) {
    repo.git(["config", "orchestra.jobs", "1"]);
    let first = repo.spawn("touch ready; exec sleep 600");
    repo.wait_for_file(&first, "ready");
    let id = repo.spawn("true");
    kill_all_of(repo, &id);
    let place = repo.worktree(&first).with_file_name(&id);
    let branch = format!("orchestra/{id}");
    repo.git(["worktree", "add", "-q", "-b", &branch, "--no-checkout", &place.to_string_lossy(), "main"]);
    let registration = repo.path().join(".git/worktrees").join(&id);
    std::fs::write(registration.join("locked"), "initializing").expect("written");
    let _ = std::fs::remove_file(registration.join("index"));
    (id, place)
}

#[test]
fn an_incomplete_worktree_is_removed_only_if_nothing_in_it_can_be_work() {
    let world = world();
    let repo = world.repo();
    repo.commit("more", &[("deep/er/long.txt", "a long file\n"), ("short.txt", "x\n")]);
    // A checkout that was interrupted in the middle of a file.
    let (_, place) = never_run(&repo);
    std::fs::create_dir_all(place.join("deep/er")).expect("a folder");
    std::fs::write(place.join("deep/er/long.txt"), "a lon").expect("written");
    std::fs::write(place.join("short.txt"), "x\n").expect("written");
    let said = repo.orchestra(["spawn", "--agent", "sh", "-d", "true"]).succeeded();
    assert!(!place.exists() && !said.stderr().contains("trash"), "{}", said.stderr());
    assert!(repo.refs("refs/orchestra-local/operations/").is_empty());
    repo.orchestra(["stop", "--all"]).succeeded();
    // Anything else in it may be work: a file, a changed file, a longer file, staged content, a commit, a
    // repository.
    let commit =
        "git -c user.name=a -c user.email=a@a commit -q --allow-empty -m lost; git reset -q --soft HEAD~1";
    for script in [
        "echo precious > precious",
        "echo precious > short.txt",
        "printf 'a long file\\nand more' > deep/er/long.txt",
        "echo staged > staged; git add staged; rm staged",
        commit,
        "git init -q inner",
        "ln -s precious link",
        "mkdir \"$(git rev-parse --git-dir)/modules\"",
    ] {
        let (id, place) = never_run(&repo);
        std::fs::create_dir_all(place.join("deep/er")).expect("a folder");
        Ran::of(repo.command("sh").args(["-c", script]).current_dir(&place)).succeeded();
        let before = dir_state(&place);
        let said = repo.orchestra(["spawn", "--agent", "sh", "-d", "true"]).succeeded();
        assert!(
            !place.exists() && said.stderr().contains("is in the trash, because"),
            "{script}: {}",
            said.stderr()
        );
        repo.orchestra(["undo"]).exits(3).stderr_has("nothing to undo");
        let list = repo.orchestra(["undo", "--list", "--json"]).succeeded().json();
        let newest = &list["operations"][0];
        assert_eq!(
            (&newest["command"], &newest["removals"][0]["agent"]),
            (&"repair".into(), &id.as_str().into())
        );
        repo.git(["gc", "-q", "--prune=now"]);
        let undo =
            repo.orchestra(["undo", "--json", newest["id"].as_str().expect("an id")]).succeeded().json();
        assert_eq!(dir_state(&place), before, "{script}");
        repo.git(["fsck", "--no-dangling"]);
        // It is complete now: it stays, and undoing the undo does not remove the agent.
        repo.orchestra(["undo", undo["undo"].as_str().expect("an id")])
            .exits(3)
            .stderr_has("had not removed an agent");
        repo.orchestra(["stop", "--all"]).succeeded();
        assert_eq!(dir_state(&place).len(), before.len(), "{script}");
    }
}

#[test]
fn a_helper_that_is_killed_is_started_again() {
    let world = world();
    let repo = world.repo();
    let (times, script) = (world.dir().join("times"), world.dir().join("filter.sh"));
    // Kills the helper for which it filters a file, twice.
    let filter = format!(
        "helper=$(ps -eo pid=,args= | grep '[s]upervise take {1}' | awk '{{ print $1 }}')\n\
         if test -n \"$helper\" && test $(cat '{0}' 2>&1 | grep -c '^killed') -lt 2; then\n\
         echo killed >> '{0}'; kill -9 $helper; fi\n\
         cat\n",
        times.display(),
        repo.path().display()
    );
    std::fs::write(&script, filter).expect("a script");
    let filter = format!("sh '{}'", script.display());
    repo.git(["config", "filter.kills.clean", &filter]);
    repo.commit("attributes", &[(".gitattributes", "*.txt filter=kills\n")]);
    let id = repo.spawn("echo 1 > made.txt");
    let agent = repo.end_of(&id);
    let killed = std::fs::read_to_string(&times).unwrap_or_default();
    assert_eq!((&agent["phase"], killed.lines().count()), (&"done".into(), 2), "{agent}");
    assert_eq!(repo.file_in_head(&id, "made.txt"), "1\n");
}
