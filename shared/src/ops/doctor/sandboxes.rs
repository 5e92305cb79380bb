//! Which sandboxes this machine can make for agents.

use super::finding::{Finding, Group};
use crate::{
    config::{Config, keys::SANDBOX_ENGINE},
    git::{Repo, careful},
    model::{SandboxEngine, SandboxLevel},
    sandbox::{self, Obstacle},
    world::Environment,
};

/// Whether an engine works.
type Trial = std::result::Result<(), Obstacle>;

/// The kernel settings that decide whether a user may make namespaces, each with the value that forbids it.
const KERNEL_SETTINGS: [(&str, &str); 3] = [
    ("kernel.apparmor_restrict_unprivileged_userns", "1"),
    ("kernel.unprivileged_userns_clone", "0"),
    ("user.max_user_namespaces", "0"),
];

/// Tries to make a sandbox.
pub(super) fn check(environment: &Environment, repo: Option<&Repo>) -> Vec<Finding> {
    // An invalid value is a finding about the keys.
    let level = repo.and_then(|repo| Config::of(repo).sandbox().ok()).unwrap_or_default();
    let forbids = |(name, value): &(&str, &str)| {
        let path = format!("/proc/sys/{}", name.replace('.', "/"));
        careful::text(path).is_ok_and(|text| text.trim() == *value)
    };
    let forbidding = KERNEL_SETTINGS.iter().find(|setting| forbids(setting)).map(|(name, _)| *name);
    let wanted = repo.and_then(|repo| Config::of(repo).get(&SANDBOX_ENGINE).ok()).flatten();
    let tried = |engine| sandbox::trial(environment, level, engine);
    let bubblewrap = match wanted {
        Some(SandboxEngine::Landlock) => None,
        _ => Some(tried(SandboxEngine::Bubblewrap)),
    };
    let landlock = match wanted {
        Some(SandboxEngine::Bubblewrap) => None,
        _ => Some(tried(SandboxEngine::Landlock)),
    };
    vec![of_trials(bubblewrap, landlock, level, forbidding)]
}

/// One that is not to be used is `None`.
fn of_trials(
    bubblewrap: Option<Trial>,
    landlock: Option<Trial>,
    level: SandboxLevel,
    forbidding: Option<&str>,
) -> Finding {
    let fix = match (&bubblewrap, forbidding) {
        (Some(Ok(())), _) => return Finding::ok(Group::Machine, "sandbox", "sandboxes by bubblewrap"),
        (Some(Err(Obstacle::Missing)), _) => Some("sudo apt install bubblewrap".to_owned()),
        (Some(Err(_)), Some(setting)) => Some(format!("sysctl {setting} forbids user namespaces")),
        _ => None,
    };
    let why = |tried: Option<Trial>| tried.and_then(Trial::err).map(|why| why.to_string());
    if landlock == Some(Ok(())) {
        let lacks = why(bubblewrap).map_or_else(String::new, |why| format!("; 'net' cannot be made: {why}"));
        return Finding::ok(Group::Machine, "sandbox", format!("sandboxes 'files' by landlock{lacks}"));
    }
    let whys: Vec<String> = [why(bubblewrap), why(landlock)].into_iter().flatten().collect();
    let what = format!("no sandbox can be made for agents: {}", whys.join("; "));
    let finding = if level.is_some() {
        Finding::error(Group::Machine, "sandbox", what)
            .because(format!("the sandbox that is configured is {level}: no agent is started without it"))
    } else {
        Finding::note(Group::Machine, "sandbox", what).because("spawn --sandbox files needs one")
    };
    match fix {
        Some(fix) => finding.fix(fix),
        None => finding,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::doctor::finding::Severity;

    #[test]
    fn a_missing_sandbox_is_an_error_only_if_it_is_configured() {
        let fails = Obstacle::Fails("No permissions to create new namespace".to_owned());
        let old = Some(Err(Obstacle::Landlock("too old")));
        let install = Some("sudo apt install bubblewrap");
        let sysctl = "user.max_user_namespaces";
        for (bubblewrap, landlock, level, forbidding, severity, fix) in [
            (Some(Ok(())), None, SandboxLevel::Files, None, Severity::Ok, None),
            (None, Some(Ok(())), SandboxLevel::Files, None, Severity::Ok, None),
            (Some(Err(Obstacle::Missing)), Some(Ok(())), SandboxLevel::Files, None, Severity::Ok, None),
            (Some(Err(Obstacle::Missing)), old.clone(), SandboxLevel::None, None, Severity::Note, install),
            (Some(Err(Obstacle::Missing)), None, SandboxLevel::None, None, Severity::Note, install),
            (Some(Err(fails.clone())), old.clone(), SandboxLevel::Files, None, Severity::Error, None),
            (
                Some(Err(fails)),
                old,
                SandboxLevel::Files,
                Some(sysctl),
                Severity::Error,
                Some("sysctl user.max_user_namespaces forbids user namespaces"),
            ),
        ] {
            let found = of_trials(bubblewrap.clone(), landlock.clone(), level, forbidding);
            assert_eq!(
                (found.severity, found.fix.as_deref()),
                (severity, fix),
                "{bubblewrap:?} {landlock:?}"
            );
        }
    }
}
