//! `run --with-review`: an agent reviews the work of each task before it lands, also if the run is killed in between.

use serde_json::Value;
use testkit::{Aim, Ran, TestRepo};

use crate::{decide::outcomes, injector, world};

/// A program that writes one word into one file, as its task says, and `good` once it reads a remark.
const WRITER: &str = "true; if grep -q 'changes are requested' {prompt_file}; then echo good > $(grep -l bad *.txt); \
     else read file word < {prompt_file}; echo $word > $file; fi";
/// A program that never heeds a remark, but does something.
const STUBBORN: &str = "date +%N >> log; echo bad > one.txt";
/// A reviewer that approves `good`, rejects `evil`, says nothing about `odd`, and else asks for changes.
const JUDGE: &str = "true; case $(cat *.txt) in *good*) v=approve;; *evil*) v=reject;; *odd*) exit 0;; *) v=changes;; esac; \
     echo '{\"verdict\":\"'$v'\",\"summary\":\"write good\"}'";

fn with_programs(repo: &TestRepo<'_>) {
    for (name, command) in [("writer", WRITER), ("stubborn", STUBBORN), ("judge", JUDGE)] {
        repo.git(["config", &format!("orchestra.agent.{name}.command"), command]);
        repo.git(["config", &format!("orchestra.agent.{name}.reads"), "prose"]);
    }
}

fn run(repo: &TestRepo<'_>, plan: &str, also: &[&str]) -> Ran {
    repo.write("plan.md", plan);
    let words =
        ["run", "plan.md", "--agent", "writer", "--with-review=judge", "--check", "test ! -e red", "--json"];
    repo.orchestra(words.iter().chain(also))
}

fn id(report: &Value, task: usize) -> String {
    report["tasks"][task]["agent"].as_str().expect("an agent").to_owned()
}

fn verdicts(repo: &TestRepo<'_>, id: &str) -> Vec<String> {
    let facts = repo.events(id).into_iter().filter(|fact| fact["t"] == "verdict");
    facts.map(|fact| fact["verdict"].as_str().expect("a word").to_owned()).collect()
}

fn reviewers(repo: &TestRepo<'_>) -> usize {
    repo.agents().iter().filter(|agent| !agent["reviews"].is_null()).count()
}

#[test]
fn work_lands_once_a_reviewer_approves_it() {
    let world = world();
    let repo = world.repo();
    with_programs(&repo);
    let plan = "- [ ] `one` one.txt bad\n- [ ] `two` two.txt good\n";
    let ran = run(&repo, plan, &[]).succeeded();
    let report = ran.json();
    assert_eq!(outcomes(&report), "landed, landed", "{report}");
    let (one, two) = (id(&report, 0), id(&report, 1));
    assert_eq!(
        (verdicts(&repo, &one), verdicts(&repo, &two)),
        (vec!["changes".to_owned(), "approve".to_owned()], vec!["approve".to_owned()])
    );
    assert_eq!((repo.agent(&one)["attempt"].clone(), reviewers(&repo)), (2.into(), 3));
    assert_eq!(repo.file_at("main", "one.txt"), "good\n");
    assert!(ran.stderr().contains("one in review: review-"), "{}", ran.stderr());
    // Reviewers have the tag of the run, so that it is stopped as a whole.
    let tag = format!("run/{}", report["run"].as_str().expect("an id"));
    let tagged = |agent: &Value| agent["tags"].to_string().contains(&format!("\"{tag}\""));
    assert!(repo.agents().iter().all(tagged));
}

#[test]
fn what_is_not_approved_waits_at_a_gate() {
    let world = world();
    let repo = world.repo();
    with_programs(&repo);
    repo.git(["config", "orchestra.review.rounds", "1"]);
    let plan =
        "- [ ] `one` one.txt bad\n      agent: stubborn\n- [ ] `two` two.txt evil\n- [ ] `odd` odd.txt odd\n";
    let report = run(&repo, plan, &[]).exits(3).json();
    assert_eq!(outcomes(&report).matches("gate").count(), 3, "{report}");
    let gate = |report: &Value, task: &str| {
        let gates = report["gates"].as_array().cloned().unwrap_or_default();
        gates.into_iter().find(|gate| gate["task"] == task).expect("a gate")
    };
    let (one, two, odd) = (gate(&report, "one"), gate(&report, "two"), gate(&report, "odd"));
    assert_eq!(one["kind"], "review");
    assert_eq!(one["options"], serde_json::json!(["accept", "agent", "retry", "skip", "stop"]));
    assert_eq!(one["says"], "its reviewer still asks for changes after 1 round: write good");
    assert_eq!(two["says"], "rejected in review: write good");
    assert!(odd["says"].as_str().is_some_and(|says| says.contains("gave no valid answer")), "{odd}");
    assert!(!repo.has("main", "two.txt"));
    let answer = |gate: &Value, words: &[&str]| {
        let number = gate["gate"].to_string();
        repo.orchestra(["decide", &number].iter().chain(words)).succeeded();
    };
    // The agent gets the remarks once more, and a person's answer allows as many rounds again.
    answer(&one, &["agent", "-m", "please"]);
    answer(&two, &["accept"]);
    answer(&odd, &["retry"]);
    let again = repo.orchestra(["run", "--continue", "--json"]).exits(3).json();
    assert_eq!(again["tasks"][1]["outcome"], "landed", "{again}");
    assert_eq!(repo.agent(&id(&again, 0))["attempt"], 4);
    assert_eq!(again["tasks"][2]["gate"], gate(&again, "odd")["gate"]);
    // A verdict that a person gives by hand counts, and closes the gate.
    repo.orchestra(["review", &id(&again, 2), "--approve"]).succeeded();
    answer(&gate(&again, "one"), &["skip"]);
    let ended = repo.orchestra(["run", "--continue", "--json"]).exits(1).json();
    assert_eq!(outcomes(&ended), "skipped, landed, landed", "{ended}");
}

#[test]
fn without_a_person_what_is_not_approved_fails() {
    let world = world();
    let repo = world.repo();
    with_programs(&repo);
    let plan = "---\norchestra-plan: 1\nreview: judge\n---\n- [ ] `two` two.txt evil\n- [ ] `none` touch red\n      agent: sh\n";
    repo.write("plan.md", plan);
    let words = ["run", "plan.md", "--agent", "writer", "--check", "test ! -e red", "--yolo", "--json"];
    let report = repo.orchestra(words).exits(1).json();
    assert_eq!(outcomes(&report), "failed, failed", "the plan asks for a review: {report}");
    assert_eq!(report["tasks"][0]["reason"], "rejected in review: write good");
    assert_eq!(report["tasks"][1]["reason"], "the test fails on its branch: exit code 1");
    assert_eq!(reviewers(&repo), 1, "nothing is reviewed that fails the check");
    // A program that would run the work as a script reviews nothing.
    repo.write("plan.md", "- [ ] `x` x.txt good\n");
    let ran =
        repo.orchestra(["run", "plan.md", "--agent", "sh", "--with-review", "--check", "true"]).exits(3);
    ran.stderr_has("it would run it as a script").stderr_has("--with-review=AGENT");
    repo.orchestra(["run", "plan.md", "--with-review=nobody", "--check", "true"]).exits(3);
}

#[test]
fn commits_that_nobody_reviewed_do_not_land() {
    let world = world();
    let repo = world.repo();
    with_programs(&repo);
    let report = run(&repo, "- [ ] `two` two.txt evil\n", &[]).exits(3).json();
    let id = id(&report, 0);
    let worktree = repo.worktree(&id);
    std::fs::write(worktree.join("two.txt"), "good\n").expect("written");
    repo.git(["-C", &worktree.to_string_lossy(), "commit", "-qam", "by hand"]);
    repo.orchestra(["review", &id, "--approve"]);
    repo.orchestra(["collect", &id]).succeeded();
    let ended = repo.orchestra(["run", "--continue", "--json"]).succeeded().json();
    assert_eq!((outcomes(&ended).as_str(), repo.file_at("main", "two.txt").as_str()), ("landed", "good\n"));
    assert_eq!(verdicts(&repo, &id).last().map(String::as_str), Some("approve"));
}

#[test]
fn a_run_that_is_killed_reviews_everything_once() {
    let Some(injector) = injector() else { return };
    let mut kills = 0;
    for at in 1..=9 {
        let world = world();
        let repo = world.repo();
        with_programs(&repo);
        repo.write("plan.md", "- [ ] `one` one.txt bad\n");
        let mut command = repo.command(world.bins().join("git-orchestra-run"));
        command.args(["plan.md", "--agent", "writer", "--with-review=judge", "--check", "true"]);
        let aim = Aim { step: Some("rename refs/orchestra/agents/"), ..Aim::at("git-orchestra-run") };
        let hit = injector.kill(&world, &mut command, aim, at);
        kills += u32::from(hit.is_some());
        if hit.is_some() {
            let report = repo.orchestra(["run", "--continue", "--json"]).succeeded().json();
            assert_eq!(outcomes(&report), "landed", "killed at {hit:?}: {report}");
        }
        let tasks: Vec<Value> =
            repo.agents().into_iter().filter(|agent| agent["reviews"].is_null()).collect();
        assert_eq!((tasks.len(), reviewers(&repo)), (1, 2), "killed at {hit:?}: {:?}", repo.agents());
        let id = tasks[0]["id"].as_str().expect("an id");
        assert_eq!(verdicts(&repo, id), ["changes", "approve"], "killed at {hit:?}");
        assert_eq!(tasks[0]["attempt"], 2, "killed at {hit:?}");
    }
    assert!(kills >= 4, "only {kills} kills");
}
