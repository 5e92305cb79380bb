//! Which files of a worktree are left out of the agent's work. They stay where they are and are listed.

use crate::model::ByteSize;

/// File names that usually hold secrets.
const SECRET_NAMES: &[&str] =
    &[".env", ".netrc", ".pgpass", "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "credentials.json"];
/// Extensions of files that usually hold private keys.
const SECRET_EXTENSIONS: &[&str] = &[".pem", ".p12", ".pfx", ".jks", ".keystore"];
/// Suffixes of `.env` files that are meant to be shared, such as `.env.example`.
const SHARED_ENV: &[&str] = &["example", "sample", "template", "dist", "defaults"];

/// Why a repository inside the worktree is left out.
pub const REPOSITORY: &str = "a repository of its own";
/// Why a large file is left out.
pub const TOO_LARGE: &str = "too large (orchestra.maxFile)";

/// Returns why an untracked file is left out; `None`: it is captured. `size` is in bytes, `None` if the file is gone. A path that
/// ends in `/` is a repository inside the worktree.
pub fn exclusion_reason(path: &str, size: Option<u64>, max_size: ByteSize) -> Option<&'static str> {
    if path.ends_with('/') {
        return Some(REPOSITORY);
    }
    if size.is_some_and(|size| size > max_size.as_bytes()) {
        return Some(TOO_LARGE);
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    let looks_secret = SECRET_NAMES.contains(&name)
        || SECRET_EXTENSIONS.iter().any(|ending| name.ends_with(ending))
        || name.strip_prefix(".env.").is_some_and(|rest| !SHARED_ENV.contains(&rest));
    looks_secret.then_some("looks like a secret")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_nested_repositories_and_large_files_are_left_out() {
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
