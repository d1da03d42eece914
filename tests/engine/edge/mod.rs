//! The known ways in which directory synchronisation has gone wrong elsewhere, each as one test
//! `edge_NN_what_is_expected`, at the highest level at which it can be seen.

mod scene;

mod access;
mod aftermath;
mod completeness;
mod groups;
mod identity;
mod identity_moves;
mod ids;
mod late;
mod mail;
mod remembered;
mod renamed;
mod rings;
mod rings_undone;
mod seats;
mod state;
mod target;
mod words;
