//! The number of a lease.

/// The number of a lease. Whoever takes the lease raises it; whoever held it before can write
/// nothing any more, even if they do not know yet that they lost it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fence(pub i64);
