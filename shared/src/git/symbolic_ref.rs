//! Reading refs that point to another ref, such as `HEAD`, from their files.

use std::path::Path;

use super::careful;

/// Returns the target of a symbolic ref, `HEAD` included; `None` for any other file.
pub(super) fn target(file: &Path) -> Option<String> {
    let text = careful::text(file).ok()?;
    Some(text.strip_prefix("ref:")?.trim().to_owned()).filter(|name| !name.is_empty())
}
