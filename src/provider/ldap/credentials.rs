//! Who we are at the directory.

use secrecy::SecretString;

use crate::config::SecretSource;

/// The identity that we use at the directory, with the secret read.
pub(super) enum Credentials {
    /// An anonymous bind.
    Anonymous,
    /// A bind with a DN and its password, which is not empty.
    Simple {
        /// The DN.
        dn: String,
        /// The password.
        password: SecretString,
        /// Where it was read.
        source: SecretSource,
    },
    /// A bind with the identity that the transport provides.
    External,
}
