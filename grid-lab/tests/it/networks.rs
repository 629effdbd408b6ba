//! Namespaces that are cut; Python programs stand in for members.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use grid_lab::network::{Cut, Network, NetworkError, missing};

const LISTEN: &str = "
import socket
s = socket.create_server(('0.0.0.0', 7000))
print('listening', flush=True)
while True:
    c, _ = s.accept()
    c.sendall(b'ok')
    c.close()
";

const CALL: &str = "
import socket, sys
try:
    with socket.create_connection((sys.argv[1], 7000), timeout=0.5) as s:
        print(s.recv(2).decode())
except TimeoutError:
    print('silent')
except OSError as error:
    print(type(error).__name__)
";

fn listen(network: &Network, host: usize) -> Child {
    let mut command = network.command(host, "python3");
    let mut child = command
        .args(["-c", LISTEN])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line, "listening\n");
    child
}

/// What a host hears when it calls another.
fn call(network: &Network, from: usize, to: usize) -> String {
    let mut command = network.command(from, "python3");
    let output = command
        .args(["-c", CALL, &network.address(to).to_string()])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn hosts_are_cut_off_and_found_again() {
    let mut network = match (missing(), Network::namespaces(3)) {
        (None, network) => network.unwrap(),
        (Some(lacks), Err(NetworkError::Missing { what })) => {
            assert_eq!(what, lacks);
            return;
        }
        (Some(lacks), other) => panic!("without {lacks} there is no network: {other:?}"),
    };
    let mut listening: Vec<Child> = (1..=3).map(|host| listen(&network, host)).collect();
    assert_eq!(
        (call(&network, 1, 2), call(&network, 3, 1)),
        ("ok".into(), "ok".into())
    );

    network.cut(&[1], &[2, 3], Cut::Silent).await.unwrap();
    assert_eq!(call(&network, 1, 2), "silent");
    assert_eq!(call(&network, 3, 1), "silent");
    assert_eq!(call(&network, 2, 3), "ok");
    {
        let _inside = network.enter().unwrap();
        let at = |host| std::net::TcpStream::connect((network.address(host), 7000));
        assert!(at(1).is_ok() && at(2).is_ok(), "clients reach both sides");
    }
    network.heal().await.unwrap();
    assert_eq!(call(&network, 1, 2), "ok");

    network.cut(&[1], &[2, 3], Cut::Reset).await.unwrap();
    assert_eq!(call(&network, 1, 2), "ConnectionRefusedError");
    assert_eq!(call(&network, 3, 1), "ConnectionRefusedError");
    assert_eq!(call(&network, 2, 3), "ok");
    network.heal().await.unwrap();

    network.cut_one_way(&[1], &[2]).await.unwrap();
    // Neither gets through, since answers are packets too; to a third both do.
    assert_eq!(
        (call(&network, 2, 1), call(&network, 1, 3)),
        ("silent".into(), "ok".into())
    );
    network.heal().await.unwrap();

    network.lose(1_000).await.unwrap();
    assert_eq!(call(&network, 2, 3), "silent");
    network.heal().await.unwrap();
    assert_eq!(call(&network, 2, 3), "ok");

    // What runs in the namespaces ends with them.
    network = Network::loopback();
    for child in &mut listening {
        assert!(!child.wait().unwrap().success());
    }
    assert!(!network.is_divided());
}

#[tokio::test]
async fn one_machine_cannot_be_cut() {
    let network = Network::loopback();
    let cut = network.cut(&[1], &[2], Cut::Silent).await;
    assert!(matches!(cut, Err(NetworkError::Whole)));
    assert!(network.heal().await.is_ok());
    assert!(matches!(
        Network::namespaces(0),
        Err(NetworkError::Hosts { hosts: 0 })
    ));
}
