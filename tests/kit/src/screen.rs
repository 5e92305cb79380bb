//! A terminal whose contents a test can read.

use std::process::Stdio;

use crate::{Ran, TestRepo, World, skip, until};

/// A terminal whose contents can be read; it ends with this value.
pub struct Screen<'a> {
    repo: &'a TestRepo<'a>,
    world: &'a World,
}

impl<'a> Screen<'a> {
    /// Opens a terminal in which a shell runs; `None` if there is no tmux.
    ///
    /// # Panics
    /// It does not start, or there is no tmux and nothing may be skipped.
    pub fn open(world: &'a World, repo: &'a TestRepo<'a>, columns: usize, rows: usize) -> Option<Self> {
        let tmux = repo.command("tmux").arg("-V").stdout(Stdio::null()).status();
        if !tmux.is_ok_and(|status| status.success()) {
            skip("ORCHESTRA_REQUIRE_ALL", "no tmux");
            return None;
        }
        let screen = Self { repo, world };
        let (columns, rows) = (columns.to_string(), rows.to_string());
        // The server gets the clean environment of the world.
        screen.tmux(&["new-session", "-d", "-x", &columns, "-y", &rows, "env PS1='% ' sh"]);
        screen.tmux(&["set-option", "-g", "window-size", "manual"]);
        screen.until("a prompt", |shown| shown.starts_with('%'));
        Some(screen)
    }

    /// Runs a command of tmux in it, and returns what it prints.
    pub fn tmux(&self, arguments: &[&str]) -> String {
        let mut command = self.repo.command("tmux");
        command.env_remove("TMUX").arg("-S").arg(self.world.dir().join("tmux")).args(["-f", "/dev/null"]);
        Ran::of(command.args(arguments)).succeeded().stdout()
    }

    /// Types a line.
    pub fn types(&self, line: &str) {
        self.tmux(&["send-keys", "-l", line]);
        self.tmux(&["send-keys", "Enter"]);
    }

    /// Gives the window another size.
    pub fn resize(&self, columns: usize, rows: usize) {
        self.tmux(&["resize-window", "-x", &columns.to_string(), "-y", &rows.to_string()]);
    }

    /// Presses keys, in tmux's words; text is typed as it is.
    pub fn press(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    /// Returns what is shown now, without what was scrolled away.
    pub fn window(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// Waits until the window shows something.
    pub fn until_window(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        until(what, || Some(self.window()).filter(|shown| is_so(shown)))
    }

    /// Keeps what the window shows below the target folder, in `ui/screens/NAME.txt`, so that a person can look at it. The first line has
    /// the terminal and the size.
    ///
    /// # Panics
    /// It cannot be written.
    pub fn keep(&self, name: &str) {
        let of = "#{pane_width}x#{pane_height}";
        let size = self.tmux(&["display-message", "-p", of]);
        let terminal = self.tmux(&["show-options", "-gv", "default-terminal"]);
        let folder = self.world.bins().parent().expect("the target folder").join("ui/screens");
        std::fs::create_dir_all(&folder).expect("a folder");
        let screen = format!("TERM={} {}\n{}", terminal.trim(), size.trim(), self.window());
        std::fs::write(folder.join(format!("{name}.txt")), screen).expect("a screen");
    }

    /// Returns everything that is shown, and everything that was scrolled away.
    fn shown(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-S", "-"])
    }

    /// Waits until something is shown, or was and is scrolled away.
    pub fn until(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        until(what, || Some(self.shown()).filter(|shown| is_so(shown)))
    }
}

impl Drop for Screen<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the window shows:\n{}", self.window());
        }
        self.tmux(&["kill-server"]);
    }
}
