//! Who may push to the branch of a pull request that is in a fork.

/// Who may push to the branch of a pull request that is in a fork.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ForkEdits {
    /// Those who may push to the repository that it should be merged into; the path of the fork.
    ByMaintainers(String),
    /// The owner of the fork alone, who can change that.
    ByOwner,
    /// The owner of the fork alone: the forge knows nothing else.
    Never,
}
