//! TAP devices: network interfaces whose cable is a file.

use std::{
    fs::{File, OpenOptions},
    io,
    os::fd::AsRawFd,
};

use nix::libc::{IFF_NO_PI, IFF_TAP, TUNSETIFF, c_short};

/// `struct ifreq` as TUNSETIFF reads and writes it.
#[repr(C)]
pub struct Request {
    name: [u8; 16],
    flags: c_short,
    rest: [u8; 22],
}

nix::ioctl_readwrite_bad!(make_interface, TUNSETIFF, Request);

/// Makes a TAP device in the network of this thread. What is written to the
/// file arrives at the interface, and the kernel has dealt with it when
/// `write` returns. The interface ends with the file.
pub fn tap(name: &str) -> io::Result<File> {
    let file =
        OpenOptions::new().read(true).write(true).open("/dev/net/tun")?;
    let mut request = Request {
        name: [0; 16],
        flags: (IFF_TAP | IFF_NO_PI) as c_short,
        rest: [0; 22],
    };
    request.name[..name.len()].copy_from_slice(name.as_bytes());
    #[expect(unsafe_code, reason = "there is no safe way to ask for a TAP")]
    // SAFETY: TUNSETIFF reads and writes one struct ifreq, which `Request`
    // is in size and layout; it lives and the file is open during the call.
    unsafe {
        make_interface(file.as_raw_fd(), &raw mut request)?;
    }
    Ok(file)
}
