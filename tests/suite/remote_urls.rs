//! A remote with a new URL may be another repository: what the old one had, lost or accepted does not apply
//! to it.

use testkit::{TestRepo, World};

use crate::{
    sync::{agree, first, shared_of_hub, sync},
    world,
};

/// A second bare repository.
fn other_hub(world: &World) -> std::path::PathBuf {
    let path = world.dir().join("other.git");
    world.git(world.dir(), ["init", "-q", "--bare", &path.to_string_lossy()]);
    path
}

fn one_agent(repo: &TestRepo<'_>) -> String {
    // A dry run does not affect what follows.
    repo.orchestra(["sync", "-n"]).succeeded();
    let id = repo.spawn("echo 1 > one.txt");
    repo.end_of(&id);
    id
}

#[test]
fn an_empty_remote_at_a_new_url_gets_everything() {
    let world = world();
    let repo = first(&world);
    one_agent(&repo);
    sync(&repo);
    let other = other_hub(&world);
    let at = other.to_string_lossy().into_owned();
    repo.git(["remote", "set-url", "origin", &at]);
    agree(&repo, &other, true);
    repo.orchestra(["sync", "-n"]).succeeded().stderr_has("origin is another repository now");
    let ran = repo.orchestra(["sync", "--json"]).succeeded().stderr_has("origin is another repository now");
    let report = ran.json();
    assert_eq!((&report["missing"], &report["relocated"][1]), (&serde_json::json!([]), &at.as_str().into()));
    let there =
        world.git(&other, ["for-each-ref", "--format=%(refname) %(objectname)", "refs/orchestra"]).stdout();
    assert_eq!(there.lines().count(), shared_of_hub(&world).len());
    // Reported once; and at the old URL, nothing was lost either.
    assert!(sync(&repo)["relocated"].is_null());
    repo.git(["remote", "set-url", "origin", &world.dir().join("hub.git").to_string_lossy()]);
    assert_eq!(sync(&repo)["missing"], serde_json::json!([]));
}

#[test]
fn deletions_at_a_remote_are_remembered_when_only_its_url_changes() {
    let world = world();
    let repo = first(&world);
    let (gone, kept) = (one_agent(&repo), one_agent(&repo));
    sync(&repo);
    let hub = world.dir().join("hub.git");
    world.git(&hub, ["update-ref", "-d", &format!("refs/orchestra/agents/{gone}")]);
    let by_another_way = format!("file://{}", hub.display());
    repo.git(["remote", "set-url", "origin", &by_another_way]);
    agree(&repo, by_another_way.as_ref(), true);
    let report = sync(&repo);
    assert_eq!(
        (&report["missing"][0], &report["relocated"]),
        (&format!("agents/{gone}").into(), &serde_json::Value::Null)
    );
    let there = shared_of_hub(&world);
    assert!(there.iter().any(|(name, _)| name.ends_with(&format!("agents/{kept}"))));
    assert!(!there.iter().any(|(name, _)| name.ends_with(&format!("agents/{gone}"))));
    repo.orchestra(["sync"])
        .succeeded()
        .stderr_has("no longer has 1 ref that it had before")
        .stderr_has("nothing received from origin or sent to it");
}

#[test]
fn resuming_in_another_clone_reports_what_the_remote_has() {
    let world = world();
    let repo = first(&world);
    let id = one_agent(&repo);
    sync(&repo);
    let path = world.dir().join("b");
    world.git(
        world.dir(),
        ["clone", "-q", &world.dir().join("hub.git").to_string_lossy(), &path.to_string_lossy()],
    );
    let other = TestRepo::new(&world, path);
    other.orchestra(["sync", "--fetch"]).succeeded();
    let ran = other.orchestra(["resume", "-d", &id, "-m", "true"]).succeeded();
    let said = ran.stderr();
    assert!(
        said.contains(&format!("origin has '{id}' and does not learn")) && !said.contains("no remote"),
        "{said}"
    );
    other.end_of(&id);
}
