//! The folder of the locks: one for each user and machine.

use std::path::PathBuf;

use crate::world::Environment;

/// The folder of ours in a folder of the user.
const OURS: &str = "git-orchestra";

/// Returns the folder: in the user's folder for files of running programs, which ends with the boot of the machine; without that, in the
/// folder for the state of programs. Other machines may have that one too, and so the name of this one is part of the path.
pub(super) fn folder(environment: &Environment) -> Option<PathBuf> {
    let absolute =
        |name: &str| environment.variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if let Some(runtime) = absolute("XDG_RUNTIME_DIR").filter(|folder| folder.is_dir()) {
        return Some(runtime.join(OURS).join("slots"));
    }
    // Some users of the system have a home that does not exist; it is not made.
    let home = || environment.home().filter(|home| home.is_absolute() && home.is_dir());
    let state = absolute("XDG_STATE_HOME").or_else(|| Some(home()?.join(".local/state")))?;
    Some(state.join(OURS).join(format!("slots-{}", machine())))
}

/// Returns the name of this machine, as far as it can be a part of a file's name.
fn machine() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).take(64).collect()
}
