//! `tag`: the tags of agents are changed after they were started.

use crate::world;

#[test]
fn tags_are_changed_later_and_travel() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("echo 1 > a.txt");
    repo.end_of(&id);
    let tag = |arguments: &[&str]| repo.orchestra([&["tag"], arguments].concat());
    tag(&[&id, "--add", "web", "--add", "night"]).succeeded().stdout_has(&format!("{id}: night web"));
    tag(&["tag:night", "--remove", "night", "-a", "done"]).succeeded().stdout_has("done web");
    assert_eq!(repo.trailer(&id, "Tags"), "done web");
    let events = repo.events(&id).len();
    tag(&[&id, "--add", "web"]).succeeded().stdout_has("(unchanged)");
    assert_eq!(repo.events(&id).len(), events, "nothing is recorded");
    tag(&[&id]).exits(2).stderr_has("no tag named");
    tag(&[&id, "--add", "x", "--remove", "x"]).exits(2).stderr_has("both added and removed");
    tag(&[&id, "--add", "no tag"]).exits(2);
    tag(&["nosuch", "--add", "x"]).exits(3);
    let many: Vec<String> = (0..16).map(|n| format!("--add=t{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).chain([id.as_str()]).collect();
    tag(&many).exits(2).stderr_has("18 tags are too many");
    let hub = world.dir().join("hub.git").to_string_lossy().into_owned();
    repo.git(["init", "-q", "--bare", &hub]);
    repo.git(["remote", "add", "origin", &hub]);
    repo.git(["push", "-q", "origin", "main"]);
    repo.orchestra(["sync", "--yes"]).succeeded();
    world.git(world.dir(), ["clone", "-q", &hub, "other"]);
    let other = testkit::TestRepo::new(&world, world.dir().join("other"));
    other.orchestra(["sync", "--fetch"]).succeeded();
    assert_eq!(other.agent(&id)["tags"], serde_json::json!(["done", "web"]));
    other.orchestra(["tag", &id, "--add", "mine"]).exits(3).stderr_has("alone changes its tags");
    tag(&["tag:web", "--remove", "web"]).succeeded();
    repo.orchestra(["status", "tag:web"]).exits(3);
}
