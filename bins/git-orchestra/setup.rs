//! Installs man pages and completions where man and the shells look for them. No file of the user is
//! edited.

use std::{
    fs,
    path::{Path, PathBuf},
};

use orchestra::{
    Kind, Result,
    error::ErrorContext,
    model::{quote, text},
    ops::doctor::{self, Severity},
    world,
};
use orchestra_terminal::{Exit, Terminal, catalog, context, here};

use crate::{
    cli::{Setup, Shell},
    completions, guides, help,
};

pub(crate) fn run(options: &Setup, terminal: &Terminal) -> Result<Exit> {
    let shares = ShareDirs::find(options)?;
    let mut changed = 0;
    for item in items()? {
        let path = shares.of(item.reader).join(&item.path);
        let would = if options.uninstall {
            // Version 0.1.0 installed completions next to the pages.
            let old = remove(&shares.man.join(&item.path), options.dry_run)?;
            remove(&path, options.dry_run)?.or(old)
        } else {
            install(&path, &item.content, options.dry_run)?
        };
        changed += usize::from(would.is_some());
        if let Some(would) = would.filter(|_| options.dry_run) {
            terminal.print(&format!("{would} {}\n", path.display()));
        }
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
        orchestra::Error::refused("neither XDG_DATA_HOME nor HOME is set")
            .hint("git orchestra setup --prefix DIR")
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

/// Writes a file, unless it has this content. Returns what a dry run says of it.
fn install(path: &Path, content: &str, dry_run: bool) -> Result<Option<&'static str>> {
    if fs::read(path).is_ok_and(|known| known == content.as_bytes()) {
        return Ok(None);
    }
    if !dry_run {
        let cannot = || format!("cannot write '{}'", path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).context(Kind::Refused, cannot)?;
        }
        fs::write(path, content).context(Kind::Refused, cannot)?;
    }
    Ok(Some("would write"))
}

/// Removes a file, if it is there. Returns what a dry run says of it.
fn remove(path: &Path, dry_run: bool) -> Result<Option<&'static str>> {
    if !path.exists() {
        return Ok(None);
    }
    if !dry_run {
        fs::remove_file(path).context(Kind::Refused, || format!("cannot remove '{}'", path.display()))?;
    }
    Ok(Some("would remove"))
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
