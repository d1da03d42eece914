//! Who is who: names, ids, people who were there before.
