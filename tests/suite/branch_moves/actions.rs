//! What a user may do while a command moves a branch.

use std::fs;

use testkit::TestRepo;

/// Something that a user may do while a command runs: a name, a script, and a check that must hold if the script succeeded.
pub(crate) type UserAction = (&'static str, &'static str, fn(&TestRepo<'_>, &str));

pub(crate) const USER_ACTIONS: &[UserAction] = &[
    ("commits", "echo u > users; git add users && git commit -qm USER", |repo, when| {
        assert!(repo.git(["log", "--format=%s", "main"]).stdout().contains("USER"), "{when}");
        assert_eq!(repo.file_at("main", "users"), "u\n", "{when}");
        assert_eq!(read(repo, "users"), "u\n", "{when}");
        assert_eq!(repo.git(["status", "--porcelain"]).stdout(), "", "{when}");
    }),
    ("switches", "git checkout -q feature", |repo, when| {
        assert_eq!(repo.git(["symbolic-ref", "HEAD"]).line(), "refs/heads/feature", "{when}");
        assert_eq!(repo.git(["log", "-1", "--format=%s", "feature"]).line(), "feature", "{when}");
        assert_eq!(repo.git(["status", "--porcelain"]).stdout(), "", "{when}");
    }),
    ("stages", "echo s > staged; git add staged", |repo, when| {
        assert_eq!(repo.git(["diff", "--cached", "--name-only"]).line(), "staged", "{when}");
        assert_eq!(repo.git(["diff", "--name-only"]).line(), "", "{when}");
    }),
    ("ignores", "echo three.txt >> .git/info/exclude; echo mine > three.txt", |repo, when| {
        assert_eq!(read(repo, "three.txt"), "mine\n", "{when}");
    }),
    ("edits", "echo mine > lines.txt", |repo, when| {
        assert_eq!(read(repo, "lines.txt"), "mine\n", "{when}");
    }),
];

pub(crate) fn read(repo: &TestRepo<'_>, file: &str) -> String {
    fs::read_to_string(repo.path().join(file)).unwrap_or_default()
}
