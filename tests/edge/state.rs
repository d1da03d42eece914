//! Locked, expired, away, back: what an account's state does to its user.
