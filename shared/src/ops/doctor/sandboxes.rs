//! Which sandboxes this machine can make for agents.

use super::finding::{Finding, Group};
use crate::{
    config::Config,
    git::{Repo, careful},
    model::SandboxLevel,
    sandbox::{self, Obstacle},
    world::Environment,
};

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
    vec![of_trial(sandbox::trial(environment, level), level, forbidding)]
}

fn of_trial(
    trial: std::result::Result<(), Obstacle>,
    level: SandboxLevel,
    forbidding: Option<&str>,
) -> Finding {
    let Err(why) = trial else {
        return Finding::ok(Group::Machine, "sandbox", "sandboxes by bubblewrap");
    };
    let what = format!("no sandbox can be made for agents: {why}");
    let finding = if level.is_some() {
        Finding::error(Group::Machine, "sandbox", what)
            .because(format!("the sandbox that is configured is {level}: no agent is started without it"))
    } else {
        Finding::note(Group::Machine, "sandbox", what).because("spawn --sandbox files needs it")
    };
    match (why, forbidding) {
        (Obstacle::Missing, _) => finding.fix("sudo apt install bubblewrap"),
        (Obstacle::Fails(_), Some(setting)) => {
            finding.fix(format!("sysctl {setting} forbids user namespaces"))
        }
        (Obstacle::Fails(_), None) => finding,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::doctor::finding::Severity;

    #[test]
    fn a_missing_sandbox_is_an_error_only_if_it_is_configured() {
        let fails = Obstacle::Fails("No permissions to create new namespace".to_owned());
        for (trial, level, forbidding, severity, fix) in [
            (Ok(()), SandboxLevel::Files, None, Severity::Ok, None),
            (
                Err(Obstacle::Missing),
                SandboxLevel::None,
                None,
                Severity::Note,
                Some("sudo apt install bubblewrap"),
            ),
            (Err(fails.clone()), SandboxLevel::Files, None, Severity::Error, None),
            (
                Err(fails),
                SandboxLevel::Files,
                Some("user.max_user_namespaces"),
                Severity::Error,
                Some("sysctl user.max_user_namespaces forbids user namespaces"),
            ),
        ] {
            let found = of_trial(trial.clone(), level, forbidding);
            assert_eq!((found.severity, found.fix.as_deref()), (severity, fix), "{trial:?}");
        }
    }
}
