//! `review`: a verdict applies to one work as long as it does not change, and decides what lands.

use serde_json::Value;
use testkit::TestRepo;

use crate::world;

/// Spawns an agent with this script and waits until it is done.
fn done(repo: &TestRepo<'_>, script: &str) -> String {
    let id = repo.spawn(script);
    repo.end_of(&id);
    id
}

fn known(repo: &TestRepo<'_>, id: &str) -> Value {
    repo.orchestra(["review", id, "--json"]).succeeded().json()["work"]["known"].clone()
}

#[test]
fn waiting_work_is_listed_and_the_details_are_shown() {
    let world = world();
    let repo = world.repo();
    repo.orchestra(["review"]).succeeded().stderr_has("no work waits for a verdict");
    let one = done(&repo, "# The first\necho one >> file.txt; git commit -qam 'Say one'; echo 1 > new.txt");
    let two = done(&repo, "echo two >> file.txt");
    let failed = done(&repo, "echo 3 > x; exit 1");
    let waiting = repo.orchestra(["review", "--json"]).succeeded().json();
    let ids: Vec<&str> = waiting["waiting"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|agent| agent["id"].as_str())
        .collect();
    assert!(ids.len() == 2 && ids.contains(&one.as_str()) && ids.contains(&two.as_str()), "{ids:?} {failed}");
    let shown = repo
        .orchestra(["review", &one])
        .succeeded()
        .stderr_has(&format!("git orchestra review {one} --reject"))
        .stdout();
    for line in ["  # The first\n", " Say one\n", "  +1 -0 file.txt\n", "  +1 -0 new.txt\n"] {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
    assert!(shown.contains(&format!("  conflicts with {two} in 1 file\n")), "{shown}");
    let work = repo.orchestra(["review", &one, "--json"]).succeeded().json()["work"].clone();
    assert_eq!((&work["target"], &work["known"]), (&"main".into(), &Value::Null));
    assert_eq!(work["conflicts_with"][0]["branch"], two.as_str());
    assert_eq!(work["files"][0]["path"], "file.txt");
}

/// Returns what the work of an agent conflicts with, by its review and by the plan of a landing of all work.
fn conflicts(repo: &TestRepo<'_>, id: &str) -> (Value, Value) {
    let names = |conflicts: &Value| -> Value {
        let all = conflicts.as_array().expect("a list").iter();
        all.map(|one| serde_json::json!([one["branch"], one["files"], one["hunks"], one["kinds"]])).collect()
    };
    let work = repo.orchestra(["review", id, "--json"]).succeeded().json()["work"].clone();
    let plan = repo.orchestra(["merge-ranked", "--dry-run", "--json"]).json();
    let steps = plan["order"].as_array().expect("an order");
    let step = steps.iter().find(|step| step["branch"] == id).cloned().unwrap_or_default();
    let planned =
        if step["conflicts"].is_array() { names(&step["conflicts"]) } else { Value::Array(Vec::new()) };
    (names(&work["conflicts_with"]), planned)
}

#[test]
fn work_is_compared_with_the_target_and_with_finished_work_that_has_not_landed() {
    let world = world();
    let repo = world.repo();
    let [one, two, three] =
        ["one", "two", "three"].map(|text| done(&repo, &format!("echo {text} >> file.txt")));
    let apart = done(&repo, "echo 1 > apart.txt");
    let unfinished = done(&repo, "echo 4 >> file.txt; exit 1");
    let named = |found: &Value| -> Vec<String> {
        let all = found.as_array().expect("a list").iter();
        all.filter_map(|one| one[0].as_str().map(str::to_owned)).collect()
    };
    for (id, mut expected) in [
        (&one, vec![&two, &three]),
        (&two, vec![&one, &three]),
        (&apart, vec![]),
        (&unfinished, vec![&one, &two, &three]),
    ] {
        expected.sort();
        let (reviewed, planned) = conflicts(&repo, id);
        assert_eq!(named(&reviewed).iter().collect::<Vec<_>>(), expected, "{id}");
        assert!(*id == unfinished || reviewed == planned, "{reviewed} {planned}");
    }
    let before = repo.tip("main");
    repo.orchestra(["merge-ranked", "--strategy", "squash", &two]).succeeded();
    let (reviewed, planned) = conflicts(&repo, &one);
    assert_eq!(named(&reviewed), ["main", three.as_str()], "the landed work counts as the target");
    assert_eq!(reviewed, planned);
    assert!(named(&conflicts(&repo, &two).0).is_empty(), "it has landed");
    repo.git(["reset", "-q", "--hard", &before]);
    let (reviewed, planned) = conflicts(&repo, &one);
    assert_eq!(reviewed, planned);
    assert!(named(&reviewed).contains(&two), "its landing was removed: {reviewed}");
}

#[test]
fn a_verdict_is_an_event_and_a_note_and_decides_what_lands() {
    let world = world();
    let repo = world.repo();
    let good = done(&repo, "echo 1 > good.txt; echo 1 > big.txt; seq 50 >> big.txt");
    let bad = done(&repo, "echo 1 > bad.txt");
    let small = done(&repo, "echo 1 > small.txt");
    let ran = repo.orchestra(["review", &good, "--approve", "-m", "well done"]).succeeded();
    assert_eq!(ran.stdout(), format!("{good} approved\n"));
    repo.orchestra(["review", &bad, "--reject"]).exits(1);
    assert_eq!(
        (repo.trailer(&good, "Verdict").as_str(), repo.trailer(&bad, "Verdict").as_str()),
        ("approve", "reject")
    );
    let head = repo.tip(&format!("refs/orchestra/heads/{good}"));
    assert_eq!(repo.trailer(&good, "Verdict-Head"), head);
    assert!(repo.orchestra(["status", "--all"]).stdout().contains("approved; "));
    assert_eq!(repo.agent(&good)["verdict_current"], true);
    let fact = repo.events(&good).pop().expect("a fact");
    assert_eq!((&fact["t"], &fact["text"]), (&"verdict".into(), &"well done".into()));
    // For programs there is a note with the commit. Plain git log shows people a sentence, if they asked for it.
    let noted = |options: &[&str]| {
        repo.git([options, &["log", "-1", "--format=%N", head.as_str()]].concat()).stdout().trim().to_owned()
    };
    assert_eq!(noted(&[]), "");
    let note: Value =
        serde_json::from_str(&noted(&["-c", "notes.displayRef=refs/orchestra/notes/*"])).expect("a note");
    repo.orchestra(["init", "--notes"]).succeeded().stdout_has("git log shows reviews, landings and results");
    assert_eq!(noted(&[]), format!("Review of agent {good}: approved by Tess Test: well done"));
    assert_eq!(
        (&note["verdict"], &note["head"], &note["agent"]),
        (&"approve".into(), &head.into(), &good.clone().into())
    );
    let report = repo.orchestra(["merge-ranked", "--json"]).exits(1).json();
    let told: Vec<(&str, &str)> = report["order"]
        .as_array()
        .expect("an order")
        .iter()
        .map(|step| (step["branch"].as_str().unwrap_or("-"), step["outcome"].as_str().unwrap_or("-")))
        .collect();
    assert_eq!(told, [(good.as_str(), "merged"), (small.as_str(), "merged"), (bad.as_str(), "set_aside")]);
    assert_eq!(report["order"][2]["why"], "rejected in review");
    assert!(!repo.has("main", "bad.txt"));
}

#[test]
fn a_verdict_follows_the_same_patch_and_is_stale_for_another() {
    let world = world();
    let repo = world.repo();
    repo.commit("more", &[("other.txt", "1\n")]);
    let id = done(&repo, "echo two >> file.txt");
    repo.orchestra(["review", &id, "--approve"]).succeeded();
    assert_eq!(
        (&known(&repo, &id)["verdict"], &known(&repo, &id)["holds"]),
        (&"approve".into(), &"current".into())
    );
    // The agent continues: first with the same patch in another commit, then with another patch.
    let again = |script: &str| {
        repo.orchestra(["resume", &id, "-m", script]).succeeded();
        repo.end_of(&id);
    };
    again("git commit -q --amend -m 'said otherwise'");
    assert_eq!(known(&repo, &id)["holds"], "carried");
    let report = repo.orchestra(["merge-ranked", "-n", "--json"]).succeeded().json();
    assert!(
        report["order"][0]["reason"].as_str().is_some_and(|why| why.starts_with("approved; ")),
        "{report}"
    );
    again("echo three >> file.txt");
    assert_eq!(known(&repo, &id)["holds"], "stale");
    let report = repo.orchestra(["merge-ranked", "-n", "--json"]).succeeded().json();
    assert!(!report["order"][0]["reason"].as_str().is_some_and(|why| why.contains("approved")), "{report}");
    let shown = repo.orchestra(["review", &id]).succeeded().stdout();
    let new = repo.orchestra(["diff", &id, "--since-review"]).succeeded().stdout();
    assert!(new.contains("+three\n") && !new.contains("+two\n"), "{new}");
    assert!(shown.contains("stale, the work changed: git orchestra diff "), "{shown}");
}

#[test]
fn requested_changes_are_sent_to_the_agents_session() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = repo.spawn_claude(&[], "write a.txt 1");
    let before = repo.end_of(&id);
    let ran = repo
        .orchestra(["review", &id, "--changes", "-m", "write b.txt 2", "-C", "a.txt:1", "why 1?"])
        .succeeded();
    assert_eq!(ran.stdout(), format!("{id} changes requested; sent to the agent, which is working on it\n"));
    let after = repo.end_of(&id);
    assert_eq!((&after["attempt"], &after["session"]), (&2.into(), &before["session"]));
    assert_eq!(repo.file_in_head(&id, "b.txt"), "2\n");
    let said = repo.events(&id).into_iter().find(|fact| fact["t"] == "send").expect("a message");
    let text = said["text"].as_str().expect("a text");
    assert!(text.contains("changes are requested") && text.contains("a.txt:1: why 1?"), "{text}");
    assert_eq!(known(&repo, &id)["holds"], "stale", "the new work needs a new verdict");
    repo.orchestra(["review", &id, "--changes", "-m", "more", "--keep"]).succeeded();
    assert_eq!(repo.agent(&id)["attempt"], 2);
    let report = repo.orchestra(["merge-ranked", "--json"]).exits(1).json();
    assert_eq!(report["order"][0]["why"], "changes requested in review");
}

#[test]
fn comments_are_written_into_the_diff() {
    let world = world();
    let repo = world.repo();
    let id = done(&repo, "seq 3 > a.txt");
    repo.git(["config", "core.editor", "sed -i '/^+2/a > why two?'"]);
    repo.orchestra(["review", &id, "--changes", "--edit", "--keep"]).succeeded();
    let fact = repo.events(&id).pop().expect("a fact");
    assert_eq!(fact["comments"], serde_json::json!([{"file": "a.txt", "line": 2, "text": "why two?"}]));
    repo.git(["config", "core.editor", "false"]);
    repo.orchestra(["review", &id, "--changes", "--edit"]).exits(5).stderr_has("no verdict recorded");
    repo.git(["config", "core.editor", "true"]);
    repo.orchestra(["review", &id, "--changes", "--edit"]).exits(2).stderr_has("not described");
}

#[test]
fn several_reviewers_and_a_late_verdict() {
    let world = world();
    let repo = world.repo();
    let id = done(&repo, "echo 1 > a.txt");
    let head = repo.tip(&format!("refs/orchestra/heads/{id}"));
    let by = |name: &str, verdict: &str| {
        repo.git(["config", "user.name", name]);
        repo.orchestra(
            ["review", &id, verdict, "--head", &head, "--keep", "-m", "so"]
                .iter()
                .filter(|word| **word != "--keep"),
        )
    };
    by("Ann", "--reject").exits(1);
    by("Bob", "--approve").succeeded();
    assert_eq!(known(&repo, &id)["verdict"], "reject", "one who rejects is not outvoted");
    by("Ann", "--approve").succeeded();
    assert_eq!(known(&repo, &id)["verdict"], "approve");
    let notes = repo
        .git(["-c", "notes.displayRef=refs/orchestra/notes/*", "log", "-1", "--format=%N", &head])
        .stdout();
    assert_eq!(notes.lines().filter(|line| line.starts_with('{')).count(), 3);
    repo.orchestra(["resume", &id, "-m", "echo 2 > a.txt"]).succeeded();
    repo.end_of(&id);
    by("Bob", "--reject").exits(4).stderr_has("has changed since you looked at it");
}

#[test]
fn another_agent_reviews_and_we_run_the_test() {
    let world = world();
    let repo = world.repo();
    let id = done(&repo, "seq 3 > a.txt");
    repo.git(["config", "orchestra.agent.judge.reads", "prose"]);
    let judge = |answer: &str, test: &str| {
        repo.git([
            "config",
            "orchestra.agent.judge.command",
            &format!("cat {{prompt_file}} > ../asked; echo x > scrap.txt; cat a.txt; echo '{answer}'"),
        ]);
        repo.orchestra(["review", &id, "--by", "judge", "--test", test])
    };
    judge("fine", "true").exits(5).stderr_has("gave no valid answer; no verdict was recorded");
    assert!(repo.events(&id).iter().all(|fact| fact["t"] != "verdict"));
    // Whatever it reports about tests: ours failed.
    judge(r#"{"verdict":"approve"}"#, "echo broken; exit 3").succeeded();
    let fact = repo.events(&id).pop().expect("a fact");
    assert_eq!(
        (&fact["verdict"], &fact["text"]),
        (&"changes".into(), &"The test does not pass: exit code 3.".into())
    );
    let answer = r#"{"verdict":"changes","summary":"nearly","findings":[{"severity":"high","file":"a.txt","line":2,"text":"why?"},{"file":"gone","line":1,"text":"elsewhere"}]}"#;
    judge(answer, "test -e a.txt").succeeded();
    let fact = repo.events(&id).pop().expect("a fact");
    assert_eq!(fact["comments"], serde_json::json!([{"file": "a.txt", "line": 2, "text": "high: why?"}]));
    assert_eq!(
        (&fact["text"], &fact["check"]),
        (&"nearly\nelsewhere".into(), &"test -e a.txt: passed".into())
    );
    assert_eq!(fact["by"], "agent judge");
    assert!(fact["reviewer"].as_str().is_some_and(|id| id.starts_with("review-")), "{fact}");
    assert_eq!(repo.agent(&id)["attempt"], 1, "the agent has not got the changes yet");
    let asked = std::fs::read_to_string(repo.path().with_file_name("repo.worktrees").join("asked"))
        .expect("it was asked");
    assert!(
        asked.contains("seq 3 > a.txt") && asked.contains("The result of the test 'test -e a.txt': passed"),
        "{asked}"
    );
    judge(r#"{"verdict":"approve"}"#, "true").succeeded();
    assert_eq!(known(&repo, &id)["verdict"], "approve", "of one kind of reviewer the last verdict counts");
    repo.orchestra(["review", &id, "--by", "judge"])
        .exits(2)
        .stderr_has("an agent can only approve work that passed a test");
    assert_eq!(repo.git(["worktree", "list"]).stdout().matches("repo.worktrees/landing").count(), 0);
    // Reviewers' worktrees need no verdict, and do not land.
    let report = repo.orchestra(["merge-ranked", "--json"]).succeeded().json();
    assert_eq!(
        (report["order"].as_array().map(Vec::len), &report["order"][0]["agent"]),
        (Some(1), &id.clone().into())
    );
    assert!(!repo.has("main", "scrap.txt"));
    repo.orchestra(["review"]).succeeded().stderr_has("no work waits for a verdict");
}

#[test]
fn a_reviewer_repairs_and_what_it_approves_lands() {
    let world = world();
    let repo = world.repo();
    let judge = |commands: &str, verdict: &str| {
        let command = format!("{commands}; echo '{{\"verdict\":\"{verdict}\",\"summary\":\"looked\"}}'");
        repo.git(["config", "orchestra.agent.judge.command", &command]);
    };
    repo.git(["config", "orchestra.review.test", "grep -q good a.txt"]);
    repo.git(["config", "orchestra.agent.judge.reads", "prose"]);
    let id = done(&repo, "echo bad > a.txt");
    let head = repo.tip(&format!("refs/orchestra/heads/{id}"));
    let review =
        |more: &[&str]| repo.orchestra([&["review", &id, "--by", "judge"] as &[&str], more].concat());

    // Unrequested changes of a reviewer are not part of the work.
    judge("echo good > a.txt", "approve");
    review(&["--automerge"]).succeeded();
    assert_eq!(known(&repo, &id)["verdict"], "changes", "the test fails without the repair");
    assert_eq!(repo.tip(&format!("refs/orchestra/heads/{id}")), head);
    assert!(!repo.has("main", "a.txt"));
    // A repair with which the test fails is discarded.
    judge("echo worse > a.txt", "approve");
    review(&["--fix"]).succeeded();
    assert_eq!(repo.tip(&format!("refs/orchestra/heads/{id}")), head);
    let fact = repo.events(&id).pop().expect("a fact");
    assert!(
        fact["text"]
            .as_str()
            .expect("a text")
            .contains("Its repair was discarded, because the test failed: exit code 1."),
        "{fact}"
    );
    // A repair with which it passes is one more commit, and lands.
    judge("echo good > a.txt", "approve");
    let ran = review(&["--fix", "--automerge"]).succeeded();
    assert!(
        ran.stdout().contains("repaired by the reviewer") && ran.stdout().contains("merged"),
        "{}",
        ran.stdout()
    );
    assert_eq!(repo.tip(&format!("refs/orchestra/heads/{id}~1")), head);
    assert_eq!(repo.tip(&format!("refs/heads/orchestra/{id}~1")), head);
    assert_eq!(std::fs::read_to_string(repo.worktree(&id).join("a.txt")).expect("a file"), "good\n");
    assert_eq!(repo.file_at("main", "a.txt"), "good\n");
    let fact = repo.events(&id).into_iter().rev().find(|fact| fact["t"] == "verdict").expect("a verdict");
    assert_eq!((&fact["verdict"], &fact["check"]), (&"approve".into(), &"grep -q good a.txt: passed".into()));
    assert_eq!(fact["head"], repo.tip(&format!("refs/orchestra/heads/{id}")));
}

#[test]
fn approved_lands_only_work_approved_at_its_present_commit() {
    let world = world();
    let repo = world.repo();
    let (stale, open, approved) =
        (done(&repo, "echo 1 > a.txt"), done(&repo, "echo 1 > b.txt"), done(&repo, "echo 1 > c.txt"));
    for id in [&stale, &approved] {
        repo.orchestra(["review", id, "--approve"]).succeeded();
    }
    repo.orchestra(["resume", &stale, "-m", "echo 2 > a.txt"]).succeeded();
    repo.end_of(&stale);
    let report = repo.orchestra(["merge-ranked", "--approved", "--json"]).exits(1).json();
    let told = |id: &str| {
        let steps = report["order"].as_array().expect("an order");
        let step = steps.iter().find(|step| step["agent"] == id).expect("the agent");
        (step["outcome"].as_str().unwrap_or("-").to_owned(), step["why"].as_str().unwrap_or("-").to_owned())
    };
    assert_eq!(told(&approved).0, "merged");
    assert_eq!(told(&open), ("set_aside".into(), "not approved in review".into()));
    assert_eq!(told(&stale), ("set_aside".into(), "its approval is stale: the branch changed since".into()));
    repo.orchestra(["review", &open, "--approve", "--automerge"]).succeeded().stdout_has("merged");
    repo.orchestra(["review", &stale, "--reject", "--automerge"]).exits(2);
    repo.write("a.txt", "mine\n");
    repo.orchestra(["review", &stale, "--approve", "--automerge"])
        .exits(1)
        .stderr_has("main cannot be moved")
        .stderr_has("a.txt")
        .stderr_has("--continue");
}

#[test]
fn work_that_cannot_be_reviewed() {
    let world = world();
    let repo = world.repo();
    let id = done(&repo, "echo 1 > a.txt");
    let empty = done(&repo, "true");
    let running = repo.spawn("while :; do sleep 0.1; done");
    repo.wait_for(&running, "running");
    let give = |id: &str, more: &[&str]| repo.orchestra([&["review", id], more].concat());
    give("nobody", &["--approve"]).exits(3);
    give(&running, &["--approve"]).exits(3).stderr_has("has not ended: it is running");
    give(&empty, &["--approve"]).exits(3).stderr_has("has no work to review");
    give(&id, &["--changes"]).exits(2).stderr_has("not described");
    give(&id, &["-m", "hm"]).exits(2).stderr_has("needs a verdict");
    give(&id, &["--approve", "--reject"]).exits(2);
    give(&id, &["--changes", "-C", "a.txt:9", "x"]).exits(2).stderr_has("ends at line 1: there is no line 9");
    give(&id, &["--changes", "-C", "b.txt:1", "x"]).exits(2).stderr_has("no file 'b.txt'");
    give(&id, &["--changes", "-C", "b.txt", "x"]).exits(2).stderr_has("is not FILE:LINE");
    assert!(repo.events(&id).iter().all(|fact| fact["t"] != "verdict"), "nothing was partly done");
}
