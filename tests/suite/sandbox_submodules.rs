//! Submodules of an agent in a sandbox: it works in them as outside of one, and reaches those of the checkout no more than before.

use crate::{
    sandbox::{ended, output, with_each_engine},
    submodules::{BUMP, add_submodule, lands_as_hinted, ran},
};

#[test]
fn an_agent_in_a_sandbox_commits_in_a_submodule_and_its_commit_lands_once_it_was_published() {
    with_each_engine(|world, repo, engine| {
        add_submodule(repo);
        let (id, agent) = ran(repo, &["--sandbox", "files"], BUMP);
        // The commits of the submodule are named, as without a sandbox.
        assert_eq!((&agent["phase"], &agent["left_out"]), (&"done".into(), &1.into()), "{agent}");
        assert_eq!(agent["sandbox"], format!("files by {engine}"));
        let inside = repo.worktree(&id).join("sub");
        let commit = world.git(&inside, ["rev-parse", "HEAD"]).line();
        assert_eq!(world.git(&inside, ["log", "-1", "--format=%s"]).line(), "in-sub");
        assert_eq!(repo.tip(&format!("refs/orchestra/heads/{id}:sub")), commit);
        let landed = repo.orchestra(["merge-ranked", "--json", &id]).exits(1).json();
        lands_as_hinted(world, repo, &id, &landed, &commit);
    });
}

#[test]
fn what_an_agent_in_a_sandbox_does_not_commit_in_a_submodule_is_named() {
    with_each_engine(|_, repo, _| {
        add_submodule(repo);
        let script =
            "echo 1 > sub/new; git -C sub status -s; git submodule --quiet foreach 'echo $name'; echo w > w";
        let (id, agent) = ran(repo, &["--sandbox", "files"], script);
        assert_eq!((&agent["phase"], &agent["left_out"]), (&"done".into(), &1.into()), "{agent}");
        assert_eq!(output(repo, &id), "?? new\nsub\n");
        let shown = repo.orchestra(["status", &id]).succeeded();
        shown.stdout_has("left out  sub/ (a submodule with changes that are in no commit)");
        let kept = repo.orchestra(["cleanup", "--json"]).succeeded().json();
        assert_eq!(kept["agents"][0]["outcome"], "kept", "{kept}");
    });
}

/// What a script tries that an agent must not do to the submodules of the checkout; `$d` is the git directory of its own.
const TRIES: [(&str, &str); 4] = [
    ("write the submodule of the checkout", "echo x > {git}/modules/sub/planted"),
    ("read the submodule of the checkout", "cat {git}/modules/sub/config"),
    ("find a login in an address", "grep -r hunter2 $d/config"),
    // What it does to its own reaches no other.
    ("empty all objects", "for f in $(find $d/objects -type f); do chmod u+w $f; : > $f; done; exit 1"),
];

#[test]
fn an_agent_in_a_sandbox_does_not_reach_the_submodules_of_the_checkout() {
    with_each_engine(|world, repo, _| {
        add_submodule(repo);
        let sub = repo.path().join("sub");
        let url = world.git(&sub, ["config", "remote.origin.url"]).line();
        world.git(
            &sub,
            ["config", "remote.origin.url", &["https://kim:hunter2", "example.com/l.git"].join("@")],
        );
        let git = repo.path().join(".git").display().to_string();
        let tries: String = TRIES
            .iter()
            .map(|(name, script)| {
                let script = script.replace("{git}", &git);
                format!("if ( {script} ) >/dev/null 2>&1; then echo done {name}; fi\n")
            })
            .collect();
        let script =
            format!("d=$(git -C sub rev-parse --absolute-git-dir)\n{tries}echo w > w; echo all tried");
        let (id, agent) = ended(repo, "files", &script);
        assert_eq!((output(repo, &id).as_str(), &agent["phase"]), ("all tried\n", &"done".into()), "{agent}");
        world.git(&sub, ["config", "remote.origin.url", &url]);
        world.git(&sub, ["fsck", "--full", "--strict"]).succeeded();
        assert!(!repo.path().join(".git/modules/sub/planted").exists());
        repo.orchestra(["status", &id]).succeeded();
        repo.orchestra(["cleanup", "--discard", &id]).succeeded();
    });
}

/// How a commit is made in another repository.
const COMMIT: &str = "-c user.name=a -c user.email=a@x commit -q --allow-empty -m";

#[test]
fn an_agent_that_is_resumed_in_a_sandbox_continues_in_its_submodules() {
    with_each_engine(|world, repo, _| {
        add_submodule(repo);
        // It begins without a sandbox, where its submodule has the objects by hard links.
        let script = format!(
            "if [ -e w ]; then git -C sub {COMMIT} two; git -C sub log --format=%s; exit; fi; \
             git -C sub {COMMIT} one; git add sub; echo w > w"
        );
        let (id, _) = ended(repo, "none", &script);
        repo.orchestra(["resume", "--detach", "--sandbox", "files", &id]).succeeded();
        let agent = repo.end_of(&id);
        assert_eq!(agent["phase"], "done", "{agent}");
        assert!(output(repo, &id).ends_with("two\none\nsecond\none\n"), "{}", output(repo, &id));
        let own = world.git(&repo.worktree(&id).join("sub"), ["rev-parse", "--absolute-git-dir"]).line();
        let links = repo.command("find").args([&own, "-type", "f", "-links", "+1"]).output().expect("find");
        assert_eq!(String::from_utf8_lossy(&links.stdout), "", "nothing is shared with the checkout");
        world.git(&repo.worktree(&id).join("sub"), ["fsck", "--full"]).succeeded();
    });
}

#[test]
fn a_submodule_that_an_agent_made_in_a_sandbox_is_there_when_it_is_resumed() {
    with_each_engine(|_, repo, _| {
        let script = format!(
            "if [ -e own ]; then git -C own log --format=%s; exit; fi; \
             git init -q own; git -C own {COMMIT} mine; git submodule --quiet add ./own own; \
             git submodule absorbgitdirs; test -f own/.git; git {COMMIT} added"
        );
        let (id, agent) = ended(repo, "files", &script);
        assert_eq!(agent["phase"], "done", "{agent} {}", output(repo, &id));
        repo.orchestra(["resume", "--detach", &id]).succeeded();
        let agent = repo.end_of(&id);
        assert_eq!(agent["phase"], "done", "{agent} {}", output(repo, &id));
        assert!(output(repo, &id).ends_with("mine\n"), "{}", output(repo, &id));
    });
}
