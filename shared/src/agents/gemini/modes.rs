//! The permission modes in the program's words.

use crate::model::Permission;

/// Returns the program's word for a permission mode. Without a terminal, `default` denies whatever needs a permission.
pub(super) const fn mode(permission: Permission) -> &'static str {
    match permission {
        Permission::Default | Permission::DontAsk => "default",
        Permission::AcceptEdits => "auto_edit",
        Permission::Plan => "plan",
        Permission::BypassPermissions => "yolo",
    }
}
