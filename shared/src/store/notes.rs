//! Notes on commits, for plain `git log`: a projection of events, a JSON object a line. `git notes` writes below `refs/notes`
//! only; `git fast-import` writes any.

use crate::{
    Result,
    git::{Git, Oid, Repo, command, repo::Identity},
    store::layout,
    world,
};

/// Puts notes on commits, all in one commit of `name`; a note that was there is replaced.
///
/// # Errors
/// There is no identity, or git fails.
pub fn write(repo: &Repo, name: &str, subject: &str, notes: &[(Oid, String)]) -> Result<()> {
    if notes.is_empty() {
        return Ok(());
    }
    let Identity { name: who, email } = repo.identity()?;
    let now = world::now().as_second();
    let mut order =
        format!("commit {name}\ncommitter {who} <{email}> {now} +0000\ndata {}\n{subject}\n", subject.len());
    if let Some(tip) = repo.find_ref(name)? {
        order.push_str(&format!("from {tip}\n"));
    }
    for (commit, text) in notes {
        order.push_str(&format!("N inline {commit}\ndata {}\n{text}\n", text.len()));
    }
    order.push_str("done\n");
    let git = Git::new(&repo.common_dir()?, "fast-import").args(["--quiet", "--done"]);
    git.input(order.into_bytes()).limit(command::LONG).run().map(|_| ())
}

/// Lets plain `git log` show our notes, where the user has not decided otherwise. `true`: that is new.
///
/// # Errors
/// The config cannot be written.
pub fn show(repo: &Repo) -> Result<bool> {
    let shown = |value: &String| {
        value == layout::NOTES || value == layout::RESULTS || value == "*" || value == "refs/*"
    };
    if repo.config_all("notes.displayRef").iter().any(shown) {
        return Ok(false);
    }
    let arguments = ["--local", "--add", "notes.displayRef", layout::NOTES];
    Git::new(&repo.common_dir()?, "config").args(arguments).run()?;
    Ok(true)
}
