//! The number of a lease.

/// The number of a lease. A process that takes the lease raises it. A process that had an older
/// lease can then write nothing any more, even if it does not know yet that it lost the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fence(pub i64);
