//! `worktrees`: where the agents' files are.

use crate::world;

#[test]
fn lie_beside_the_repository_and_are_listed() {
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
    // Cleaning the checkout does not reach them.
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
fn of_a_bare_repository_and_of_a_submodule_lie_outside_of_it() {
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
