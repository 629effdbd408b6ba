//! Members that talk through TLS, as processes.

use std::fs;

use grid_client::Session;
use grid_core::cache::NamedCache;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    date_time_ymd,
};
use tempfile::TempDir;

use crate::cluster_process::{is_node_safe, until};
use crate::process::{ServerProcess, run};

/// An authority, and the files of certificates that it made.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("authority.pem"), issuer.pem()).unwrap();
        Authority { issuer, folder }
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Makes a certificate for members of this machine.
    fn certify(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        fs::write(self.file(&format!("{name}.pem")), certificate.pem()).unwrap();
        fs::write(self.file(&format!("{name}.key")), key.serialize_pem()).unwrap();
    }

    /// The flags of a member with this certificate.
    fn flags(&self, name: &str) -> Vec<String> {
        [
            ("certificate", format!("{name}.pem")),
            ("key", format!("{name}.key")),
            ("authority", "authority.pem".to_owned()),
        ]
        .iter()
        .flat_map(|(what, file)| [format!("--member-tls-{what}"), self.file(file)])
        .collect()
    }
}

fn with<'a>(flags: &'a [String], more: &[&'a str]) -> Vec<&'a str> {
    flags
        .iter()
        .map(String::as_str)
        .chain(more.iter().copied())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_with_certificates_are_a_cluster_that_holds_data_and_is_found() {
    let authority = Authority::new();
    let mut flags = Vec::new();
    for name in ["one", "two", "three"] {
        authority.certify(name, |_| {});
        flags.push(authority.flags(name));
    }
    let first = ServerProcess::start(&with(&flags[0], &["--name", "one"]));
    let listen = first.field("listen").to_owned();
    let join =
        |at: usize, name| ServerProcess::start(&with(&flags[at], &["--name", name, "--join", &listen]));
    let (second, third) = (join(1, "two"), join(2, "three"));
    let http = second.field("http").to_owned();
    until(&http, &["status"], |cluster| is_node_safe(cluster, 3));

    // Clients look the cluster up without TLS.
    let session = Session::builder().name_service(second.field("listen"));
    let session = session.connect().await.unwrap();
    let cache = session.cache::<u32, String>("orders").await.unwrap();
    for key in 0..100 {
        cache.insert(&key, &format!("order {key}")).await.unwrap();
    }
    drop(third);
    until(&http, &["status"], |cluster| is_node_safe(cluster, 2));
    for key in 0..100 {
        assert_eq!(cache.get(&key).await.unwrap(), Some(format!("order {key}")));
    }
    session.close().await;
    drop((first, second));
}

#[test]
fn who_has_no_certificate_of_the_authority_is_refused_and_told_why() {
    let (ours, others) = (Authority::new(), Authority::new());
    ours.certify("one", |_| {});
    others.certify("stranger", |_| {});
    let flags = ours.flags("one");
    let mut member = ServerProcess::start(&with(&flags, &["--name", "one"]));
    let listen = member.field("listen").to_owned();

    let mut plain = ServerProcess::spawn(&["--name", "plain", "--join", &listen]);
    plain.wait_for_log("TLS only");
    member.wait_for_log("TLS only");
    drop(plain);

    let strange = others.flags("stranger");
    let mut stranger = ServerProcess::spawn(&with(&strange, &["--name", "stranger", "--join", &listen]));
    stranger.wait_for_log("use certificates of the same authority on all members");
    member.wait_for_log("refused by TLS");
    drop(stranger);

    // It takes the certificate of the member, and has one that the member does not take.
    let mut mixed = others.flags("stranger");
    let both = ours.file("both.pem");
    let text = format!("{}{}", ours.issuer.pem(), others.issuer.pem());
    fs::write(&both, text).unwrap();
    mixed[5].clone_from(&both);
    let mut mixed = ServerProcess::spawn(&with(&mixed, &["--name", "mixed", "--join", &listen]));
    mixed.wait_for_log("received fatal alert");
    drop(mixed);

    // Another way round: with TLS to a member without.
    let mut plain = ServerProcess::start(&["--name", "alone"]);
    let listen = plain.field("listen").to_owned();
    let mut second = ServerProcess::spawn(&with(&flags, &["--name", "second", "--join", &listen]));
    second.wait_for_log("no TLS");
    plain.wait_for_log("begins TLS, which is not configured here");
}

/// Two authorities, and certificates of which each has a flaw but the first two.
fn flawed() -> (Authority, Authority) {
    let (ours, others) = (Authority::new(), Authority::new());
    ours.certify("one", |_| {});
    ours.certify("other", |_| {});
    ours.certify("old", |params| params.not_after = date_time_ymd(2024, 2, 29));
    ours.certify("early", |params| params.not_before = date_time_ymd(2100, 1, 1));
    ours.certify("elsewhere", |params| {
        *params = CertificateParams::new(vec!["10.9.8.7".to_owned()]).unwrap();
    });
    ours.certify("one-end", |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    others.certify("stranger", |_| {});
    fs::write(ours.file("text.pem"), "no certificate").unwrap();
    (ours, others)
}

#[test]
fn files_that_are_of_no_use_are_refused_with_what_to_do() {
    let (ours, others) = flawed();
    let replaced = |at: usize, path: String| {
        let mut flags = ours.flags("one");
        flags[at] = path;
        flags
    };
    let mut strange = others.flags("stranger");
    strange[5] = ours.file("authority.pem");
    let cases = [
        (
            replaced(1, ours.file("none.pem")),
            "member.tls-certificate",
            "cannot be read",
        ),
        (
            replaced(3, ours.file("none.key")),
            "member.tls-key",
            "--member-tls-key FILE",
        ),
        (
            replaced(5, ours.file("")),
            "member.tls-authority",
            "cannot be read",
        ),
        (
            replaced(1, ours.file("text.pem")),
            "member.tls-certificate",
            "BEGIN CERTIFICATE",
        ),
        (
            replaced(3, ours.file("one.pem")),
            "member.tls-key",
            "no private key",
        ),
        (
            replaced(5, ours.file("text.pem")),
            "member.tls-authority",
            "BEGIN CERTIFICATE",
        ),
        (
            replaced(3, ours.file("other.key")),
            "member.tls-key",
            "not the one of the certificate",
        ),
        (
            ours.flags("old"),
            "member.tls-certificate",
            "has expired on 2024-02-29",
        ),
        (
            ours.flags("early"),
            "member.tls-certificate",
            "not valid yet before 2100-01-01",
        ),
        (
            ours.flags("elsewhere"),
            "member.tls-certificate",
            "is not for 127.0.0.1",
        ),
        (
            ours.flags("one-end"),
            "member.tls-certificate",
            "serverAuth and clientAuth",
        ),
        (strange, "member.tls-certificate", "of none of the authorities"),
    ];
    for (flags, setting, words) in &cases {
        is_refused(flags, setting, words);
    }
}

/// That a member with these flags does not start, and says what is wrong with which setting.
fn is_refused(flags: &[String], setting: &str, words: &str) {
    let mut arguments = vec!["serve"];
    for port in ["--listen", "--grpc", "--http"] {
        arguments.extend([port, "127.0.0.1:0"]);
    }
    arguments.extend(flags.iter().map(String::as_str));
    let (code, _, error) = run(&arguments);
    assert_eq!(code, 2, "{words}: {error}");
    assert!(
        error.contains(setting) && error.contains(words),
        "{setting}, {words}: {error}"
    );
}

#[test]
fn settings_of_tls_come_together_from_any_layer() {
    let ours = Authority::new();
    ours.certify("one", |_| {});
    let (code, _, error) = run(&["serve", "--member-tls-key", "k.pem"]);
    assert_eq!(code, 2);
    assert!(
        error.contains("--member-tls-key: member.tls-key: ")
            && error.contains("set member.tls-certificate and member.tls-authority too"),
        "{error}"
    );
    let file = ours.file("girih.toml");
    let text = format!(
        "[member]\ntls-certificate = {:?}\ntls-key = {:?}\ntls-authority = {:?}\n",
        ours.file("one.pem"),
        ours.file("one.key"),
        ours.file("authority.pem")
    );
    fs::write(&file, text).unwrap();
    // With certificates the port of members may be open to other machines; the others may not.
    let (code, _, error) = run(&[
        "serve",
        "--config",
        &file,
        "--listen",
        "0.0.0.0:0",
        "--grpc",
        "0.0.0.0:0",
    ]);
    assert_eq!(code, 2);
    assert!(error.contains("for gRPC clients, can be reached"), "{error}");
    let (code, _, error) = run(&["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!(
        (code, error.contains("--member-tls-certificate")),
        (2, true),
        "{error}"
    );
    let server = ServerProcess::start(&["--config", &file]);
    assert!(server.field("listen").starts_with("127.0.0.1:"));
    let (_, help, _) = run(&["serve", "--help"]);
    assert!(help.contains("[member.tls-authority]"), "{help}");
}
