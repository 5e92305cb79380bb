//! The page of `web` in a real browser: the real server on a scratch repository with scripted agents, and Chromium, which a script of
//! `scenes/` drives. A script runs git and `git orchestra` in the repository as well, and fails if what it expects does not come.
//!
//! `tests/browser/install` installs what drives the browser. Pictures of what was seen are in `target/browser/shots`.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test says what it expects, and prints what it measures"
)]

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use testkit::{TestRepo, World, skip};

/// Debian's browser.
const BROWSER: &str = "/usr/bin/chromium";

/// A running server.
struct Server {
    program: Child,
    /// The links that it printed, and what it still prints.
    links: Vec<String>,
    output: BufReader<std::process::ChildStdout>,
}

impl Server {
    fn start(repo: &TestRepo<'_>, options: &[&str]) -> Self {
        let mut command = repo.command(repo.world().bins().join("git-orchestra-web"));
        command.args(options).stdout(Stdio::piped()).stderr(Stdio::null());
        // A debug build then serves the page as it is in a folder, so that a change of it needs no build.
        if let Some(folder) = std::env::var_os("ORCHESTRA_PAGE") {
            command.env("ORCHESTRA_PAGE", folder);
        }
        let mut program = command.spawn().expect("the server");
        let mut output = BufReader::new(program.stdout.take().expect("an output"));
        let wanted = 1 + options.iter().filter(|option| ["--guest", "--host"].contains(option)).count();
        let mut links = Vec::new();
        while links.len() < wanted {
            let mut line = String::new();
            assert!(output.read_line(&mut line).expect("a line") > 0, "the server ended");
            if line.contains("/#t=") {
                links.push(line.trim_end().to_owned());
            }
        }
        Self { program, links, output }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
        let mut rest = String::new();
        let _ = self.output.read_line(&mut rest);
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns where the driver of the browser is; skips the test if it or the browser is missing.
fn driver() -> Option<PathBuf> {
    let driver = root().join("target/browser/node_modules/playwright-core/index.mjs");
    let missing = [(Path::new(BROWSER), "Debian's package chromium"), (&driver, "tests/browser/install")];
    for (path, how) in missing {
        if !path.exists() {
            skip("ORCHESTRA_REQUIRE_ALL", &format!("'{}' is missing ({how})", path.display()));
            return None;
        }
    }
    Some(driver)
}

/// Plays a scene: prepares a repository, starts the server with these options, and runs the script with the links.
fn play(scene: &str, options: &[&str]) {
    let Some(driver) = driver() else { return };
    let bins = Path::new(env!("CARGO_BIN_EXE_git-orchestra")).parent().expect("a folder of binaries");
    let world = World::new(bins);
    let repo = world.repo().with_scripted_claude();
    let server = Server::start(&repo, options);
    let shots = root().join("target/browser/shots");
    std::fs::create_dir_all(&shots).expect("a folder");
    let mut node: Command = repo.command("node");
    node.arg(root().join("tests/browser/scenes").join(format!("{scene}.mjs")));
    node.env("DRIVER", driver).env("BROWSER", BROWSER).env("SHOTS", shots).env("SCENE", scene);
    node.env("SERVER", server.program.id().to_string()).env("LINKS", server.links.join(" "));
    let ran = node.output().expect("node");
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{scene}: {said}\n{}", String::from_utf8_lossy(&ran.stderr));
    println!("{said}");
}

#[test]
fn agents_are_seen_answered_and_directed() {
    play("agents", &["--write"]);
}

#[test]
fn one_stream_feeds_all_tabs_and_old_state_is_said_to_be_old() {
    play("live", &["--write"]);
}

#[test]
fn what_agents_wrote_is_text_and_other_pages_get_nothing() {
    play("safety", &["--write"]);
}

#[test]
fn a_thousand_agents_large_diffs_and_long_logs_keep_the_page_small() {
    play("large", &["--write"]);
}

#[test]
fn without_write_it_only_looks_and_fits_small_windows() {
    play("looks", &["--guest"]);
}

#[test]
fn the_keyboard_is_enough_and_the_focus_stays() {
    play("keyboard", &["--write"]);
}

#[test]
fn work_is_reviewed_landed_undone_and_removed() {
    play("places", &["--write"]);
}

#[test]
fn a_spec_is_read_and_changed_and_its_designer_hears_of_it() {
    play("specs", &["--write"]);
}

#[test]
fn the_work_of_two_is_compared_and_one_is_picked() {
    play("compare", &["--write"]);
}

#[test]
fn a_plan_is_read_and_carried_out() {
    play("plan", &["--write"]);
}

#[test]
fn a_tunnel_without_https_works_with_a_stream_for_each_tab() {
    play("tunnel", &["--write", "--host", "http://orchestra.test"]);
}

#[test]
fn commands_are_quoted_and_diffs_are_read_as_they_are_meant() {
    play("texts", &[]);
}
