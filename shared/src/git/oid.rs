//! Converting object ids to and from gix.

pub use crate::model::Oid;

impl Oid {
    pub(super) fn gix(self) -> gix::ObjectId {
        gix::ObjectId::Sha1(*self.as_bytes())
    }
}

impl From<gix::ObjectId> for Oid {
    fn from(id: gix::ObjectId) -> Self {
        let mut bytes = [0; 20];
        bytes.copy_from_slice(&id.as_slice()[..20]);
        Self::from_bytes(bytes)
    }
}
