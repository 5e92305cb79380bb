//! `pr` without a token: a push alone opens and updates pull requests, with real hooks of git on the side of the forge.

use std::{fs, os::unix::fs::PermissionsExt};

use testkit::{Aim, FakeForge, ForgeFlavor, Injector, TestRepo, World};

use crate::{
    pr::{TOKEN, done, on_forge, tip_there},
    world,
};

/// Keeps a pull request for each topic, as Gitea does.
const PROC_RECEIVE: &str = r#"#!/bin/sh
LC_ALL=C; export LC_ALL
pkt() {
    len=$(head -c 4)
    case $len in ''|0000) return 1 ;; esac
    line=$(head -c $((0x$len - 4)) | tr -d '\000\n')
}
send() { printf '%04x%s' $((${#1} + 4)) "$1"; }
while pkt; do :; done
printf '001aversion=1\000push-options0000'
while pkt; do command=$line; done
topic= force=
: > options
while pkt; do
    printf '%s\n' "$line" >> options
    case $line in
        topic=*) topic=${line#topic=} ;;
        force-push=true) force=1 ;;
    esac
done
set -- $command
new=$2 ref=$3
refuse() { send "ng $ref $1"; printf 0000; exit 0; }
number=$(sed -n "s|^$topic ||p" topics)
if test -z "$number"; then
    number=$(($(wc -l < topics) + 1))
    echo "$topic $number" >> topics
else
    before=$(git rev-parse "refs/pull/$number/head")
    test "$before" != "$new" || refuse 'new commit is same with old commit'
    test -n "$force" || git merge-base --is-ancestor "$before" "$new" || refuse 'request `force-push` push option'
fi
git update-ref "refs/pull/$number/head" "$new"
printf '\nVisit the existing pull request:\n  %s/pulls/%s\n' "$(cat page)" "$number" >&2
send "ok $ref"
send "option refname refs/pull/$number/head"
printf 0000
"#;

/// Keeps a merge request for each branch that is pushed with the options for one, as GitLab does.
const POST_RECEIVE: &str = r#"#!/bin/sh
read -r old new ref
branch=${ref#refs/heads/} create= at=0
: > options
while test "$at" -lt "${GIT_PUSH_OPTION_COUNT:-0}"; do
    eval "option=\$GIT_PUSH_OPTION_$at"
    printf '%s\n' "$option" >> options
    test "$option" != merge_request.create || create=1
    at=$((at + 1))
done
test -n "$create" || exit 0
number=$(sed -n "s|^$branch ||p" topics)
if test -z "$number"; then
    number=$(($(wc -l < topics) + 1))
    echo "$branch $number" >> topics
fi
git update-ref "refs/merge-requests/$number/head" "$new"
printf '\nView merge request for %s:\n  %s/-/merge_requests/%s\n' "$branch" "$(cat page)" "$number"
"#;

/// Creates a repository whose main branch is on a forge that opens pull requests by push, without a token.
fn without_token(world: &World, flavor: ForgeFlavor) -> (TestRepo<'_>, FakeForge) {
    let (repo, forge) = on_forge(world, flavor);
    repo.git(["config", "--unset", &format!("orchestra.forge.{}.tokenCommand", forge.host())]).succeeded();
    let bare = world.dir().join("forge.git");
    let (name, hook) = match flavor {
        ForgeFlavor::GitLab => ("post-receive", POST_RECEIVE),
        _ => ("proc-receive", PROC_RECEIVE),
    };
    world.git(&bare, ["config", "receive.advertisePushOptions", "true"]);
    world.git(&bare, ["config", "receive.procReceiveRefs", "refs/for"]);
    let hooks = bare.join("hooks");
    fs::create_dir_all(&hooks).expect("a folder");
    fs::write(hooks.join(name), hook).expect("a hook");
    fs::set_permissions(hooks.join(name), fs::Permissions::from_mode(0o755)).expect("a program");
    fs::write(bare.join("topics"), "").expect("a file");
    print_page(world, &format!("http://{}/team/app", forge.host()));
    (repo, forge)
}

/// Sets what the hook prints before the number.
fn print_page(world: &World, page: &str) {
    fs::write(world.dir().join("forge.git/page"), page).expect("a file");
}

/// Returns the options that came with the last push.
fn options(world: &World) -> Vec<String> {
    let text = fs::read_to_string(world.dir().join("forge.git/options")).expect("options");
    text.lines().map(str::to_owned).collect()
}

fn topics(world: &World) -> usize {
    fs::read_to_string(world.dir().join("forge.git/topics")).expect("topics").lines().count()
}

fn head_of(repo: &TestRepo<'_>, id: &str) -> String {
    repo.agent(id)["head"].as_str().expect("a head").to_owned()
}

/// Returns the head of the first pull request, by plain git.
fn head_there(world: &World, flavor: ForgeFlavor) -> String {
    let folder = if flavor == ForgeFlavor::GitLab { "merge-requests" } else { "pull" };
    world.git(&world.dir().join("forge.git"), ["rev-parse", &format!("refs/{folder}/1/head")]).line()
}

const BY_PUSH: [ForgeFlavor; 2] = [ForgeFlavor::Gitea, ForgeFlavor::GitLab];

#[test]
fn a_push_alone_opens_updates_and_replaces() {
    for flavor in BY_PUSH {
        let world = world();
        let (repo, forge) = without_token(&world, flavor);
        let id = done(&repo, "echo 1 > a.txt; git add a.txt; git commit -qm one");
        repo.orchestra(["pr", &id, "--dry-run"]).succeeded().stdout_has("would be opened");
        assert_eq!(topics(&world), 0, "{flavor:?}");
        let opened = repo.orchestra(["pr", &id, "--title", "It's  \"odd\" = ü \u{7}", "--draft"]).succeeded();
        let opened = opened.stdout_has(&format!(": opened 1 http://{}/team/app/", forge.host()));
        opened.stderr_has("there is no token for").stderr_has("are opened by push");
        let given = options(&world).join("\n");
        assert!(given.contains("title=") && given.contains("It's \"odd\" = ü"), "{given}");
        assert!(!given.contains('\u{7}'), "{given:?}");
        assert_eq!(head_there(&world, flavor), head_of(&repo, &id), "{flavor:?}");
        assert_eq!(repo.agent(&id)["pull_request"]["number"], 1, "{flavor:?}");
        repo.orchestra(["pr", &id]).succeeded().stdout_has(": unchanged 1 http");

        repo.orchestra(["resume", &id, "-m", "echo 2 > b.txt"]).succeeded();
        repo.orchestra(["pr", &id]).succeeded().stdout_has(": pushed to 1 http");
        assert_eq!(head_there(&world, flavor), head_of(&repo, &id), "{flavor:?}");
        assert!(!options(&world).join("\n").contains("title="), "what people wrote stays");

        let script = "echo 3 > b.txt; git add b.txt; git commit -q --amend -m two";
        repo.orchestra(["resume", &id, "-m", script]).succeeded();
        repo.orchestra(["pr", &id]).succeeded().stdout_has(": pushed to 1 http");
        assert_eq!((head_there(&world, flavor), topics(&world)), (head_of(&repo, &id), 1), "{flavor:?}");
        let branches = world.git(&world.dir().join("forge.git"), ["branch", "--list"]).stdout();
        assert_eq!(branches.lines().count(), usize::from(flavor == ForgeFlavor::GitLab) + 1, "{branches}");
    }
}

#[test]
fn killed_at_any_call_and_typed_again_one_was_opened() {
    let Some(injector) = Injector::compile() else {
        crate::skip("no C compiler");
        return;
    };
    for flavor in BY_PUSH {
        let world = world();
        let (repo, _forge) = without_token(&world, flavor);
        let mut at = 1;
        loop {
            let id = done(&repo, &format!("echo {at} > {at}.txt"));
            let mut command = repo.command(world.bins().join("git-orchestra-pr"));
            let hit = injector.kill(&world, command.arg(&id), Aim::at("git-orchestra-pr"), at);
            repo.orchestra(["pr", &id]).succeeded();
            let agent = repo.agent(&id);
            assert_eq!(agent["pull_request"]["number"], at, "{flavor:?}, killed at call {at}: {hit:?}");
            assert_eq!(agent["pull_request"]["head"], agent["head"], "{flavor:?}, at {at}: {hit:?}");
            assert_eq!(topics(&world).to_string(), at.to_string(), "{flavor:?}, at {at}: {hit:?}");
            if hit.is_none() {
                break;
            }
            at += 1;
        }
        assert!(at > 2, "{flavor:?}: it was killed at {at} calls");
    }
}

#[test]
fn only_an_address_of_the_forge_is_believed() {
    for flavor in BY_PUSH {
        let world = world();
        let (repo, forge) = without_token(&world, flavor);
        for (at, page) in
            ["https://evil.example.com/team/app", "\u{1b}[31mhttp://127.0.0.1/team/app"].iter().enumerate()
        {
            print_page(&world, page);
            let id = done(&repo, &format!("echo {at} > {at}.txt"));
            let shown = repo.orchestra(["pr", &id]).succeeded();
            // The ref that the forge keeps for the head tells the number.
            let shown = shown.stdout_has(&format!(": opened {} http://{}/team/app/", at + 1, forge.host()));
            let all = shown.stdout() + &shown.stderr();
            assert!(!all.contains("evil") && !all.contains('\u{1b}'), "{all:?}");
        }
    }
}

#[test]
fn what_no_push_can_do_is_refused_and_nothing_is_pushed() {
    for flavor in BY_PUSH {
        let world = world();
        let (repo, _forge) = without_token(&world, flavor);
        let id = done(&repo, "echo 1 > a.txt");
        for option in [&["--merge"][..], &["--close"], &["--reviewer", "kim"], &["--stack"]] {
            let words = [&["pr", &id][..], option].concat();
            repo.orchestra(words).exits(3).stderr_has("there is no token for").stderr_has("tokenCommand");
        }
        repo.orchestra(["pr"]).exits(3).stderr_has("there is no token for");
        let bare = world.dir().join("forge.git");
        world.git(&bare, ["config", "receive.advertisePushOptions", "false"]);
        repo.orchestra(["pr", &id]).exits(5).stderr_has("takes no push options").stderr_has("tokenCommand");
        let secret = concat!("ghp_", "16C7e42F292c6912E7710c838347Ae178B4a");
        let leaks = done(&repo, &format!("echo {secret} > key.txt"));
        repo.orchestra(["pr", &leaks]).exits(3).stderr_has("is not sent");
        let refs = world.git(&bare, ["for-each-ref", "--format=%(refname)"]).stdout();
        assert_eq!((refs.trim(), topics(&world)), ("refs/heads/main", 0), "{flavor:?}");
    }
}

#[test]
fn a_forge_that_keeps_the_work_as_an_ordinary_ref_is_named() {
    let world = world();
    let (repo, _forge) = without_token(&world, ForgeFlavor::Gitea);
    world.git(&world.dir().join("forge.git"), ["config", "--unset", "receive.procReceiveRefs"]);
    let id = done(&repo, "echo 1 > a.txt");
    let refused = repo.orchestra(["pr", &id]).exits(5).stderr_has("knows no 'refs/for/main'");
    refused.stderr_has("git push origin :refs/for/main").stderr_has("tokenCommand");
    assert!(repo.agent(&id)["pull_request"].is_null(), "nothing is recorded");
}

#[test]
fn a_branch_that_somebody_else_pushed_to_is_not_overwritten() {
    let world = world();
    let (repo, _forge) = without_token(&world, ForgeFlavor::GitLab);
    let id = done(&repo, "echo 1 > a.txt");
    repo.orchestra(["pr", &id]).succeeded();
    let branch = repo.agent(&id)["branch"].as_str().expect("a branch").to_owned();
    world.git(world.dir(), ["clone", "-q", "-b", &branch, "forge.git", "other"]);
    let other = TestRepo::new(&world, world.dir().join("other")).with_identity();
    other.commit("more", &[("c.txt", "3\n")]);
    other.git(["push", "-q", "origin", &branch]).succeeded();
    let theirs = tip_there(&world, &branch);
    repo.orchestra(["resume", &id, "-m", "echo 2 > b.txt"]).succeeded();
    repo.orchestra(["pr", &id]).exits(4).stderr_has("somebody else pushed to");
    assert_eq!(tip_there(&world, &branch), theirs);
}

#[test]
fn the_user_chooses_how_work_is_published() {
    let world = world();
    let (repo, _forge) = without_token(&world, ForgeFlavor::GitLab);
    repo.git(["config", "orchestra.prPublish", "api"]).succeeded();
    let id = done(&repo, "echo 1 > a.txt");
    repo.orchestra(["pr", &id]).exits(3).stderr_has("there is no token for");
    assert_eq!(topics(&world), 0);

    // Configured before an agent runs: what is changed later is refused or not, depending on when its supervisor ends.
    let world = crate::world();
    let (repo, forge) = without_token(&world, ForgeFlavor::GitLab);
    let key = format!("orchestra.forge.{}.tokenCommand", forge.host());
    repo.git(["config", &key, &format!("echo {TOKEN}")]).succeeded();
    repo.git(["config", "orchestra.prPublish", "push"]).succeeded();
    let id = done(&repo, "echo 1 > a.txt");
    let opened = repo.orchestra(["pr", &id]).succeeded().stdout_has(": opened 1 http");
    opened.stderr_has("is not used: merge requests are opened by push");
    assert_eq!((topics(&world), forge.pulls().len()), (1, 0));
}
