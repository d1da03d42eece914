//! The Mattermost side and the process itself.
