//! E-mail addresses: missing, malformed, shared, refused.
