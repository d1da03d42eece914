//! Free ports of 127.0.0.1.

use std::net::{Ipv4Addr, TcpListener};
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};

/// Ports below the range from which Linux takes outgoing ones (32768 and up), so that a server that
/// is stopped finds its port free when it starts again.
const RANGE: std::ops::Range<u16> = 12_000..32_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port on which nobody listens now. Another process may take it first: who starts a server tries
/// again with another port.
pub(crate) fn free() -> u16 {
    let width = RANGE.end - RANGE.start;
    // Test binaries run side by side: each starts looking somewhere else.
    let offset = (u64::from(process::id()) * 7_919 % u64::from(width)) as u16;
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed) % width;
        let port = RANGE.start + (offset + step) % width;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
