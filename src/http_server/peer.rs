//! Whose program is at the other end of a connection. Linux lists every socket with its owner in /proc/net/tcp
//! (proc_net_tcp.rst in the kernel's documentation); where nothing like it is asked, everybody passes.
//!
//! What cannot be told is refused: a list that cannot be read, an end that is gone already.

use std::net::TcpStream;

/// Whether it is the user's who runs this process. Root is another user, too.
#[cfg(target_os = "linux")]
pub(super) fn is_own(stream: &TcpStream) -> bool {
    let (Ok(peer), Ok(own)) = (stream.peer_addr(), stream.local_addr()) else { return false };
    let (std::net::SocketAddr::V4(peer), std::net::SocketAddr::V4(own)) = (peer, own) else { return false };
    linux::owner(peer, own) == Some(rustix::process::geteuid().as_raw())
}

/// Nobody is asked here.
#[cfg(not(target_os = "linux"))]
pub(super) fn is_own(_: &TcpStream) -> bool {
    true
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{fs, net::SocketAddrV4};

    /// The list is read in pieces, between which sockets come and go, so that an entry can be missed.
    const TRIES: usize = 3;

    /// The owner of the socket at `peer` that is connected to `own`.
    pub(super) fn owner(peer: SocketAddrV4, own: SocketAddrV4) -> Option<u32> {
        let tables =
            [("/proc/self/net/tcp", ipv4(peer), ipv4(own)), ("/proc/self/net/tcp6", mapped(peer), mapped(own))];
        let look = |(path, peer, own): &(&str, String, String)| owner_in(&fs::read_to_string(path).ok()?, peer, own);
        (0..TRIES).find_map(|_| tables.iter().find_map(look))
    }

    /// Lines of a number, both ends, state, queues, timer, retransmissions, user ID, and more.
    pub(super) fn owner_in(table: &str, local: &str, remote: &str) -> Option<u32> {
        table.lines().find_map(|line| {
            let mut fields = line.split_ascii_whitespace().skip(1);
            let is_it = fields.next() == Some(local) && fields.next() == Some(remote);
            is_it.then(|| fields.nth(4)?.parse().ok())?
        })
    }

    /// An address as 32 bits in the machine's order, and the port.
    pub(super) fn ipv4(address: SocketAddrV4) -> String {
        format!("{:08X}:{:04X}", u32::from_ne_bytes(address.ip().octets()), address.port())
    }

    /// The same as a socket for IPv6 has it (`::ffff:127.0.0.1`), as Java opens them.
    pub(super) fn mapped(address: SocketAddrV4) -> String {
        let words = address.ip().to_ipv6_mapped().octets();
        let words = words.chunks_exact(4).map(|word| u32::from_ne_bytes([word[0], word[1], word[2], word[3]]));
        let words: String = words.map(|word| format!("{word:08X}")).collect();
        format!("{words}:{:04X}", address.port())
    }
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr, SocketAddrV6, TcpListener};

    use super::*;

    #[cfg(target_endian = "little")]
    #[test]
    fn the_owner_stands_in_the_line_with_both_ends() {
        const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
             0: 0100007F:9C40 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 12345 1 0000000000000000 20 4\n   \
             1: 0100007F:1F90 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 12346 1 0000000000000000 20 4\n";
        let address = |port| std::net::SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
        let (client, server) = (linux::ipv4(address(40000)), linux::ipv4(address(8080)));
        assert_eq!(linux::owner_in(TABLE, &client, &server), Some(1000));
        assert_eq!(linux::owner_in(TABLE, &server, &client), Some(0));
        assert_eq!(linux::owner_in(TABLE, &client, &client), None);
        assert_eq!(linux::mapped(address(8080)), "0000000000000000FFFF00000100007F:1F90");
    }

    #[test]
    fn a_connection_of_our_own_is_known_by_whatever_socket() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener");
        let address = listener.local_addr().expect("an address");
        let mapped = SocketAddrV6::new(Ipv4Addr::LOCALHOST.to_ipv6_mapped(), address.port(), 0, 0);
        for address in [address, SocketAddr::V6(mapped)] {
            let Ok(client) = TcpStream::connect(address) else { continue };
            let (stream, _) = listener.accept().expect("accepted");
            assert!(is_own(&stream), "{address}");
            drop(client);
        }
    }

    #[test]
    fn an_end_that_is_gone_is_nobodys() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener");
        let client = TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
        let (stream, _) = listener.accept().expect("accepted");
        drop(client);
        // A socket that waits for its time to be over counts as root's.
        assert!(!is_own(&stream) || rustix::process::geteuid().is_root());
    }
}
