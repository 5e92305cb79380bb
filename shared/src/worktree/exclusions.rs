//! Which files of a worktree are not taken into the agent's work. They stay where they are, and are named.

use crate::model::ByteSize;

/// Names that hold secrets as a rule.
const SECRET_NAMES: &[&str] =
    &[".env", ".netrc", ".pgpass", "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "credentials.json"];
/// Endings that hold private keys as a rule.
const SECRET_ENDINGS: &[&str] = &[".pem", ".p12", ".pfx", ".jks", ".keystore"];
/// `.env.example` and the like are made to be shared.
const SHARED_ENV: &[&str] = &["example", "sample", "template", "dist", "defaults"];

/// Why a repository inside the worktree is left out.
pub const REPOSITORY: &str = "a repository of its own";
/// Why a giant is left out.
pub const TOO_LARGE: &str = "too large (orchestra.maxFile)";

/// Why an untracked file is left out; `None`: it is taken. `size` in bytes, `None` if it is gone.
/// A path that ends in `/` is a repository inside the worktree: git names the folder only.
pub fn exclusion_reason(path: &str, size: Option<u64>, largest: ByteSize) -> Option<&'static str> {
    if path.ends_with('/') {
        return Some(REPOSITORY);
    }
    if size.is_some_and(|size| size > largest.as_bytes()) {
        return Some(TOO_LARGE);
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    let looks_secret = SECRET_NAMES.contains(&name)
        || SECRET_ENDINGS.iter().any(|ending| name.ends_with(ending))
        || name.strip_prefix(".env.").is_some_and(|rest| !SHARED_ENV.contains(&rest));
    looks_secret.then_some("looks like a secret")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_nested_repositories_and_giants_stay() {
        for (path, size, left) in [
            ("src/main.rs", 10, false),
            (".env", 10, true),
            ("a/b/.env.local", 10, true),
            (".env.example", 10, false),
            ("environment", 10, false),
            ("server.pem", 10, true),
            ("vendor/lib/", 0, true),
            ("big.bin", 101, true),
            ("big.bin", 100, false),
        ] {
            assert_eq!(exclusion_reason(path, Some(size), ByteSize::bytes(100)).is_some(), left, "{path}");
        }
    }
}
