use std::ffi::{CString, c_char};

use memsec_core::{Exposure, Proto, Scope, net::Family};

use crate::boundary::{borrowed, c_string, nth, texts};

/// Who reaches one listener, by one interface and one family of addresses. It
/// belongs to its report, and all that its functions return lives as long as
/// that.
#[derive(Debug)]
pub struct memsec_exposure {
    instance: CString,
    proto: memsec_proto,
    port: u16,
    family: memsec_family,
    interface: CString,
    destinations: Vec<CString>,
    scope: memsec_scope,
    exact: bool,
    may: Vec<CString>,
    except: Vec<CString>,
    must: Vec<CString>,
}

/// A protocol, by its number in an IP header.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum memsec_proto {
    /// There is no exposure.
    None = 0,
    /// TCP.
    Tcp = 6,
    /// UDP.
    Udp = 17,
}

/// A family of addresses, by its version.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum memsec_family {
    /// There is no exposure.
    None = 0,
    /// IPv4.
    Ipv4 = 4,
    /// IPv6.
    Ipv6 = 6,
}

/// How far away a source can be. The greater is the wider.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum memsec_scope {
    /// This host only, or nobody.
    Host = 0,
    /// The same link.
    Link = 1,
    /// Private addresses (RFC 1918, RFC 4193, RFC 6598).
    Private = 2,
    /// Anywhere.
    Internet = 3,
}

impl From<&Exposure> for memsec_exposure {
    fn from(exposure: &Exposure) -> Self {
        Self {
            instance: optional(exposure.instance.as_deref()),
            proto: exposure.proto.into(),
            port: exposure.port,
            family: exposure.family.into(),
            interface: optional(exposure.interface.as_deref()),
            destinations: texts(&exposure.destinations),
            scope: exposure.scope.into(),
            exact: exposure.exact,
            may: texts(exposure.may.iter()),
            except: texts(exposure.except.iter()),
            must: texts(exposure.must.iter()),
        }
    }
}

fn optional(text: Option<&str>) -> CString {
    c_string(text.unwrap_or_default())
}

impl From<Proto> for memsec_proto {
    fn from(proto: Proto) -> Self {
        match proto {
            Proto::Tcp => Self::Tcp,
            Proto::Udp => Self::Udp,
        }
    }
}

impl From<Family> for memsec_family {
    fn from(family: Family) -> Self {
        match family {
            Family::Ipv4 => Self::Ipv4,
            Family::Ipv6 => Self::Ipv6,
        }
    }
}

impl From<Scope> for memsec_scope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Host => Self::Host,
            Scope::Link => Self::Link,
            Scope::Private => Self::Private,
            Scope::Internet => Self::Internet,
        }
    }
}

/// The daemon that listens, for example "memcached". Never NULL: empty for a
/// port that the policy named, and for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_exposure_instance(
    exposure: Option<&memsec_exposure>,
) -> *const c_char {
    borrowed(exposure.map(|exposure| &exposure.instance))
}

/// TCP or UDP; MEMSEC_PROTO_NONE for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_exposure_proto(
    exposure: Option<&memsec_exposure>,
) -> memsec_proto {
    exposure.map_or(memsec_proto::None, |exposure| exposure.proto)
}

/// The port, or 0 if the kernel chooses it, and for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_exposure_port(
    exposure: Option<&memsec_exposure>,
) -> u16 {
    exposure.map_or(0, |exposure| exposure.port)
}

/// IPv4 or IPv6; MEMSEC_FAMILY_NONE for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_exposure_family(
    exposure: Option<&memsec_exposure>,
) -> memsec_family {
    exposure.map_or(memsec_family::None, |exposure| exposure.family)
}

/// The interface that the packets arrive at, for example "eth0". Never NULL:
/// empty for any one, where the snapshot does not list them, and for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_exposure_interface(
    exposure: Option<&memsec_exposure>,
) -> *const c_char {
    borrowed(exposure.map(|exposure| &exposure.interface))
}

/// The number of the host's addresses that it is reached at; 0 for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_exposure_destination_len(
    exposure: Option<&memsec_exposure>,
) -> usize {
    exposure.map_or(0, |exposure| exposure.destinations.len())
}

/// An address of the host that it is reached at, for example "192.0.2.10", or
/// NULL past the end.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_exposure_destination(
    exposure: Option<&memsec_exposure>,
    index: usize,
) -> *const c_char {
    nth(exposure.map(|exposure| &exposure.destinations), index)
}

/// How far away the farthest source can be; MEMSEC_SCOPE_HOST for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_exposure_scope(
    exposure: Option<&memsec_exposure>,
) -> memsec_scope {
    exposure.map_or(memsec_scope::Host, |exposure| exposure.scope)
}

/// True if the two bounds, the sources that may get through and those that
/// must, are the same; false for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_exposure_exact(
    exposure: Option<&memsec_exposure>,
) -> bool {
    exposure.is_some_and(|exposure| exposure.exact)
}

/// The number of networks whose packets could be delivered; 0 for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_exposure_may_len(
    exposure: Option<&memsec_exposure>,
) -> usize {
    exposure.map_or(0, |exposure| exposure.may.len())
}

/// A network whose packets could be delivered, for example "0.0.0.0/0" or
/// "192.0.2.7", or NULL past the end. Those of memsec_exposure_except() are
/// left out of it.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_exposure_may(
    exposure: Option<&memsec_exposure>,
    index: usize,
) -> *const c_char {
    nth(exposure.map(|exposure| &exposure.may), index)
}

/// The number of networks that memsec_exposure_may() lacks; 0 for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_exposure_except_len(
    exposure: Option<&memsec_exposure>,
) -> usize {
    exposure.map_or(0, |exposure| exposure.except.len())
}

/// A network that memsec_exposure_may() lacks, or NULL past the end.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_exposure_except(
    exposure: Option<&memsec_exposure>,
    index: usize,
) -> *const c_char {
    nth(exposure.map(|exposure| &exposure.except), index)
}

/// The number of networks whose packets are sure to be delivered; 0 for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_exposure_must_len(
    exposure: Option<&memsec_exposure>,
) -> usize {
    exposure.map_or(0, |exposure| exposure.must.len())
}

/// A network whose packets are sure to be delivered and, over TCP, answered,
/// or NULL past the end.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_exposure_must(
    exposure: Option<&memsec_exposure>,
    index: usize,
) -> *const c_char {
    nth(exposure.map(|exposure| &exposure.must), index)
}
