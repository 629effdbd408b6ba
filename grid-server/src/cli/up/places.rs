//! The addresses of the members.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use super::super::arguments::UpArguments;
use super::super::error::CliError;

/// Where a member is reached. It stays when the member is started again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) name: String,
    pub(super) listen: SocketAddr,
    pub(super) grpc: SocketAddr,
    pub(super) http: SocketAddr,
}

/// A place for each member. The ports are free when this returns, and of this command unless another program is quicker.
pub(super) fn places(arguments: &UpArguments) -> Result<Vec<Place>, CliError> {
    let hold_all = |at: u16| {
        Ok([
            hold(arguments.grpc_port, at)?,
            hold(arguments.http_port, at)?,
            hold(None, 0)?,
        ])
    };
    // All are held until all are known, so that none is given twice.
    let held: Vec<[Held; 3]> = (0..arguments.members)
        .map(hold_all)
        .collect::<Result<_, CliError>>()?;
    let place = |(at, [grpc, http, listen]): (usize, &[Held; 3])| Place {
        name: format!("member-{}", at + 1),
        listen: listen.address,
        grpc: grpc.address,
        http: http.address,
    };
    Ok(held.iter().enumerate().map(place).collect())
}

/// An address that nobody else can take meanwhile.
struct Held {
    address: SocketAddr,
    _listener: TcpListener,
}

/// Holds the port that is so many after the first, or any.
fn hold(first: Option<u16>, at: u16) -> Result<Held, CliError> {
    let port = match first {
        None => 0,
        Some(first) => first
            .checked_add(at)
            .ok_or_else(|| CliError::Usage(format!("there are not enough ports from {first} on")))?,
    };
    let held = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).and_then(|listener| {
        Ok(Held {
            address: listener.local_addr()?,
            _listener: listener,
        })
    });
    held.map_err(|error| {
        CliError::Usage(format!(
            "port {port} of this machine cannot be used: {error}; choose others with --grpc-port and --http-port"
        ))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn arguments(members: u16, grpc_port: Option<u16>) -> UpArguments {
        UpArguments {
            members,
            dir: None,
            grpc_port,
            http_port: None,
            cluster: "girih".to_owned(),
            backups: 1,
            config: None,
        }
    }

    #[test]
    fn every_member_has_ports_of_its_own() {
        let places = places(&arguments(20, None)).unwrap();
        let ports = places
            .iter()
            .flat_map(|place| [place.listen, place.grpc, place.http]);
        assert_eq!(ports.collect::<BTreeSet<_>>().len(), 60);
        assert_eq!(places[19].name, "member-20");
    }

    #[test]
    fn ports_that_cannot_be_had_are_told() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = places(&arguments(1, Some(port))).unwrap_err();
        assert!(error.to_string().contains("--grpc-port"), "{error}");
        let error = places(&arguments(2, Some(u16::MAX))).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{error}");
    }
}
