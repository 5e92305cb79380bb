//! Servers and hooks for one start. Version 0.61 takes them from settings only: those of the user, which are not ours to write, and those
//! of the system, which it skips without a word unless nobody but root could exchange them. So they are an extension, which the program
//! finds in a home folder made for this start; everything else there leads to the user's own.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use super::{HOME, NAME};
use crate::{
    Error, Result,
    agents::{
        Launch, PrivateFile,
        launch::PRIVATE,
        program_home::{ProgramHome, ShownFolder},
    },
    world::Environment,
};

/// The variable with the folder that the program uses as home folder.
pub(super) const VARIABLE: &str = "GEMINI_CLI_HOME";
/// The name of the folder.
const FOLDER: &str = "gemini-home";
/// The name of the extension.
const EXTENSION: &str = "git-orchestra";
/// The file that describes it.
const FILE: &str = "gemini-extension.json";
/// The file with its hooks.
const HOOKS_FILE: &str = "gemini-hooks.json";
/// Where the program looks for everything that is not a project's, and for its conversations.
const SETTINGS: &str = ".gemini";
const SESSIONS: &str = "tmp";

/// Adds servers and hooks to a launch.
///
/// # Errors
/// There is no home folder (3).
pub(super) fn add(
    launch: &mut Launch,
    environment: &Environment,
    servers: &Value,
    hooks: Option<&Value>,
) -> Result<()> {
    let user = user_home(environment).ok_or_else(|| {
        Error::refused(format!("agent '{NAME}' cannot be given MCP servers without a home folder"))
            .hint("set HOME to the path of your home folder")
    })?;
    let extension = json!({"name": EXTENSION, "version": env!("CARGO_PKG_VERSION"), "mcpServers": servers});
    let hooks = hooks.map(|hooks| json!({"hooks": hooks}));
    let all = [(FILE, Some(extension), FILE), (HOOKS_FILE, hooks, "hooks/hooks.json")];
    let (mut added, below) = (Vec::new(), Path::new(SETTINGS).join("extensions"));
    for (name, content, at) in all {
        let Some(content) = content else { continue };
        launch.files.push(PrivateFile { name: name.to_owned(), text: content.to_string() });
        added.push((below.join(EXTENSION).join(at), name.to_owned()));
    }
    launch.home = Some(ProgramHome { name: FOLDER.to_owned(), added, shown: shown(&user, &below) });
    launch.env.push((VARIABLE.to_owned(), format!("{PRIVATE}/{FOLDER}")));
    Ok(())
}

/// Returns the folders of the user that the program sees.
fn shown(user: &Path, extensions: &Path) -> Vec<ShownFolder> {
    let plain =
        |below: PathBuf| ShownFolder { of: user.join(&below), below, made: Vec::new(), files: Vec::new() };
    let names = HOME.iter().flat_map(|folder| folder.written.iter().chain(folder.copied));
    let (made, files): (Vec<&str>, Vec<&str>) = names.partition(|name| name.ends_with('/'));
    let files =
        files.into_iter().chain(["gemini-credentials.json", "mcp-oauth-tokens.json", "settings.json"]);
    vec![
        ShownFolder {
            made: made.iter().map(|name| name.trim_end_matches('/').to_owned()).collect(),
            files: files.map(str::to_owned).collect(),
            ..plain(SETTINGS.into())
        },
        plain(extensions.to_owned()),
        plain(".agents".into()),
    ]
}

/// Returns the home folder of the user for a launch or a server that begins in a program with a home folder of ours; `None` if the
/// environment has none of ours.
pub(super) fn outer_home(environment: &Environment) -> Option<PathBuf> {
    named_home(environment).filter(|named| is_ours(named)).and_then(|_| user_home(environment))
}

/// Returns the folder in which the program looks for the settings of the user, as the user chose it.
pub(super) fn user_home(environment: &Environment) -> Option<PathBuf> {
    match named_home(environment) {
        // Its links say of whom it is.
        Some(ours) if is_ours(&ours) => {
            let sessions = fs::read_link(ours.join(SETTINGS).join(SESSIONS)).ok();
            let user = sessions.and_then(|path| path.ancestors().nth(2).map(Path::to_owned));
            user.or_else(|| environment.home())
        }
        Some(named) => Some(named),
        None => environment.home(),
    }
}

fn named_home(environment: &Environment) -> Option<PathBuf> {
    environment.variable(VARIABLE).map(PathBuf::from).filter(|path| path.is_absolute())
}

fn is_ours(path: &Path) -> bool {
    path.file_name() == Some(OsStr::new(FOLDER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::{Stdin, TaskHandling};

    #[test]
    fn a_home_folder_in_another_shows_that_of_the_user() {
        let folder = tempfile::tempdir().unwrap();
        let (user, first) = (folder.path().join("kim"), folder.path().join("first"));
        let second = folder.path().join("second");
        for path in [&user, &first, &second] {
            fs::create_dir_all(path).unwrap();
        }
        let made = |environment: &Environment, private: &Path| {
            let mut launch = Launch::plain(vec![], Stdin::Empty, TaskHandling::Prose);
            add(&mut launch, environment, &json!({}), Some(&json!({}))).unwrap();
            launch.put_files(private).unwrap();
            launch.in_folder(private).env.remove(0).1
        };
        let of = |variables: &[(&str, &Path)]| {
            Environment::new(
                variables.iter().map(|(name, value)| ((*name).into(), (*value).into())),
                "/".as_ref(),
            )
        };
        let home = [("HOME", user.as_path())];
        let outer = made(&of(&home), &first);
        assert!(Path::new(&outer).join(".gemini/extensions/git-orchestra/hooks/hooks.json").is_file());
        let inside = of(&[home[0], (VARIABLE, Path::new(&outer))]);
        assert_eq!((outer_home(&inside), outer_home(&of(&home))), (Some(user.clone()), None));
        let inner = made(&inside, &second);
        fs::remove_dir_all(&first).unwrap();
        assert!(Path::new(&inner).join(".gemini/tmp").is_dir());
        // A folder that the user chose is the user's.
        let chosen = [home[0], (VARIABLE, Path::new("/chosen"))];
        assert_eq!((user_home(&of(&chosen)), outer_home(&of(&chosen))), (Some("/chosen".into()), None));
        let mut launch = Launch::plain(vec![], Stdin::Empty, TaskHandling::Prose);
        assert!(add(&mut launch, &of(&[]), &json!({}), None).is_err());
    }
}
