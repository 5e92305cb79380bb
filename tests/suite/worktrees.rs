//! `worktrees`: the paths and states of the agents' worktrees.

use crate::world;

#[test]
fn worktrees_are_next_to_the_repository_and_listed() {
    let world = world();
    let repo = world.repo();
    repo.orchestra(["spawn", "--agent", "sh", "echo 1 > a"]).succeeded();
    let id = repo.agents().remove(0)["id"].as_str().expect("an id").to_owned();
    let path = repo.worktree(&id);
    assert_eq!(path, repo.path().with_file_name("repo.worktrees").join(&id));
    let report = repo.orchestra(["worktrees", "--size", "--json"]).succeeded().json();
    let entry = &report["worktrees"][0];
    assert_eq!((entry["path"].as_str(), entry["id"].as_str()), (path.to_str(), Some(id.as_str())));
    assert!(entry["size"].as_u64().is_some_and(|size| size > 0));
    // `git clean` does not reach them.
    repo.git(["clean", "-ffdxq"]);
    assert_eq!(std::fs::read_to_string(path.join("a")).expect("a file"), "1\n");
    assert_eq!(world.git(&path, ["status", "--porcelain"]).stdout(), "", "the index followed the work");
}

#[test]
fn the_folder_can_be_chosen() {
    let world = world();
    let repo = world.repo();
    repo.git(["config", "orchestra.worktrees", "../elsewhere"]);
    repo.orchestra(["spawn", "--agent", "sh", "true"]).succeeded();
    let id = repo.agents().remove(0)["id"].as_str().expect("an id").to_owned();
    assert_eq!(repo.worktree(&id), world.dir().canonicalize().expect("a folder").join("elsewhere").join(&id));
}

#[test]
fn worktrees_of_bare_repositories_and_submodules_are_outside() {
    let world = world();
    let origin = world.repo();
    world.git(world.dir(), ["clone", "-q", "--bare", "repo", "bare.git"]);
    let bare = testkit::TestRepo::new(&world, world.dir().join("bare.git"));
    bare.orchestra(["spawn", "--agent", "sh", "echo 1 > a"]).succeeded();
    assert!(world.dir().join("bare.worktrees").is_dir());

    let outer = world.repo_named("outer");
    let url = origin.path().to_string_lossy().into_owned();
    outer.git(["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &url, "inner"]);
    outer.git(["commit", "-qm", "with a submodule"]);
    let inner = testkit::TestRepo::new(&world, outer.path().join("inner"));
    inner.orchestra(["spawn", "--agent", "sh", "echo 1 > a"]).succeeded();
    let id = inner.agents().remove(0)["id"].as_str().expect("an id").to_owned();
    assert_eq!(inner.file_in_head(&id, "a"), "1\n");
    assert_eq!(inner.worktree(&id), outer.path().with_file_name("outer.worktrees").join("inner").join(&id));
    assert_eq!(outer.git(["status", "--porcelain"]).stdout(), "");
}

#[test]
fn missing_and_moved_worktrees_are_shown_as_such() {
    let world = world();
    let repo = world.repo();
    let [gone, moved, whole] =
        ["echo 1 > a", "echo 2 > b", "echo 3 > c; git init -q inner; echo 4 > inner/d"].map(|task| {
            let id = repo.spawn(task);
            repo.end_of(&id);
            id
        });
    let path = repo.worktree(&gone);
    std::fs::remove_dir_all(&path).expect("removed");
    let elsewhere = world.dir().join("elsewhere");
    let (from, to) = (repo.worktree(&moved), elsewhere.to_string_lossy().into_owned());
    repo.git(["worktree", "move", &from.to_string_lossy(), &to]).succeeded();
    let listed = repo.orchestra(["worktrees"]).succeeded().stdout();
    let line = |id: &str| listed.lines().find(|line| line.starts_with(id)).expect("a line").to_owned();
    assert!(line(&gone).contains(" missing "), "{listed}");
    assert!(line(&moved).contains(" moved ") && line(&moved).contains(&to), "{listed}");
    assert!(line(&whole).contains(" 1 left out "), "{listed}");
    for (id, state) in [(&gone, "missing"), (&moved, "moved"), (&whole, "here")] {
        assert_eq!(repo.agent(id)["worktree_state"], state, "{id}");
        let shown = repo.orchestra(["status", id]).succeeded().stdout();
        assert_eq!(shown.contains(&format!("({state})")), state != "here", "{shown}");
    }
    let json = repo.orchestra(["worktrees", "--json"]).json();
    let states =
        json["worktrees"].as_array().expect("worktrees").iter().map(|one| one["worktree_state"].clone());
    assert_eq!(states.filter(|state| *state == "missing").count(), 1);
    // A path that does not exist is not printed, and a missing worktree is not reported as saved.
    repo.orchestra(["worktrees", "--path", &gone])
        .exits(3)
        .stderr_has("is missing")
        .stderr_has("git worktree repair");
    assert_eq!(repo.orchestra(["worktrees", "--path", &moved]).succeeded().line(), to);
    repo.orchestra(["collect", &gone]).succeeded().stdout_has("nothing; its worktree is gone");
    let collected = repo.orchestra(["collect", "--json", &gone]).succeeded().json();
    assert_eq!(collected["agents"][0]["saved"], "worktree_gone");
}
