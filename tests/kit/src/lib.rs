//! The test harness: an isolated world for every test, real git, the real binaries, and plain git to check
//! what they did.

mod command;
mod faults;
mod forest;
mod picture;
mod poll;
mod repo;
mod schema;
mod shown;
mod skip;
mod terminal;
mod world;

pub use command::Ran;
pub use faults::{Aim, Injector, Mode, State};
pub use forest::{Forest, Numbers};
pub use picture::{Seen, picture};
pub use poll::{times, until};
pub use repo::TestRepo;
pub use schema::schema_faults;
pub use shown::Redactions;
pub use skip::skip;
pub use terminal::{has_terminal, talk};
pub use world::World;
