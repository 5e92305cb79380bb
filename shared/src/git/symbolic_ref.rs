//! Refs that name another ref, such as `HEAD`, read from their files.

use std::path::Path;

use super::careful;

/// The name in the file of a symbolic ref, `HEAD` included; none in any other.
pub(super) fn target(file: &Path) -> Option<String> {
    let text = careful::text(file).ok()?;
    Some(text.strip_prefix("ref:")?.trim().to_owned()).filter(|name| !name.is_empty())
}
