//! `pr` asks the forge about many pull requests at once, and tells what it says as if it had asked one after another.

use serde_json::{Value, json};
use testkit::{FakeForge, ForgeFlavor, TestRepo, Trouble, World};

use crate::{
    pr::{FLAVORS, done, on_forge},
    world,
};

/// How many requests are sent at once.
const AT_ONCE: usize = 6;
/// How many pull requests there are: more than are asked about at once.
const OPEN: usize = 8;

/// Opens pull requests of branches with a commit each, and returns the commits.
fn many(repo: &TestRepo<'_>, forge: &FakeForge) -> Vec<String> {
    let tree = repo.git(["rev-parse", "main^{tree}"]).line();
    let commit =
        |number: usize| repo.git(["commit-tree", &tree, "-p", "main", "-m", &format!("{number}")]).line();
    let commits: Vec<String> = (1..=OPEN).map(commit).collect();
    let to = |(at, commit): (usize, &String)| format!("{commit}:refs/heads/b{}", at + 1);
    let pushed: Vec<String> = commits.iter().enumerate().map(to).collect();
    let words = ["push", "-q", "origin"].into_iter().chain(pushed.iter().map(String::as_str));
    repo.git(words).succeeded();
    for number in 1..=OPEN {
        forge.open_pull("team/app", &format!("b{number}"), &format!("Title {number}"), "tess");
    }
    commits
}

fn rows(repo: &TestRepo<'_>) -> Vec<Value> {
    let listed = repo.orchestra(["pr", "--json"]).succeeded().json();
    listed["pull_requests"].as_array().expect("rows").clone()
}

/// Returns the first request for what the checks say.
const fn checks_of(flavor: ForgeFlavor) -> &'static str {
    match flavor {
        ForgeFlavor::GitHub => "GET /check-runs",
        ForgeFlavor::GitLab => "GET /pipelines",
        ForgeFlavor::Gitea => "GET /status",
        ForgeFlavor::Bitbucket => "GET /statuses",
    }
}

#[test]
fn what_is_said_of_pull_requests_is_asked_at_once_and_told_in_their_order() {
    for flavor in FLAVORS {
        let world = world();
        let (repo, forge) = on_forge(&world, flavor);
        let commits = many(&repo, &forge);
        for commit in commits.iter().step_by(3) {
            forge.fail_checks(commit);
            // Bitbucket shortens ids.
            forge.fail_checks(&commit[..12]);
        }
        forge.gather(checks_of(flavor), AT_ONCE);
        let rows = rows(&repo);
        assert_eq!(forge.gathered(), AT_ONCE, "{flavor:?}: {:?}", forge.requests());
        let said: Vec<(Value, Value, Value)> = rows
            .iter()
            .map(|row| (row["pull_request"]["number"].clone(), row["checks"].clone(), row["review"].clone()))
            .collect();
        let expected = |number: usize| {
            let checks = if (number - 1).is_multiple_of(3) { "failed" } else { "passed" };
            (json!(number), json!(checks), json!("waiting"))
        };
        assert_eq!(said, (1..=OPEN).rev().map(expected).collect::<Vec<_>>(), "{flavor:?}");
        assert_eq!(forge.faults(), Vec::<String>::new(), "by the official description");
    }
}

#[test]
fn a_failure_of_one_is_told_as_if_it_were_alone() {
    let world = world();
    let (repo, forge) = on_forge(&world, ForgeFlavor::GitHub);
    many(&repo, &forge);
    let asked = |text: &str| forge.requests().iter().filter(|one| one.contains(text)).count();
    let refused = |row: &&Value| row["checks"].is_null();
    // A forge that refuses just this tells all the rest.
    forge.gather("GET /check-runs", AT_ONCE);
    forge.next("GET /check-runs", Trouble::Answers(422, vec![], "{}".into()));
    let all = rows(&repo);
    assert_eq!((all.len(), all.iter().filter(refused).count()), (OPEN, 1), "{all:?}");
    assert_eq!((forge.gathered(), asked("/check-runs")), (AT_ONCE, OPEN), "{:?}", forge.requests());
    // After a limit no more is asked than what was on its way. All wait for each other before the first is answered.
    let limit = || {
        let headers = vec![("retry-after".into(), "3600".into())];
        Trouble::Answers(429, headers, r#"{"message":"slow down"}"#.into())
    };
    forge.gather("GET /check-runs", AT_ONCE);
    for _ in 0..AT_ONCE {
        forge.next("GET /check-runs", limit());
    }
    let all = rows(&repo);
    assert_eq!((all.len(), all.iter().filter(refused).count()), (OPEN, OPEN), "{all:?}");
    assert_eq!((forge.gathered(), asked("/check-runs")), (AT_ONCE, OPEN + AT_ONCE), "{:?}", forge.requests());
}

/// Publishes the work of two agents, and closes both pull requests on the page of the forge.
fn two_closed(world: &World) -> (TestRepo<'_>, FakeForge, [String; 2]) {
    let (repo, forge) = on_forge(world, ForgeFlavor::GitHub);
    let ids = [done(&repo, "echo 1 > a"), done(&repo, "echo 2 > b")];
    repo.orchestra(["pr", &ids[0], &ids[1]]).succeeded();
    forge.change(|pulls| pulls.iter_mut().for_each(|pull| pull.state = "closed".into()));
    (repo, forge, ids)
}

#[test]
fn those_that_ended_are_read_at_once_and_what_was_read_is_recorded() {
    let world = world();
    let (repo, forge, ids) = two_closed(&world);
    let state = |id: &String| repo.agent(id)["pull_request"]["state"].clone();
    forge.gather("GET /pulls/", 2);
    forge.next("GET /pulls/1", Trouble::Answers(403, vec![], "{}".into()));
    repo.orchestra(["pr"]).exits(3);
    assert_eq!(forge.gathered(), 2, "{:?}", forge.requests());
    assert_eq!(ids.each_ref().map(state), [json!("open"), json!("closed")]);
    let all = rows(&repo);
    assert_eq!(all.iter().filter(|row| row["pull_request"]["state"] == "closed").count(), 1, "{all:?}");
    assert_eq!(ids.each_ref().map(state), [json!("closed"), json!("closed")]);
}
