//! Members through TLS.

use grid_core::store::Timestamp;
use grid_member::transport::{DialError, EndCause, Lane, Refusal, TlsError, TlsSettings};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    date_time_ymd,
};

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

#[tokio::test]
async fn who_is_refused_by_a_listener_is_told_by_tls() {
    let (ours, others) = (authority(), authority());
    let a = node(1, tls_of(&ours, &ours, "127.0.0.1", None));
    let stranger = node(2, tls_of(&others, &ours, "127.0.0.1", None));
    let refused = stranger.dial(&a).await.unwrap_err();
    let DialError::Tls { problem } = &refused else {
        panic!("{refused}")
    };
    assert!(problem.contains("alert"), "{problem}");
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
    assert!(matches!(wrong, TlsError::Key), "{wrong}");
    let wrong = TlsSettings::new(pem.as_bytes(), other.as_bytes(), b"\x30\x82", None).unwrap_err();
    assert!(wrong.to_string().contains("the authority"), "{wrong}");
}

/// What is wrong with a certificate, before a member uses it.
#[test]
fn a_certificate_that_others_would_refuse_is_told_beforehand() {
    let (ours, others) = (authority(), authority());
    let now = Timestamp::from_unix_ms(1_790_000_000_000);
    let check = |issuer: &Authority, name: Option<&str>, change: &dyn Fn(&mut CertificateParams)| {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned(), "a.test".to_owned()]).unwrap();
        change(&mut params);
        let certificate = params.signed_by(&key, issuer).unwrap();
        let (certificate, key) = (certificate.pem(), key.serialize_pem());
        let tls = TlsSettings::new(
            certificate.as_bytes(),
            key.as_bytes(),
            ours.pem().as_bytes(),
            name,
        );
        tls.unwrap().check([127, 0, 0, 1].into(), now)
    };
    check(&ours, None, &|_| {}).unwrap();
    check(&ours, Some("a.test"), &|_| {}).unwrap();
    let wrong = check(&ours, None, &|params| {
        params.not_after = date_time_ymd(2024, 2, 29)
    })
    .unwrap_err();
    assert!(wrong.to_string().contains("has expired on 2024-02-29"), "{wrong}");
    let wrong = check(&ours, None, &|params| {
        params.not_before = date_time_ymd(2100, 1, 1)
    })
    .unwrap_err();
    assert!(
        wrong.to_string().contains("not valid yet before 2100-01-01"),
        "{wrong}"
    );
    let wrong = check(&others, None, &|_| {}).unwrap_err();
    assert!(matches!(wrong, TlsError::Authority), "{wrong}");
    let wrong = check(&ours, Some("b.test"), &|_| {}).unwrap_err();
    assert!(wrong.to_string().contains("not for b.test"), "{wrong}");
    for one_end in [
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ] {
        let wrong = check(&ours, None, &|params| {
            params.extended_key_usages = vec![one_end.clone()];
        });
        assert!(matches!(wrong, Err(TlsError::Purpose)), "{one_end:?}: {wrong:?}");
    }
}
