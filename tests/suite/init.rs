//! `init`: optional, idempotent, and undone without a trace.

use std::fs;

use crate::{
    sync::{first, shared_of_hub},
    world,
};

#[test]
fn init_is_idempotent_and_can_be_undone() {
    let world = world();
    let repo = first(&world);
    let (config, checkout) = (repo.git(["config", "--list", "--local"]).stdout(), repo.checkout());
    let said = repo.orchestra(["init", "--label", "laptop", "--track"]).succeeded().stdout();
    assert!(said.contains("other clones call this one laptop") && said.contains("every git fetch of origin"));
    assert_eq!(repo.git(["config", "notes.displayRef"]).line(), "refs/orchestra/notes/*");
    let once = repo.git(["config", "--list", "--local"]).stdout();
    repo.orchestra(["init", "--label", "laptop", "--track"]).succeeded().stderr_has("nothing changed");
    assert_eq!(repo.git(["config", "--list", "--local"]).stdout(), once);
    repo.git(["fetch", "-q"]).succeeded();
    assert!(repo.refs("refs/orchestra/").is_empty());
    repo.orchestra(["init", "--undo"]).succeeded();
    assert_eq!(repo.git(["config", "--list", "--local"]).stdout(), config);
    let tracked = |all: Vec<(std::path::PathBuf, Vec<u8>)>| -> Vec<_> {
        all.into_iter().filter(|(path, _)| !path.ends_with("config")).collect()
    };
    assert_eq!(tracked(repo.checkout()), tracked(checkout));
    repo.orchestra(["init", "--label", "a\u{1b}b"]).exits(2).stderr_has("a label is one line");
}

#[test]
fn a_probe_reports_whether_the_remote_accepts_agents() {
    let world = world();
    let repo = first(&world);
    let said = repo.orchestra(["init", "--probe"]).succeeded().stdout();
    assert!(said.ends_with("origin accepts agents\n"), "{said}");
    assert!(shared_of_hub(&world).is_empty());
    let hub = world.dir().join("hub.git");
    world.git(&hub, ["config", "receive.hideRefs", "refs/orchestra"]);
    let ran = repo.orchestra(["init", "--probe"]).exits(1).stderr_has("git config orchestra.remote URL");
    assert!(ran.stdout().contains("origin does not accept agents: "), "{}", ran.stdout());
    fs::remove_dir_all(&hub).expect("removed");
    repo.orchestra(["init", "--probe"]).exits(5).stderr_has("cannot push to 'origin'");
}
