//! What a search of objects finds.

use crate::git::raw::ObjectKind;

/// Something in an object that looks like a secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct SecretHit {
    /// What it looks like, such as `a private key`.
    pub(super) what: String,
    /// The text that was found.
    pub(super) text: Vec<u8>,
    /// The kind of object it was found in.
    pub(super) kind: ObjectKind,
}
