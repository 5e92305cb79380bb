//! Two clones of a bare repository and one run: the gate that opens in one is answered in both, the clone that drove the run is killed, the
//! other one takes it, and nothing lands twice. What each of them did is read with plain git.

use std::path::PathBuf;

use testkit::{Ran, TestRepo, World, until};

use crate::{
    decide::outcomes,
    sync::{clone, first, sync},
    world,
};

/// What everybody types who drives the run.
const WITH: [&str; 5] = ["--agent", "sh", "--check", "true", "--json"];

/// The bare repository, as plain git sees it.
struct Hub<'a> {
    any: &'a TestRepo<'a>,
    path: PathBuf,
}

impl<'a> Hub<'a> {
    fn of(world: &World, any: &'a TestRepo<'a>) -> Self {
        Self { any, path: world.dir().join("hub.git") }
    }

    fn git(&self, arguments: &[&str]) -> Ran {
        let folder = self.path.to_string_lossy().into_owned();
        Ran::of(self.any.command("git").arg("--git-dir").arg(folder).args(arguments)).succeeded()
    }

    /// Returns the name of the only run.
    fn run(&self) -> String {
        self.git(&["for-each-ref", "--format=%(refname)", "refs/orchestra/runs/"]).line()
    }
}

/// Returns the events of a kind in the log of the run, one a line.
fn events(log: &str, kind: &str) -> Vec<String> {
    let has_kind = |line: &&str| line.contains(&format!("\"t\":\"{kind}\""));
    log.lines().filter(has_kind).map(str::to_owned).collect()
}

fn writer(repo: &TestRepo<'_>) -> String {
    let text = std::fs::read(repo.path().join(".git/orchestra/writer")).expect("a writer");
    let writer: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    writer["id"].as_str().expect("an id").to_owned()
}

fn landings(repo: &TestRepo<'_>, file: &str) -> usize {
    repo.git(["log", "--format=%s", "main", "--", file]).stdout().lines().count()
}

#[test]
fn a_gate_is_answered_on_both_and_taken_over_and_lands_once() {
    let world = world();
    let (a, b) = (first(&world).with_identity(), clone(&world, "b").with_identity());
    a.git(["config", "orchestra.label", "desk"]);
    b.git(["config", "orchestra.label", "laptop"]);
    let hub = Hub::of(&world, &a);
    // The gate opens in A while another task works there.
    let (started, works) = (world.dir().join("started"), world.dir().join("works"));
    a.write(
        "plan.md",
        &format!(
            "- [ ] `red` test -e {} && echo 1 > red\n- [ ] `slow` touch {}; exec sleep 300\n",
            works.display(),
            started.display()
        ),
    );
    let mut command = a.command(world.bins().join("git-orchestra-run"));
    let mut driver =
        command.arg("plan.md").args(WITH).stdout(std::process::Stdio::null()).spawn().expect("started");
    until("a gate is open", || {
        let list = a.orchestra(["decide", "--json"]).succeeded().json();
        (started.exists() && list["runs"][0]["gates"][0]["gate"] == 1).then_some(())
    });
    // A dies: its driver, and the supervisor and the program of the agent that works.
    driver.kill().expect("killed");
    driver.wait().expect("ended");
    let slow = a.agents().into_iter().find(|agent| agent["phase"] == "running").expect("an agent");
    for key in ["supervisor_pid", "pid"] {
        a.command("kill").args(["-9", &slow[key].to_string()]).output().expect("killed");
    }
    let main = a.tip("main");
    a.orchestra(["collect"]);
    sync(&a);
    sync(&b);
    let name = hub.run();
    let run = name.rsplit('/').next().expect("an id").to_owned();
    let log = || hub.git(&["log", "--format=%B", &name]).stdout();
    assert_eq!(
        (events(&log(), "gate_opened").len(), events(&log(), "gate_closed").len()),
        (1, 0),
        "{}",
        log()
    );

    // Both answer before they hear of each other.
    std::fs::write(&works, "").expect("written");
    a.orchestra(["decide", &run, "1", "retry"]).succeeded();
    b.orchestra(["decide", &run, "1", "skip"]).succeeded();
    // B takes the run, and heeds its own answer: that of A is of a clone that it does not trust.
    let taken = b.orchestra(["run", "--take", &run, "--yes"].into_iter().chain(WITH));
    let taken = taken.exits(3).json();
    assert_eq!(outcomes(&taken), "skipped, -", "{taken}");
    sync(&b);
    sync(&a);
    sync(&b);
    let (decided, closed) = (events(&log(), "decided"), events(&log(), "gate_closed"));
    assert_eq!((decided.len(), closed.len()), (2, 1), "{}", log());
    assert!(closed[0].contains("\"option\":\"skip\"") && closed[0].contains(&writer(&b)), "{closed:?}");
    assert_eq!(events(&log(), "driving").len(), 1, "{}", log());

    // The loser lands nothing, and says who drives.
    for words in [["run", "--continue", &run], ["run", "--abort", &run]] {
        a.orchestra(words).exits(4).stderr_has("clone laptop (").stderr_has("publishes nothing more");
    }
    a.orchestra(["decide", &run, "1", "retry"]).exits(4).stderr_has("'skip' counted");
    assert_eq!(a.tip("main"), main);
    assert_eq!(hub.git(&["rev-parse", &name]).line(), a.tip(&name), "it wrote nothing");

    // The winner ends it: what was left out did not land, and the rest landed once.
    let agent = taken["tasks"][1]["agent"].as_str().expect("an agent").to_owned();
    b.orchestra(["resume", "--take-over", &agent, "-m", "echo 2 > slow"]).succeeded();
    let ended = b.orchestra(["run", "--continue", &run, "--json"]).exits(1).json();
    assert_eq!(outcomes(&ended), "skipped, landed", "{ended}");
    sync(&b);
    sync(&a);
    assert_eq!((landings(&b, "slow"), landings(&b, "red")), (1, 0));
    assert_eq!(a.tip("main"), main);
    assert_eq!(b.git(["merge-base", "main", &main]).line(), main, "it lands on what both had");
    assert_eq!(events(&log(), "finished").len(), 1, "{}", log());
    for repo in [&a, &b] {
        assert_eq!(repo.tip(&name), hub.git(&["rev-parse", &name]).line());
        let shown = repo.orchestra(["status", "--json"]).succeeded().json();
        assert!(shown.get("runs").is_none(), "{shown}");
    }
}
