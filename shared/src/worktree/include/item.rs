//! What is copied.

/// A file, link, or folder to copy, by its path in the checkout.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Item {
    pub(super) path: Vec<u8>,
    pub(super) kind: ItemKind,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ItemKind {
    File,
    Link,
    Folder,
}
