//! Installs man pages and completions where man and the shells look for them. No file of the user is
//! edited.

use std::{
    fs,
    path::{Path, PathBuf},
};

use orchestra::{Kind, Result, error::ErrorContext, model::quote, world};
use orchestra_terminal::{Exit, Terminal, catalog, here};

use crate::{
    cli::{Setup, Shell},
    completions, help,
};

/// The man pages that belong to no command.
const FORMAT_PAGES: &[(&str, &str)] =
    &[("gitorchestra-storage.5", include_str!("../../man/gitorchestra-storage.5"))];

/// A file to install.
struct InstalledFile {
    /// The path below the `share_dir` directory.
    path: String,
    content: String,
}

pub(crate) fn run(options: &Setup, terminal: &Terminal) -> Result<Exit> {
    let share_dir = share_dir(options)?;
    for item in items()? {
        let path = share_dir.join(&item.path);
        if options.uninstall {
            remove(&path, options.dry_run, terminal)?;
        } else {
            install(&path, &item.content, options.dry_run, terminal)?;
        }
    }
    if !options.uninstall {
        print_hints(&share_dir, terminal);
    }
    Ok(Exit::Done)
}

/// Returns the `share_dir` directory next to the programs' directory if it is writable, since `man` and new
/// shells find it through PATH; else the user's data directory.
fn share_dir(options: &Setup) -> Result<PathBuf> {
    if let Some(prefix) = &options.prefix {
        return Ok(prefix.join("share"));
    }
    let sibling = world::this_program().parent().and_then(Path::parent).map(|prefix| prefix.join("share"));
    if let Some(sibling) = sibling.filter(|_| is_in_path())
        && fs::create_dir_all(sibling.join("man/man1")).is_ok()
    {
        return Ok(sibling);
    }
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
        items.push(InstalledFile { path: format!("man/man1/{file}"), content: page });
    }
    for (file, page) in FORMAT_PAGES {
        items.push(InstalledFile { path: format!("man/man5/{file}"), content: (*page).to_owned() });
    }
    for (path, shell) in [
        ("bash-completion/completions/git-orchestra", Shell::Bash),
        ("zsh/site-functions/_git-orchestra", Shell::Zsh),
        ("zsh/site-functions/_git_orchestra", Shell::ZshGit),
        ("fish/vendor_completions.d/git-orchestra.fish", Shell::Fish),
        ("fish/vendor_conf.d/git-orchestra.fish", Shell::FishConf),
    ] {
        items.push(InstalledFile { path: path.to_owned(), content: completions::script(shell) });
    }
    Ok(items)
}

/// Returns all man pages with their file names.
pub(crate) fn pages() -> Result<Vec<(String, String)>> {
    let mut pages = vec![("git-orchestra.1".to_owned(), help::page(None)?)];
    for entry in catalog::COMMANDS.iter().chain(catalog::INTERNAL) {
        pages.push((format!("git-orchestra-{}.1", entry.name), help::page(Some(entry.name))?));
    }
    Ok(pages)
}

fn install(path: &Path, content: &str, dry_run: bool, terminal: &Terminal) -> Result<()> {
    let cannot = || format!("cannot write '{}'", path.display());
    if fs::read(path).is_ok_and(|known| known == content.as_bytes()) {
        terminal.print(&format!("up to date: {}\n", path.display()));
        return Ok(());
    }
    if dry_run {
        terminal.print(&format!("would write {}\n", path.display()));
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).context(Kind::Refused, cannot)?;
    }
    fs::write(path, content).context(Kind::Refused, cannot)?;
    terminal.print(&format!("wrote {}\n", path.display()));
    Ok(())
}

fn remove(path: &Path, dry_run: bool, terminal: &Terminal) -> Result<()> {
    if !path.exists() {
        return Ok(());
    }
    if dry_run {
        terminal.print(&format!("would remove {}\n", path.display()));
        return Ok(());
    }
    fs::remove_file(path).context(Kind::Refused, || format!("cannot remove '{}'", path.display()))?;
    terminal.print(&format!("removed {}\n", path.display()));
    Ok(())
}

/// Hints at settings that only the user can make.
fn print_hints(share_dir: &Path, terminal: &Terminal) {
    if !is_in_path() {
        let program = world::this_program();
        let folder = program.parent().unwrap_or(&program).display().to_string();
        terminal.warn(&format!("'{folder}' is not in PATH: git does not find 'git orchestra'"));
        terminal.hint(&format!("export PATH={}:\"$PATH\"", quote::word(&folder)));
    }
    terminal.hint(&format!(
        "zsh: before compinit, in ~/.zshrc: fpath+=({})",
        quote::word(share_dir.join("zsh/site-functions"))
    ));
    terminal.hint("new shells complete 'git orchestra'; 'git help orchestra' shows the man page");
}
