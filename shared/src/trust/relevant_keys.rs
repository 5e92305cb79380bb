//! Which keys of git config are relevant: those that can name a program, decide where things come from or go to, who signs, or
//! what git orchestra may do. Keys of ordinary use (`branch.*`, `remote.*.fetch`, colours) are not.

use crate::config;

/// The relevant keys of `core`.
const CORE_KEYS: &[&str] = &[
    "alternaterefscommand",
    "alternaterefsprefixes",
    "askpass",
    "attributesfile",
    "bare",
    "editor",
    "excludesfile",
    "fsmonitor",
    "gitproxy",
    "hookspath",
    "pager",
    "repositoryformatversion",
    "sshcommand",
    "worktree",
];

/// The relevant keys of a remote: its addresses, and the programs that communicate with it.
const REMOTE_KEYS: &[&str] = &[
    "mirror",
    "partialclonefilter",
    "promisor",
    "proxy",
    "proxyauthmethod",
    "pushurl",
    "receivepack",
    "uploadpack",
    "url",
    "vcs",
];

/// Sections in which every key is relevant.
const WHOLE_SECTIONS: &[&str] = &[
    "alias",
    "author",
    "browser",
    "bundle",
    "committer",
    "credential",
    "difftool",
    "extensions",
    "filter",
    "gpg",
    "help",
    "hook",
    "http",
    "include",
    "includeif",
    "man",
    "mergetool",
    "pager",
    "protocol",
    "safe",
    "ssh",
    "url",
    "user",
    "web",
];

/// Returns whether a key is relevant. `section` and `name` are in lower case.
pub(super) fn is_relevant(section: &str, subsection: Option<&str>, name: &str) -> bool {
    match section {
        "core" => CORE_KEYS.contains(&name),
        "orchestra" => subsection.is_some() || !config::only_measures(name),
        "remote" => REMOTE_KEYS.contains(&name),
        "diff" if subsection.is_some() => matches!(name, "command" | "textconv"),
        "diff" => matches!(name, "external" | "guitool" | "tool"),
        "merge" => subsection.is_some() || matches!(name, "default" | "guitool" | "tool"),
        "submodule" => subsection.is_some() && matches!(name, "update" | "url"),
        "trailer" => matches!(name, "cmd" | "command"),
        "interactive" => name == "difffilter",
        "sequence" => name == "editor",
        "uploadpack" => name == "packobjectshook",
        "gc" => name == "recentobjectshook",
        "init" => name == "templatedir",
        "fetch" => name == "bundleuri",
        "commit" | "push" | "tag" => name == "gpgsign",
        // What git-lfs itself writes in ordinary use is not relevant.
        "lfs" => !matches!(name, "access" | "locksverify" | "repositoryformatversion"),
        _ => WHOLE_SECTIONS.contains(&section),
    }
}

#[cfg(test)]
mod tests {
    use super::is_relevant;

    /// Splits a key as git does: the first dot ends the section, the last one begins the name.
    fn is_key_relevant(key: &str) -> bool {
        let (section, rest) = key.split_once('.').expect("a section");
        let (subsection, name) = match rest.rsplit_once('.') {
            Some((subsection, name)) => (Some(subsection), name),
            None => (None, rest),
        };
        is_relevant(&section.to_ascii_lowercase(), subsection, &name.to_ascii_lowercase())
    }

    #[test]
    fn keys_that_can_name_a_program_or_a_destination_are_relevant() {
        for key in [
            "alias.st",
            "author.name",
            "browser.x.cmd",
            "commit.gpgSign",
            "committer.email",
            "core.alternateRefsCommand",
            "core.askPass",
            "core.attributesFile",
            "core.bare",
            "core.editor",
            "core.excludesFile",
            "core.fsmonitor",
            "core.gitProxy",
            "core.hooksPath",
            "core.pager",
            "core.repositoryFormatVersion",
            "core.sshCommand",
            "core.worktree",
            "credential.helper",
            "credential.https://example.com.helper",
            "diff.external",
            "diff.word.command",
            "diff.word.textconv",
            "difftool.x.cmd",
            "extensions.refStorage",
            "filter.lfs.clean",
            "filter.lfs.process",
            "filter.lfs.required",
            "filter.lfs.smudge",
            "gpg.program",
            "gpg.ssh.defaultKeyCommand",
            "gpg.x509.program",
            "help.browser",
            "hook.x.command",
            "http.proxy",
            "http.https://example.com.sslVerify",
            "include.path",
            "includeIf.gitdir:~/x/.path",
            "interactive.diffFilter",
            "lfs.customtransfer.x.path",
            "lfs.url",
            "man.x.cmd",
            "merge.default",
            "merge.x.driver",
            "mergetool.x.cmd",
            "orchestra.agent",
            "orchestra.agent.x.command",
            "orchestra.addDir",
            "orchestra.allow",
            "orchestra.allowedCli",
            "orchestra.autoSync",
            "orchestra.base",
            "orchestra.deny",
            "orchestra.into",
            "orchestra.checkAge",
            "orchestra.childrenAtEnd",
            "orchestra.maxFile",
            "orchestra.maxJobs",
            "orchestra.notSecret",
            "orchestra.regenerate.lock",
            "orchestra.remote",
            "orchestra.review.permission",
            "orchestra.shareWith",
            "orchestra.test",
            "orchestra.trustWriter",
            "orchestra.worktrees",
            "orchestra.yetUnknown",
            "pager.diff",
            "protocol.ext.allow",
            "push.gpgSign",
            "remote.origin.proxy",
            "remote.origin.pushurl",
            "remote.origin.receivepack",
            "remote.origin.uploadpack",
            "remote.origin.url",
            "remote.origin.vcs",
            "safe.directory",
            "sequence.editor",
            "ssh.variant",
            "submodule.x.update",
            "submodule.x.url",
            "trailer.x.cmd",
            "trailer.x.command",
            "uploadpack.packObjectsHook",
            "url.https://example.com/.insteadOf",
            "url.https://example.com/.pushInsteadOf",
            "user.name",
            "web.browser",
        ] {
            assert!(is_key_relevant(key), "{key}");
        }
    }

    #[test]
    fn keys_of_ordinary_use_are_not_relevant() {
        for key in [
            "branch.main.merge",
            "branch.main.remote",
            "branch.main.rebase",
            "color.ui",
            "core.autocrlf",
            "core.compression",
            "core.fileMode",
            "core.logAllRefUpdates",
            "core.sparseCheckout",
            "diff.algorithm",
            "diff.word.xfuncname",
            "fetch.prune",
            "gc.auto",
            "gui.geometry",
            "init.defaultBranch",
            "lfs.https://example.com/x.git/info/lfs.access",
            "log.showSignature",
            "maintenance.auto",
            "merge.conflictStyle",
            "notes.displayRef",
            "orchestra.jobs",
            "orchestra.maxTime",
            "pull.rebase",
            "push.default",
            "rebase.autoStash",
            "remote.origin.fetch",
            "remote.origin.gh-resolved",
            "remote.origin.prune",
            "rerere.enabled",
            "submodule.x.active",
        ] {
            assert!(!is_key_relevant(key), "{key}");
        }
    }
}
