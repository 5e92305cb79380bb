//! The test harness: an isolated world for every test, real git, the real binaries, and plain git to check
//! what they did.

mod command;
mod dir_state;
mod faults;
mod forge;
mod generated_repo;
mod picture;
mod poll;
mod processes;
mod repo;
mod schema;
mod screen;
mod shown;
mod skip;
mod terminal;
mod transcript;
mod world;

pub use command::Ran;
pub use dir_state::{FileState, dir_state};
pub use faults::{Aim, Injector, Mode, State};
pub use forge::{FakeForge, ForgeFlavor, ForgeIssue, GivenComment, GivenReview, Pull, Trouble};
pub use generated_repo::{GeneratedRepo, SeededRandom};
pub use picture::{svg, text_of_svg};
pub use poll::{runs, times, until};
pub use processes::processes_in;
pub use repo::TestRepo;
pub use schema::schema_faults;
pub use screen::Screen;
pub use shown::Redactions;
pub use skip::skip;
pub use terminal::{has_terminal, talk};
pub use transcript::{Step, Transcript, comparable};
pub use world::World;
