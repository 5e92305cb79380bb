//! What people do with pull requests on the forge is seen, recorded, and known without a network afterwards.

use serde_json::json;
use testkit::{ForgeFlavor, TestRepo, World};

use crate::{pr::on_forge, world};

fn published(repo: &TestRepo<'_>, script: &str) -> String {
    let id = repo.spawn(script);
    repo.end_of(&id);
    repo.orchestra(["pr", &id]).succeeded();
    id
}

/// Clones the forge's repository as somebody else, at a branch.
fn other_clone<'a>(world: &'a World, name: &str, branch: &str) -> TestRepo<'a> {
    world.git(world.dir(), ["clone", "-q", "-b", branch, "forge.git", name]);
    TestRepo::new(world, world.dir().join(name)).with_identity()
}

#[test]
fn merged_closed_and_moved_ones_are_seen_and_cleanup_removes_what_was_merged() {
    for flavor in [ForgeFlavor::GitHub, ForgeFlavor::Bitbucket] {
        let world = world();
        let (repo, forge) = on_forge(&world, flavor);
        // Two commits that become one with another text, among changes of others: no patch is the same.
        let squashed =
            published(&repo, "echo 1 > a; git add a; git commit -qm one; echo 2 > a; git commit -qam two");
        let more = published(&repo, "echo 1 > b");
        let closed = published(&repo, "echo 1 > c");
        let moved = published(&repo, "echo 1 > d");
        let branch = |id: &str| repo.agent(id)["branch"].as_str().expect("a branch").to_owned();
        let head = |id: &str| repo.agent(id)["head"].as_str().expect("a head").to_owned();
        let (one, two) = (head(&squashed), head(&more));
        forge.change(|pulls| {
            for (pull, state) in pulls.iter_mut().zip(["merged", "merged", "closed", "open"]) {
                pull.state = state.into();
                pull.last_head = match pull.number {
                    1 => one.clone(),
                    2 => two.clone(),
                    _ => pull.last_head.clone(),
                };
            }
        });
        let other = other_clone(&world, "other", &branch(&moved));
        other.commit("theirs", &[("e.txt", "3\n")]);
        other.git(["push", "-q", "origin", &branch(&moved)]).succeeded();
        // Work that came after the merge, and was never pushed.
        repo.orchestra(["resume", &more, "-m", "echo 2 > later"]).succeeded();
        repo.end_of(&more);
        let unseen = repo.orchestra(["cleanup", "--json", &squashed]).json();
        assert_eq!(unseen["agents"][0]["outcome"], "kept", "{unseen}");

        let listed = repo.orchestra(["pr", "--json"]).succeeded().json();
        let row = |id: &str| {
            let rows = listed["pull_requests"].as_array().expect("rows");
            let row = rows.iter().find(|row| row["agent"] == id).expect("a row");
            (row["pull_request"]["state"].clone(), row["head_moved"].clone())
        };
        assert_eq!(row(&squashed), (json!("merged"), json!(false)), "{flavor:?} {listed}");
        assert_eq!(row(&more).0, "merged");
        assert_eq!(row(&closed).0, "closed");
        assert_eq!(row(&moved), (json!("open"), json!(true)));
        repo.orchestra(["pr"]).succeeded().stdout_has("pushed to");

        // From here on without the forge.
        drop(forge);
        assert_eq!(repo.agent(&squashed)["pull_request"]["merged_head"], json!(one));
        repo.orchestra(["status", &squashed]).succeeded().stdout_has("1 merged, into main: http");
        repo.orchestra(["collect", &closed]).succeeded().stdout_has("3 closed, into main: http");
        let kept = repo.orchestra(["cleanup", "--json"]).json();
        let outcome = |id: &str| {
            let all = kept["agents"].as_array().expect("agents");
            all.iter().find(|one| one["id"] == id).expect("it")["outcome"].clone()
        };
        assert_eq!(outcome(&squashed), "removed", "{flavor:?} {kept}");
        assert!(kept.to_string().contains("pull request 1 of team/app on"), "{kept}");
        for id in [&more, &closed, &moved] {
            assert_eq!(outcome(id), "kept", "{flavor:?} {kept}");
        }
        repo.orchestra(["undo"]).succeeded();
        assert_eq!(head(&squashed), one, "every byte is there again");
    }
}
