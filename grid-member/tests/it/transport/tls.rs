//! Members through TLS.

use grid_member::transport::{DialError, EndCause, Lane, Refusal, TlsSettings};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use super::fixture::{ECHO, Event, Node, settings, within};
use super::raw::{Raw, hello, opening};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// The settings of a member with a certificate of one authority that trusts another.
fn tls_of(issuer: &Authority, trusted: &Authority, subject: &str, name: Option<&str>) -> TlsSettings {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![subject.to_owned()]).unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    TlsSettings::new(
        certificate.pem().as_bytes(),
        key.serialize_pem().as_bytes(),
        trusted.pem().as_bytes(),
        name,
    )
    .unwrap()
}

fn node(process: u128, tls: TlsSettings) -> Node {
    Node::start_with(process, settings(), |builder| builder.tls(tls))
}

#[tokio::test]
async fn members_talk_through_tls() {
    let ca = authority();
    for (subject, name) in [("members.test", Some("members.test")), ("127.0.0.1", None)] {
        let a = node(1, tls_of(&ca, &ca, subject, name));
        let mut b = node(2, tls_of(&ca, &ca, subject, name));
        let link = a.dial(&b).await.unwrap();
        for len in [0, 10, 100_000, 5 << 20] {
            let payload = vec![3; len];
            assert!(within(link.request(ECHO, payload.clone())).await.unwrap() == payload);
        }
        let many = (0..500_u32).map(|number| link.request(ECHO, number.to_le_bytes().to_vec()));
        for (number, answer) in (0_u32..).zip(within(futures::future::join_all(many)).await) {
            assert_eq!(answer.unwrap(), number.to_le_bytes().as_slice());
        }
        assert!(matches!(b.event().await, Event::Accepted(..)));
        drop(link);
        assert!(matches!(b.closed().await, EndCause::ClosedByPeer(_)));
    }
}

#[tokio::test]
async fn another_authority_is_refused_in_both_directions() {
    let (ours, others) = (authority(), authority());
    let a = node(1, tls_of(&ours, &ours, "127.0.0.1", None));
    let stranger = node(2, tls_of(&others, &ours, "127.0.0.1", None));
    let refused = a.dial(&stranger).await.unwrap_err();
    assert!(matches!(refused, DialError::Tls { .. }), "{refused}");
    // In TLS 1.3 the client hears of the server's refusal with the first read.
    let refused = stranger.dial(&a).await.unwrap_err();
    assert!(
        matches!(refused, DialError::Tls { .. } | DialError::Ended(_)),
        "{refused}"
    );
}

#[tokio::test]
async fn another_name_is_refused() {
    let ca = authority();
    let a = node(1, tls_of(&ca, &ca, "a.test", Some("b.test")));
    let b = node(2, tls_of(&ca, &ca, "a.test", None));
    assert!(matches!(a.dial(&b).await.unwrap_err(), DialError::Tls { .. }));
}

#[tokio::test]
async fn plain_and_tls_refuse_each_other() {
    let ca = authority();
    let (plain, mut tls) = (Node::start(1), node(2, tls_of(&ca, &ca, "127.0.0.1", None)));
    assert_eq!(
        plain.dial(&tls).await.unwrap_err(),
        DialError::Rejected(Refusal::TlsOnly)
    );
    assert!(matches!(
        tls.dial(&plain).await.unwrap_err(),
        DialError::Tls { .. }
    ));
    let mut raw = Raw::connect(tls.address()).await;
    raw.send(&opening(&hello())).await;
    let answer = raw.opening().await;
    assert_eq!(Refusal::decode(&answer.payload), Ok(Refusal::TlsOnly));
    assert!(tls.has_no_event());
}

#[tokio::test]
async fn a_member_that_stops_says_so_through_tls() {
    let ca = authority();
    let tls = || tls_of(&ca, &ca, "127.0.0.1", None);
    let (a, mut b) = (node(1, tls()), node(2, tls()));
    let link = within(a.transport.dial(b.address(), Lane::Control))
        .await
        .unwrap();
    assert!(matches!(b.event().await, Event::Accepted(..)));
    within(b.supervisor.shut_down()).await;
    let cause = within(link.ended()).await;
    assert!(matches!(cause, EndCause::ClosedByPeer(_)), "{cause:?}");
}

#[test]
fn settings_that_do_not_fit_are_refused_with_the_reason() {
    let ca = authority();
    let pem = ca.pem();
    let wrong = TlsSettings::new(b"nothing", b"", pem.as_bytes(), None).unwrap_err();
    assert!(wrong.to_string().contains("the certificate"), "{wrong}");
    let wrong = TlsSettings::new(pem.as_bytes(), b"", pem.as_bytes(), None).unwrap_err();
    assert!(wrong.to_string().contains("the key"), "{wrong}");
    let other = KeyPair::generate().unwrap().serialize_pem();
    let wrong = TlsSettings::new(pem.as_bytes(), other.as_bytes(), pem.as_bytes(), None).unwrap_err();
    assert!(wrong.to_string().contains("do not fit"), "{wrong}");
}
