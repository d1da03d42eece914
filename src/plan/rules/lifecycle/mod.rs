//! Who is deactivated, and who comes back.

mod leaving;
mod missing;
mod orders;
mod present;

pub use missing::missing;
pub use orders::ordered;
pub use present::judge;
