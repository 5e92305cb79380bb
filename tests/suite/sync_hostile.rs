//! `sync` with remotes that are broken, hostile or not what they claim to be: a clear message, and no
//! change to our refs.

use std::{fs, io::Write, path::Path, process::Stdio};

use testkit::{Ran, TestRepo, World};

use crate::{
    hostile_trees::{object, tree},
    sync::{clone, first, shared, shared_of_hub, sync},
    world,
};

/// Runs git in the hub.
fn in_hub(world: &World, arguments: &[&str]) -> String {
    world.git(&world.dir().join("hub.git"), arguments).line()
}

/// Creates a commit in the hub with this message, these parents, and the empty tree.
fn commit_in_hub(world: &World, message: &str, parents: &[&str]) -> String {
    let hub = world.dir().join("hub.git");
    let file = world.dir().join("message");
    fs::write(&file, message).expect("written");
    let tree = in_hub(world, &["hash-object", "-t", "tree", "-w", "/dev/null"]);
    let mut arguments =
        vec!["commit-tree".to_owned(), tree, "-F".into(), file.to_string_lossy().into_owned()];
    arguments.extend(parents.iter().flat_map(|parent| ["-p".to_owned(), (*parent).to_owned()]));
    world.git(&hub, ["config", "user.name", "Mallory"]);
    world.git(&hub, ["config", "user.email", "m@example.com"]);
    world.git(&hub, arguments).line()
}

fn event(fact: &str, l: u64, writer: &str) -> String {
    let mut all: Vec<String> =
        vec!["\"at\":\"2026-11-21T00:00:00Z\"".into(), format!("\"l\":{l}"), "\"v\":1".into()];
    all.push(format!("\"w\":\"{writer}\""));
    all.extend(fact.split(',').filter(|part| !part.is_empty()).map(str::to_owned));
    all.sort();
    format!("{{{}}}", all.join(","))
}

fn an_ended_agent(repo: &TestRepo<'_>) -> String {
    let id = repo.spawn("echo 1 > one.txt");
    repo.end_of(&id);
    id
}

#[test]
fn a_missing_or_refusing_remote_is_reported() {
    let world = world();
    let a = first(&world);
    an_ended_agent(&a);
    let before = shared(&a);
    a.orchestra(["sync", "nowhere"]).exits(3).stderr_has("there is no remote 'nowhere'");
    a.orchestra(["sync", "./nowhere"]).exits(5).stderr_has("cannot fetch from './nowhere'");
    a.orchestra(["sync", "--", "-x"]).exits(2).stderr_has("is not a remote");
    a.orchestra(["sync", "https://127.0.0.1:1/x.git"]).exits(5).stderr_has("cannot fetch from");
    a.orchestra(["sync", "ext::sh -c 'touch ran'"]).exits(5);
    assert!(!a.path().join("ran").exists());
    // It refuses the namespace.
    in_hub(&world, &["config", "receive.hideRefs", "refs/orchestra"]);
    a.orchestra(["sync"]).exits(5).stderr_has("rejects 'refs/orchestra/").stderr_has("hidden ref");
    in_hub(&world, &["config", "--unset", "receive.hideRefs"]);
    // A hook of the remote refuses the push.
    let hook = world.dir().join("hub.git/hooks/pre-receive");
    fs::write(&hook, "#!/bin/sh\necho 'not here, please' >&2\nexit 1\n").expect("written");
    world.command("chmod", world.dir()).arg("+x").arg(&hook).status().expect("chmod");
    a.orchestra(["sync"]).exits(5).stderr_has("pre-receive hook declined");
    fs::remove_file(&hook).expect("removed");
    assert_eq!((shared(&a), shared_of_hub(&world)), (before.clone(), vec![]));
    // It accepts refs and discards them.
    let hook = world.dir().join("hub.git/hooks/post-receive");
    let swallow =
        "#!/bin/sh\ngit for-each-ref --format='delete %(refname)' refs/orchestra | git update-ref --stdin\n";
    fs::write(&hook, swallow).expect("written");
    world.command("chmod", world.dir()).arg("+x").arg(&hook).status().expect("chmod");
    a.orchestra(["sync"]).exits(5).stderr_has("but does not have them");
    fs::remove_file(&hook).expect("removed");
    a.orchestra(["sync"]).succeeded();
    assert_eq!((shared(&a), shared_of_hub(&world)), (before.clone(), before));
    let lonely = world.repo_named("lonely");
    lonely.orchestra(["sync"]).exits(3).stderr_has("no remote").stderr_has("git remote add");
}

#[test]
fn a_hook_of_the_user_may_reject_a_push() {
    let world = world();
    let a = first(&world);
    an_ended_agent(&a);
    let hook = a.path().join(".git/hooks/pre-push");
    fs::create_dir_all(hook.parent().expect("a folder")).expect("a folder");
    fs::write(&hook, "#!/bin/sh\necho 'not on a Friday' >&2\nexit 1\n").expect("written");
    world.command("chmod", world.dir()).arg("+x").arg(&hook).status().expect("chmod");
    a.orchestra(["sync"]).exits(5).stderr_has("not on a Friday");
    assert!(shared_of_hub(&world).is_empty());
}

#[test]
fn foreign_names_and_invalid_chains_are_refused() {
    let world = world();
    let (a, b) = (first(&world), clone(&world, "b"));
    let id = an_ended_agent(&a);
    sync(&a);
    let main = in_hub(&world, &["rev-parse", "main"]);
    let mut orders = String::new();
    for n in 0..300 {
        orders.push_str(&format!("create refs/orchestra/agents/junk{n} {main}\n"));
    }
    for name in ["$(touch)", "-rf", "x;y", "CON", "Ä-00000", "a/b/c-00000"] {
        orders.push_str(&format!("create refs/orchestra/agents/{name} {main}\n"));
    }
    let blob = in_hub(&world, &["hash-object", "-w", "--stdin"]);
    let stranger = commit_in_hub(&world, "x\n\nOrchestra-State: done\n", &[]);
    let many: Vec<String> = (0..20).map(|n| commit_in_hub(&world, &format!("p{n}"), &[])).collect();
    let octopus = commit_in_hub(&world, "octopus", &many.iter().map(String::as_str).collect::<Vec<_>>());
    let huge = commit_in_hub(&world, &"x".repeat(2 << 20), &[]);
    for (name, object) in [
        ("blob-00000", &blob),
        ("code-00000", &main),
        ("nobody-00000", &stranger),
        ("octopus-00000", &octopus),
        ("huge-00000", &huge),
    ] {
        orders.push_str(&format!("create refs/orchestra/agents/{name} {object}\n"));
        orders.push_str(&format!("create refs/orchestra/heads/{name} {object}\n"));
    }
    update_refs(&world, &orders);
    let ran = b.orchestra(["sync"]).succeeded();
    let ran =
        ran.stderr_has("'agents/code-00000' of origin is not accepted: it is not the event log of an agent");
    let ran = ran
        .stderr_has("agents/blob-00000")
        .stderr_has("not a commit")
        .stderr_has("octopus-00000")
        .stderr_has("20 parents");
    ran.stderr_has("'agents/huge-00000'").stderr_has("306 refs of origin have unknown names");
    let names: Vec<String> = shared(&b).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, [format!("refs/orchestra/agents/{id}"), format!("refs/orchestra/heads/{id}")]);
    assert!(!b.path().join("ran").exists() && !b.path().join(".git/ran").exists());
    b.orchestra(["status"]).succeeded();
    // No ref of another clone is changed either.
    assert_eq!(in_hub(&world, &["rev-parse", "refs/orchestra/agents/code-00000"]), main);
}

fn update_refs(world: &World, orders: &str) {
    let mut command = world.command("git", &world.dir().join("hub.git"));
    let mut child = command.args(["update-ref", "--stdin"]).stdin(Stdio::piped()).spawn().expect("git");
    child.stdin.take().expect("a pipe").write_all(orders.as_bytes()).expect("written");
    assert!(child.wait().expect("an end").success());
}

#[test]
fn events_forged_under_our_writer_id_are_detected() {
    let world = world();
    let a = first(&world);
    let id = an_ended_agent(&a);
    sync(&a);
    let agent = format!("refs/orchestra/agents/{id}");
    let tip = a.tip(&agent);
    let message = a.git(["log", "-1", "--format=%B", &tip]).stdout();
    let forged = commit_in_hub(&world, &message.replace("State: done", "State: failed"), &[&tip]);
    in_hub(&world, &["update-ref", &agent, &forged]);
    a.orchestra(["sync"])
        .succeeded()
        .stderr_has("claims to be from this clone, but its state does not match its events");
    assert_eq!((a.tip(&agent), a.agent(&id)["phase"].clone()), (tip, "done".into()));
}

#[test]
fn commands_in_fields_do_not_run_and_control_characters_are_escaped() {
    let world = world();
    let (a, b) = (first(&world), clone(&world, "b"));
    an_ended_agent(&a);
    sync(&a);
    let canary = world.dir().join("ran");
    let evil = format!(
        "\\u001b]0;x\\u0007$(touch {0})`touch {0}`;touch {0}|--upload-pack=touch {0}",
        canary.display()
    );
    let main = in_hub(&world, &["rev-parse", "main"]);
    let created: String = ["title", "profile", "model", "run", "parent", "permission", "branch", "prompt"]
        .iter()
        .map(|key| format!("\"{key}\":\"{evil}\","))
        .collect();
    let event = event(&format!("{created}\"base\":\"{main}\",\"place\":0,\"t\":\"created\""), 1, "mallory");
    let commit = commit_in_hub(&world, &format!("evil\n\n{event}\n\nOrchestra-Format: 1\n"), &[]);
    in_hub(&world, &["update-ref", "refs/orchestra/agents/evil-00000", &commit]);
    in_hub(&world, &["update-ref", "refs/orchestra/heads/evil-00000", &main]);
    let mut shown = b.orchestra(["sync"]).succeeded().stdout();
    assert!(shown.contains("evil-00000 is new here"));
    for command in [
        &["status", "--all"] as &[&str],
        &["status", "evil-00000"],
        &["logs", "evil-00000"],
        &["collect", "evil-00000"],
        &["diff", "evil-00000"],
        &["stop", "evil-00000"],
        &["review"],
        &["worktrees"],
    ] {
        let ran = b.orchestra(command);
        shown.push_str(&(ran.stdout() + &ran.stderr()));
    }
    b.orchestra(["resume", "evil-00000"]).exits(3);
    assert!(!shown.contains(['\u{1b}', '\u{7}']), "{shown}");
    assert!(!canary.exists());
}

#[test]
fn broken_objects_and_interrupted_transfers_are_reported() {
    let world = world();
    let (a, b) = (first(&world), clone(&world, "b"));
    let id = an_ended_agent(&a);
    sync(&a);
    sync(&b);
    let before = shared(&b);
    let (more, other) = (an_ended_agent(&a), an_ended_agent(&a));
    sync(&a);
    // An object of the new one is damaged in the hub.
    let tip = a.tip(&format!("refs/orchestra/agents/{more}"));
    let hub = world.dir().join("hub.git");
    unpack(&world, &hub);
    let object = hub.join("objects").join(&tip[..2]).join(&tip[2..]);
    let whole = fs::read(&object).expect("an object");
    fs::remove_file(&object).expect("removed");
    fs::write(&object, b"no object").expect("written");
    // It is reported, and other new refs are fetched.
    b.orchestra(["sync"])
        .exits(1)
        .stderr_has(&format!("'agents/{more}' of origin is not accepted"))
        .stdout_has(&format!("{other} is new here"));
    let now: Vec<_> = shared(&b).into_iter().filter(|(name, _)| !name.ends_with(&other)).collect();
    assert_eq!(now, before);
    fs::remove_file(&object).expect("removed");
    fs::write(&object, whole).expect("written");
    sync(&b);
    assert_eq!(shared(&b), shared_of_hub(&world));
    assert_eq!(b.agent(&id)["phase"], "done");
}

/// Unpacks every object into its own file.
fn unpack(world: &World, hub: &Path) {
    let Ok(packs) = fs::read_dir(hub.join("objects/pack")) else { return };
    for pack in
        packs.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "pack"))
    {
        let away = world.dir().join("taken.pack");
        fs::rename(&pack, &away).expect("moved");
        let _ = fs::remove_file(pack.with_extension("idx"));
        let input = fs::File::open(&away).expect("a pack");
        let unpacked = world.command("git", hub).args(["unpack-objects", "-q"]).stdin(input).status();
        assert!(unpacked.expect("git").success());
    }
}

#[test]
fn agents_of_another_project_are_refused() {
    let world = world();
    let a = first(&world);
    an_ended_agent(&a);
    sync(&a);
    let stranger = world.empty_repo("stranger");
    stranger.commit("of another project", &[("other.txt", "x\n")]);
    let hub = world.dir().join("hub.git").to_string_lossy().into_owned();
    stranger.orchestra(["sync", &hub]).exits(3).stderr_has("contains agents of another project");
    assert!(shared(&stranger).is_empty());
}

#[test]
fn shallow_and_partial_clones_can_sync() {
    let world = world();
    let a = first(&world);
    for n in 0..3 {
        a.commit(&format!("more {n}"), &[("file.txt", &format!("{n}\n"))]);
    }
    a.git(["push", "-q", "origin", "main"]).succeeded();
    let long = "x ".repeat(4000);
    let id = a.spawn(&format!("echo 1 > one.txt # {long}"));
    a.end_of(&id);
    sync(&a);
    let hub = world.dir().join("hub.git");
    in_hub(&world, &["config", "uploadpack.allowFilter", "true"]);
    let url = format!("file://{}", hub.display());
    for (name, option) in
        [("shallow", "--depth=1"), ("partial", "--filter=blob:none"), ("treeless", "--filter=tree:0")]
    {
        let path = world.dir().join(name);
        world.git(world.dir(), ["clone", "-q", option, &url, &path.to_string_lossy()]);
        let repo = TestRepo::new(&world, path);
        repo.orchestra(["sync", "--yes"]).succeeded();
        assert_eq!(repo.agent(&id)["phase"], "done", "{name}");
        assert_eq!(repo.file_in_head(&id, "one.txt"), "1\n", "{name}");
        let mine = an_ended_agent(&repo);
        repo.orchestra(["sync"]).succeeded();
        assert_eq!(shared(&repo), shared_of_hub(&world), "{name}");
        sync(&a);
        assert_eq!(a.file_in_head(&mine, "one.txt"), "1\n", "{name}");
    }
}

#[test]
fn a_notes_bomb_is_refused_and_the_rest_is_fetched() {
    let world = world();
    let (a, b) = (first(&world), clone(&world, "b"));
    let id = an_ended_agent(&a);
    sync(&a);
    let hub = TestRepo::new(&world, world.dir().join("hub.git"));
    let note = object(&hub, "blob", b"{\"t\":\"x\"}\n");
    // Paths that are notes, and paths that are not.
    for (file, why) in
        [("0".repeat(24), "folders with few notes"), ("x".to_owned(), "folders with few notes")]
    {
        let mut below = tree(&hub, &[("100644", file.as_bytes(), &note)]);
        for _ in 0..8 {
            let names: Vec<String> = (0..16).map(|n| format!("{n:02x}")).collect();
            let all: Vec<_> = names.iter().map(|name| ("40000", name.as_bytes(), below.as_str())).collect();
            below = tree(&hub, &all);
        }
        let tip = world.git(
            hub.path(),
            ["-c", "user.name=M", "-c", "user.email=m@x", "commit-tree", "-m", &file, &below],
        );
        in_hub(&world, &["update-ref", "refs/orchestra/notes/reviews", &tip.line()]);
        for _ in 0..2 {
            let said = b.orchestra(["sync"]).succeeded().stderr();
            assert!(said.contains("'notes/reviews' of origin is not accepted"), "{said}");
            assert!(said.contains(why) || said.contains("have notes"), "{said}");
        }
    }
    std::mem::forget(hub);
    assert_eq!(b.agent(&id)["phase"], "done");
    assert!(!shared(&b).iter().any(|(name, _)| name.ends_with("notes/reviews")));
}

#[test]
fn more_refs_than_open_files_are_exchanged() {
    let world = world();
    let (a, b) = (first(&world), clone(&world, "b"));
    let id = an_ended_agent(&a);
    sync(&a);
    let (life, work) =
        (a.tip(&format!("refs/orchestra/agents/{id}")), a.tip(&format!("refs/orchestra/heads/{id}")));
    let orders: String = (0..200)
        .map(|n| {
            format!("create refs/orchestra/agents/x{n}-00000 {life}\ncreate refs/orchestra/heads/x{n}-00000 {work}\n")
        })
        .collect();
    update_refs(&world, &orders);
    let limited = |repo: &TestRepo<'_>, words: &str| {
        let mut command = repo.command("sh");
        Ran::of(command.args(["-c", &format!("ulimit -n 64; exec git orchestra {words}")]))
    };
    limited(&b, "sync").succeeded().stderr_has("received 201 agents");
    assert_eq!(shared(&b), shared_of_hub(&world));
    limited(&b, "status --all").succeeded();
    let other = world.dir().join("other.git");
    world.git(world.dir(), ["init", "-q", "--bare", &other.to_string_lossy()]);
    limited(&b, "sync --yes ../other.git").succeeded();
    assert_eq!(
        world.git(&other, ["for-each-ref", "--format=%(refname)", "refs/orchestra"]).stdout().lines().count(),
        201
    );
}

#[test]
fn refused_refs_are_not_read_again() {
    let world = world();
    let (a, b) = (first(&world), clone(&world, "b"));
    an_ended_agent(&a);
    sync(&a);
    let root = commit_in_hub(&world, &"x".repeat(2 << 20), &[]);
    let tip = commit_in_hub(&world, "agent: told\n\nOrchestra-Join: 1\n", &[&root]);
    in_hub(&world, &["update-ref", "refs/orchestra/agents/long-00000", &tip]);
    let why = "'agents/long-00000' of origin is not accepted: commit";
    b.orchestra(["sync"]).succeeded().stderr_has(why).stderr_has("bytes");
    // A second read finds that its beginning is missing.
    unpack(&world, &b.path().join(".git"));
    fs::remove_file(b.path().join(".git/objects").join(&root[..2]).join(&root[2..])).expect("an object");
    let again = b.orchestra(["sync", "--json"]).json()["refused"]["agents/long-00000"].clone();
    assert!(again.as_str().is_some_and(|why| why.contains("bytes")), "{again}");
}

#[test]
fn a_ref_locked_at_the_remote_is_reported_and_the_rest_is_sent() {
    let world = world();
    let a = first(&world);
    let (locked, other) = (an_ended_agent(&a), an_ended_agent(&a));
    let lock = world.dir().join(format!("hub.git/refs/orchestra/agents/{locked}.lock"));
    fs::create_dir_all(lock.parent().expect("a folder")).expect("a folder");
    fs::write(&lock, "").expect("a lock");
    let ran = a.orchestra(["sync"]).exits(1);
    let said = ran.stderr();
    assert!(said.contains(&format!("'agents/{locked}' is not sent to origin: it is locked there")), "{said}");
    assert!(said.contains(&format!("'refs/orchestra/agents/{locked}.lock' in it")), "{said}");
    assert!(!said.contains("faster"), "{said}");
    let there = shared_of_hub(&world);
    assert!(there.iter().any(|(name, _)| name.ends_with(&format!("agents/{other}"))), "{there:?}");
    fs::remove_file(&lock).expect("removed");
    a.orchestra(["sync"]).succeeded();
    assert_eq!(shared(&a), shared_of_hub(&world));
    // The lock on packed refs prevents it from deleting any.
    in_hub(&world, &["pack-refs", "--all"]);
    a.orchestra(["cleanup", "--discard", &other]).succeeded();
    let packed = world.dir().join("hub.git/packed-refs.lock");
    fs::write(&packed, "").expect("a lock");
    let said = a.orchestra(["sync"]).exits(1).stderr();
    assert!(said.contains("it is locked there") && said.contains("'packed-refs.lock' in it"), "{said}");
    fs::remove_file(&packed).expect("removed");
    a.orchestra(["sync"]).succeeded();
}

#[test]
fn a_ref_refused_by_a_remote_hook_is_reported_and_the_rest_is_sent() {
    let world = world();
    let a = first(&world);
    let (refused, other) = (an_ended_agent(&a), an_ended_agent(&a));
    let hook = world.dir().join("hub.git/hooks/update");
    fs::write(&hook, format!("#!/bin/sh\ncase $1 in *{refused}) echo no >&2; exit 1;; esac\n"))
        .expect("written");
    world.command("chmod", world.dir()).arg("+x").arg(&hook).status().expect("chmod");
    a.orchestra(["sync"]).exits(1).stderr_has(&format!(
        "'agents/{refused}' is not sent to origin: the remote rejects it: [remote rejected] (hook declined)"
    ));
    let there = shared_of_hub(&world);
    assert!(there.iter().any(|(name, _)| name.ends_with(&format!("heads/{other}"))), "{there:?}");
    assert!(!there.iter().any(|(name, _)| name.ends_with(&refused)), "{there:?}");
}

#[test]
fn agents_with_refused_objects_do_not_block_fetching_the_others() {
    let world = world();
    let (a, b) = (first(&world), clone(&world, "b"));
    let id = an_ended_agent(&a);
    sync(&a);
    let hub = TestRepo::new(&world, world.dir().join("hub.git"));
    let inner = tree(&hub, &[("100644", b"config", &object(&hub, "blob", b"x\n"))]);
    let bad = tree(&hub, &[("40000", b".git", &inner)]);
    let main = in_hub(&world, &["rev-parse", "main"]);
    let identity =
        ["-c", "user.name=M", "-c", "user.email=m@x", "commit-tree", "-m", "bad", "-p", &main, &bad];
    let tip = world.git(hub.path(), identity).line();
    std::mem::forget(hub);
    in_hub(
        &world,
        &["update-ref", "refs/orchestra/agents/bad-00000", &a.tip(&format!("refs/orchestra/agents/{id}"))],
    );
    in_hub(&world, &["update-ref", "refs/orchestra/heads/bad-00000", &tip]);
    b.git(["config", "fetch.fsckObjects", "true"]);
    b.orchestra(["sync"])
        .exits(1)
        .stderr_has("'heads/bad-00000' of origin is not accepted")
        .stdout_has("is new here");
    assert_eq!(b.agent(&id)["phase"], "done");
    assert_eq!(b.file_in_head(&id, "one.txt"), "1\n");
}

#[test]
fn an_untrusted_verdict_is_a_proposal_and_hides_no_valid_one() {
    let world = world();
    let (a, b) = (first(&world), clone(&world, "b"));
    let id = an_ended_agent(&a);
    sync(&a);
    sync(&b);
    b.orchestra(["review", &id, "--approve"]).succeeded();
    sync(&b);
    sync(&a);
    let clone: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(b.path().join(".git/orchestra/writer")).expect("a file"))
            .expect("JSON");
    let clone = clone["id"].as_str().expect("an id").to_owned();
    let proposed = format!("approve proposed by clone {clone}, not trusted");
    for command in [&["status"] as &[&str], &["review"], &["review", &id]] {
        let shown = a.orchestra(command).succeeded().stdout();
        assert!(shown.contains(&proposed) && !shown.contains("approved"), "{shown}");
    }
    let agent = a.agent(&id);
    assert_eq!(agent["verdict"], serde_json::Value::Null);
    assert_eq!(
        (&agent["proposed_verdict"]["verdict"], &agent["proposed_verdict"]["writer"]),
        (&"approve".into(), &clone.as_str().into())
    );
    a.orchestra(["merge-ranked", "--approved"]).exits(1).stdout_has("set aside");
    // Recorded under the same name, in a clone that is not trusted, it revokes nothing.
    a.orchestra(["review", &id, "--reject"]).exits(1);
    sync(&a);
    sync(&b);
    b.orchestra(["review", &id, "--approve"]).succeeded();
    sync(&b);
    sync(&a);
    assert_eq!(a.agent(&id)["verdict"], "reject");
    a.orchestra(["merge-ranked", "-n"]).succeeded().stdout_has("rejected");
    // Once trusted, it counts.
    a.git(["config", "orchestra.trustWriter", &clone]);
    let agent = a.agent(&id);
    assert_eq!(
        (&agent["verdict"], &agent["proposed_verdict"]),
        (&"approve".into(), &serde_json::Value::Null)
    );
}
