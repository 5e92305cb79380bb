//! Automatic sync, and packing objects.

use orchestra::{
    model::{AgentId, Fact},
    store::{append, pack},
};
use testkit::until;

use crate::{
    library,
    sync::{clone, first, shared_of_hub, sync},
    world,
};

#[test]
fn supervisors_sync_automatically_if_configured() {
    let world = world();
    let (a, b) = (first(&world), clone(&world, "b"));
    let quiet = a.spawn("true");
    a.end_of(&quiet);
    assert!(shared_of_hub(&world).is_empty(), "off by default");
    a.git(["config", "orchestra.autoSync", "1s"]);
    let id = a.spawn("echo 1 > one.txt; sleep 600");
    let name = format!("refs/orchestra/agents/{id}");
    until("the hub knows the agent", || {
        shared_of_hub(&world).iter().any(|(known, _)| *known == name).then_some(())
    });
    // A request of another clone arrives at the next automatic sync, and so does the answer.
    until("it runs, as the other clone sees", || {
        sync(&b);
        (b.agent(&id)["phase"] == "running").then_some(())
    });
    b.orchestra(["stop", &id]).succeeded();
    sync(&b);
    assert_eq!(a.end_of(&id)["phase"], "stopped");
    // Refs arrive one by one: a sync between two of them gets the event before the work.
    let work = a.refs(&format!("refs/orchestra/heads/{id}"));
    until("the other clone gets the event and the work", || {
        sync(&b);
        let has_work = b.refs(&format!("refs/orchestra/heads/{id}")) == work;
        (b.agent(&id)["phase"] == "stopped" && has_work).then_some(())
    });
    assert_eq!(b.file_in_head(&id, "one.txt"), "1\n", "with the work");
}

#[test]
fn nothing_is_sent_automatically_before_the_user_agreed() {
    let world = world();
    let a = first(&world);
    a.git(["config", "--unset-all", "orchestra.shareWith"]);
    a.git(["config", "orchestra.autoSync", "1h"]);
    let id = a.spawn("true");
    a.end_of(&id);
    // While one automatic sync is running, another is skipped.
    until("it is refused", || (a.orchestra(["sync", "--auto"]).code() == 3).then_some(()));
    assert!(shared_of_hub(&world).is_empty());
}

#[test]
fn the_work_of_another_clone_can_be_reviewed() {
    let world = world();
    let (a, b) = (first(&world), clone(&world, "b"));
    let id = a.spawn("echo 1 > one.txt; echo more >> file.txt");
    a.end_of(&id);
    sync(&a);
    sync(&b);
    let shown = b.orchestra(["diff", &id]).succeeded().stdout();
    assert!(shown.contains("+more") && shown.contains("+++ b/one.txt"), "{shown}");
    b.orchestra(["review", &id]).succeeded().stdout_has("+1 -0 one.txt");
    b.orchestra(["review", &id, "--approve"]).succeeded();
    b.orchestra(["merge-ranked", &id]).succeeded();
    assert!(b.has("main", "one.txt"));
    let report = b.orchestra(["cleanup", "--json", &id]).exits(1).json();
    assert_eq!(report["agents"][0]["why"], "it belongs to another clone");
}

#[test]
fn our_loose_objects_are_packed_and_the_users_are_not() {
    let world = world();
    let repo = world.repo().with_identity();
    let id = repo.spawn("true");
    repo.end_of(&id);
    let library = library(&repo);
    let agent = AgentId::parse(&id).expect("an id");
    for _ in 0..40 {
        append(&library, &agent, &[Fact::Stop { reason: None }]).expect("an event");
    }
    repo.write("unsaved.txt", "of the user\n");
    repo.git(["add", "unsaved.txt"]);
    let loose = || -> usize {
        let counted = repo.git(["count-objects"]).stdout();
        counted.split(' ').next().and_then(|count| count.parse().ok()).expect("a number")
    };
    let before = loose();
    // Few objects arrived: nothing is packed.
    assert!(!pack::pack_if_many(&library, 100_000).expect("an answer"));
    assert!(pack::pack_if_many(&library, 0).expect("packed"));
    assert!(loose() + 40 <= before && loose() >= 4, "{before} → {}", loose());
    assert_eq!(repo.agent(&id)["phase"], "done");
    assert!(repo.git(["fsck", "--full", "--no-dangling"]).stdout().is_empty());
    assert_eq!(repo.git(["show", ":unsaved.txt"]).stdout(), "of the user\n");
}
