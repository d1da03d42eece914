//! The reading lied: cut, empty, refused, or of another server.
