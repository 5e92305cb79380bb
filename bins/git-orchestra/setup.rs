//! Installs man pages and completions where man and the shells look for them. No file of the user is
//! edited.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use orchestra::{
    Code, Error, Result,
    model::{quote, text},
    ops::doctor::{self, Severity},
    world,
};
use orchestra_terminal::{Exit, Terminal, catalog, context, here};

use crate::{
    cli::{Setup, Shell},
    completions, guides, help,
    installation::{Found, Installation},
};

/// Maximum number of files that an error names.
const MAX_LISTED: usize = 5;

pub(crate) fn run(options: &Setup, terminal: &Terminal) -> Result<Exit> {
    let shares = ShareDirs::find(options)?;
    let mut installations = BTreeMap::new();
    for share in [&shares.man, &shares.shells] {
        installations.entry(share.as_path()).or_insert_with(|| Installation::read(share));
    }
    let mut changed = if options.uninstall {
        removals(&shares, &installations, terminal)?
    } else {
        writes(&shares, &installations)?
    };
    changed.sort();
    changed.dedup();
    for change in &changed {
        let path = change.share.join(&change.path);
        let Some(installation) = installations.get_mut(change.share.as_path()) else { continue };
        match &change.content {
            _ if options.dry_run => {
                let would = if options.uninstall { "would remove" } else { "would write" };
                terminal.print(&format!("{would} {}\n", path.display()));
            }
            Some(content) => installation.write(&change.path, content)?,
            None => installation.remove(&change.path)?,
        }
    }
    let changed = changed.len();
    if !options.dry_run {
        if !options.uninstall {
            for item in items()? {
                if let Some(installation) = installations.get_mut(shares.of(item.reader)) {
                    installation.keep(&item.path, &item.content);
                }
            }
        }
        installations.values().try_for_each(Installation::finish)?;
    }
    if !options.dry_run {
        terminal.print(&format!("{}\n", summary(options, changed)));
    }
    if !options.uninstall {
        hint_path(terminal);
    }
    if !options.uninstall && !options.dry_run && options.prefix.is_none() {
        show_found(terminal);
    }
    Ok(Exit::Done)
}

fn summary(options: &Setup, changed: usize) -> String {
    let files = text::count(changed as u64, "file");
    match (options.uninstall, changed) {
        (true, 0) => "nothing is installed".to_owned(),
        (true, _) => format!("removed {files}"),
        (false, 0) => "man pages and completions are up to date".to_owned(),
        (false, _) => format!("installed {files} of man pages and completions"),
    }
}

/// Asks man and the shells, so that nothing is claimed that is not so.
fn show_found(terminal: &Terminal) {
    let asked = doctor::pages_and_completions(&context::reading(terminal));
    let (found, missing): (Vec<_>, Vec<_>) = asked.iter().partition(|one| one.severity == Severity::Ok);
    if !found.is_empty() {
        let found: Vec<&str> = found.iter().map(|one| one.what.as_str()).collect();
        terminal.print(&format!("checked: {}\n", found.join("; ")));
    }
    for one in missing {
        terminal.warn(&one.what);
        if let Some(fix) = one.fix.as_ref().filter(|fix| !fix.contains("orchestra setup")) {
            terminal.hint(fix);
        }
    }
}

/// A file to install.
struct InstalledFile {
    /// Who looks for it.
    reader: Reader,
    /// The path below the `share` directory.
    path: String,
    content: String,
}

/// Who looks for a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Reader {
    Man,
    Shells,
}

/// The `share` directories in which man and the shells look.
struct ShareDirs {
    man: PathBuf,
    shells: PathBuf,
}

impl ShareDirs {
    /// Man looks next to the directories of PATH; shells look in the user's data directory and in those of the
    /// system. So with programs in `~/.cargo/bin` the pages go to `~/.cargo/share`, and the completions to
    /// `~/.local/share`.
    fn find(options: &Setup) -> Result<Self> {
        if let Some(prefix) = &options.prefix {
            let share = prefix.join("share");
            return Ok(Self { man: share.clone(), shells: share });
        }
        let sibling = sibling();
        let shells = match &sibling {
            Some(sibling) if is_data_dir_of_system(sibling) => sibling.clone(),
            _ => user_data_dir()?,
        };
        Ok(Self { man: sibling.map_or_else(user_data_dir, Ok)?, shells })
    }

    fn of(&self, reader: Reader) -> &Path {
        match reader {
            Reader::Man => &self.man,
            Reader::Shells => &self.shells,
        }
    }
}

/// Returns the `share` directory next to the programs' directory, if that is in PATH and it is writable.
fn sibling() -> Option<PathBuf> {
    let sibling = world::this_program().parent()?.parent()?.join("share");
    (is_in_path() && fs::create_dir_all(sibling.join("man/man1")).is_ok()).then_some(sibling)
}

fn is_data_dir_of_system(share: &Path) -> bool {
    let listed = here::environment().variable("XDG_DATA_DIRS").filter(|listed| !listed.is_empty());
    let listed = listed.unwrap_or_else(|| "/usr/local/share:/usr/share".into());
    std::env::split_paths(&listed).any(|entry| entry == share)
}

fn user_data_dir() -> Result<PathBuf> {
    let data = here::environment().variable("XDG_DATA_HOME").map(PathBuf::from);
    let home = here::environment().variable("HOME").map(|home| PathBuf::from(home).join(".local/share"));
    data.or(home).ok_or_else(|| {
        Error::refused("neither XDG_DATA_HOME nor HOME is set").hint("git orchestra setup --prefix DIR")
    })
}

fn is_in_path() -> bool {
    let program = world::this_program();
    let folder = program.parent().unwrap_or(&program);
    let path = here::environment().variable("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|entry| entry.canonicalize().is_ok_and(|entry| entry == folder))
}

fn items() -> Result<Vec<InstalledFile>> {
    let mut items = Vec::new();
    for (file, page) in pages()? {
        items.push(InstalledFile { reader: Reader::Man, path: format!("man/man1/{file}"), content: page });
    }
    for guide in guides::all() {
        items.push(InstalledFile {
            reader: Reader::Man,
            path: format!("man/man{}/{}", guide.section, guide.file()),
            content: guide.roff(),
        });
    }
    for (path, shell) in [
        ("bash-completion/completions/git-orchestra", Shell::Bash),
        ("zsh/site-functions/_git-orchestra", Shell::Zsh),
        ("zsh/site-functions/_git_orchestra", Shell::ZshGit),
        ("fish/vendor_completions.d/git-orchestra.fish", Shell::Fish),
        ("fish/vendor_conf.d/git-orchestra.fish", Shell::FishConf),
    ] {
        items.push(InstalledFile {
            reader: Reader::Shells,
            path: path.to_owned(),
            content: completions::script(shell),
        });
    }
    Ok(items)
}

/// Returns the man pages of commands with their file names.
pub(crate) fn pages() -> Result<Vec<(String, String)>> {
    let mut pages = vec![("git-orchestra.1".to_owned(), help::page(None)?)];
    for entry in catalog::COMMANDS {
        pages.push((format!("git-orchestra-{}.1", entry.name), help::page(Some(entry.name))?));
    }
    Ok(pages)
}

/// One file to write or to remove.
#[derive(Eq, Ord, PartialEq, PartialOrd)]
struct Change {
    share: PathBuf,
    path: String,
    /// `None`: it is removed.
    content: Option<String>,
}

/// Returns what an installation writes. All places are looked at before anything is written.
///
/// # Errors
/// A file that setup did not write is in the way (3).
fn writes(shares: &ShareDirs, installations: &BTreeMap<&Path, Installation>) -> Result<Vec<Change>> {
    let (mut changes, mut foreign) = (Vec::new(), Vec::new());
    for item in items()? {
        let share = shares.of(item.reader);
        let found =
            installations.get(share).map_or(Found::Nothing, |all| all.look(&item.path, &item.content));
        match found {
            Found::Current => {}
            Found::Foreign(why) => foreign.push((share.join(&item.path), why)),
            Found::Nothing | Found::Ours => {
                changes.push(Change {
                    share: share.to_owned(),
                    path: item.path,
                    content: Some(item.content),
                });
            }
        }
    }
    let Some((first, _)) = foreign.first() else { return Ok(changes) };
    let count = text::count(foreign.len() as u64, "file");
    let listed: Vec<String> =
        foreign.iter().take(MAX_LISTED).map(|(path, why)| format!("'{}': {why}", path.display())).collect();
    let message = format!("setup would overwrite {count} of yours: nothing was installed");
    let mut aside = first.clone().into_os_string();
    aside.push(".mine");
    Err(Error::new(Code::PathTaken, message)
        .because(listed.join("; "))
        .hint_command(&[&"mv", first, &aside])
        .hint("git orchestra setup --prefix DIR installs elsewhere"))
}

/// Returns what an uninstallation removes, and warns of what it leaves.
fn removals(
    shares: &ShareDirs,
    installations: &BTreeMap<&Path, Installation>,
    terminal: &Terminal,
) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    for item in items()? {
        // Version 0.1.0 installed completions next to the pages.
        for share in BTreeSet::from([shares.of(item.reader), shares.man.as_path()]) {
            let Some(all) = installations.get(share) else { continue };
            let path = share.join(&item.path);
            match all.look(&item.path, &item.content) {
                Found::Nothing => {}
                Found::Current | Found::Ours if !path.is_symlink() => {
                    changes.push(Change { share: share.to_owned(), path: item.path.clone(), content: None });
                }
                Found::Current | Found::Ours => {
                    terminal.warn(&format!("'{}' is left: it is a symbolic link", path.display()));
                }
                Found::Foreign(why) => terminal.warn(&format!("'{}' is left: {why}", path.display())),
            }
        }
    }
    Ok(changes)
}

/// Says how git finds the programs, if it does not.
fn hint_path(terminal: &Terminal) {
    if !is_in_path() {
        let program = world::this_program();
        let folder = program.parent().unwrap_or(&program).display().to_string();
        terminal.warn(&format!("'{folder}' is not in PATH: git does not find 'git orchestra'"));
        terminal.hint(&format!("export PATH={}:\"$PATH\"", quote::word(&folder)));
    }
}
