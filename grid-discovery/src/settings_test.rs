use proptest::prelude::*;

use super::*;

fn error_of(text: &str) -> String {
    text.parse::<SourceSettings>()
        .expect_err("such a source makes no sense")
        .to_string()
}

#[test]
fn texts_are_read_and_written_back() {
    for (text, written) in [
        ("static:a:1", "static:a:1"),
        (
            " static:a:1, [::1]:2 ,10.0.0.1:3",
            "static:a:1,[::1]:2,10.0.0.1:3",
        ),
        ("multicast", "multicast:239.192.14.8:7574"),
        ("multicast:239.1.2.3", "multicast:239.1.2.3:7574"),
        (
            "multicast:239.1.2.3:9?ttl=0&interface=127.0.0.1",
            "multicast:239.1.2.3:9?ttl=0&interface=127.0.0.1",
        ),
        ("multicast?ttl=1", "multicast:239.192.14.8:7574?ttl=1"),
        (
            "multicast:[ff15::1]?interface=2",
            "multicast:[ff15::1]:7574?interface=2",
        ),
        ("multicast:[ff15::1]:9", "multicast:[ff15::1]:9"),
        ("folder:shared/grid", "folder:shared/grid"),
    ] {
        let source: SourceSettings = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(source.to_string(), written);
        assert_eq!(written.parse(), Ok(source));
    }
}

#[test]
fn errors_say_what_would_be_right() {
    for (text, words) in [
        ("", "write static:HOST:PORT"),
        ("http://x", "write static:HOST:PORT"),
        ("static:", "write HOST:PORT"),
        ("static:a", "write HOST:PORT"),
        ("static:a:0", "write HOST:PORT"),
        ("static:a:1,,b:2", "write HOST:PORT"),
        ("static:::1:7574", "write HOST:PORT"),
        ("static:a b:1", "write HOST:PORT"),
        ("multicast:", "write GROUP or GROUP:PORT"),
        ("multicast:host:1", "write GROUP or GROUP:PORT"),
        ("multicast:10.0.0.1:1", "no multicast group; choose one such as"),
        ("multicast:239.1.2.3:0", "a port from 1 to 65535"),
        ("multicast?ttl=256", "from 0 to 255"),
        ("multicast?color=red", "there are ttl=N and interface=ADDRESS"),
        ("multicast?interface=eth0", "neither the address nor the number"),
        ("multicast?interface=3", "by its address"),
        ("multicast:[ff15::1]?interface=10.0.0.1", "by its number"),
        ("folder:", "write folder:PATH"),
        ("s3:///x", "write folder:PATH or s3://BUCKET"),
    ] {
        let error = error_of(text);
        assert!(error.contains(words), "{text}: {error}");
    }
    let long = vec!["a:1"; 257].join(",");
    assert!(error_of(&format!("static:{long}")).contains("at most 256"));
}

#[cfg(not(feature = "s3"))]
#[test]
fn a_source_that_was_not_built_in_is_named() {
    assert!(error_of("s3://bucket/prefix").contains("feature \"s3\""));
}

#[cfg(feature = "s3")]
#[test]
fn a_bucket_and_its_prefix() {
    let source: SourceSettings = "s3://bucket/a/b/".parse().unwrap();
    let DirectorySettings::S3 { bucket, prefix } = (match &source {
        SourceSettings::Directory(directory) => directory.clone(),
        other => panic!("{other:?}"),
    }) else {
        panic!("{source:?}");
    };
    assert_eq!((bucket.as_str(), prefix.as_str()), ("bucket", "a/b"));
    assert_eq!(
        "s3://bucket".parse::<SourceSettings>().unwrap().to_string(),
        "s3://bucket/"
    );
}

#[test]
fn settings_are_checked_as_a_whole() {
    assert!(Settings::parse("girih", ["multicast", "folder:x"]).is_ok());
    let bad_name = Settings::parse("a b", []).unwrap_err().to_string();
    assert!(bad_name.contains("\"a b\" is no name of a cluster"), "{bad_name}");
    let many = Settings::parse("girih", vec!["multicast"; 65])
        .unwrap_err()
        .to_string();
    assert!(many.contains("65 are given, and at most 64"), "{many}");
    let mut hasty = Settings::new("girih", Vec::new());
    hasty.timing.looking = Duration::ZERO;
    assert!(hasty.check().unwrap_err().to_string().contains("below 10 ms"));
    let mut short = Settings::new("girih", Vec::new());
    short.timing.directory_lifetime = Duration::from_secs(6);
    assert!(short.check().unwrap_err().to_string().contains("less than twice"));
}

proptest! {
    #[test]
    fn any_text_is_an_answer(text in ".{0,60}") {
        let _answer = text.parse::<SourceSettings>();
        let _answer = format!("multicast:{text}").parse::<SourceSettings>();
        let _answer = format!("static:{text}").parse::<SourceSettings>();
    }

    #[test]
    fn what_is_read_is_written_the_same(text in "multicast(:2[23][0-9]\\.[0-9]\\.1\\.1)?(:[1-9][0-9]{0,3})?(\\?ttl=[0-9])?") {
        if let Ok(source) = text.parse::<SourceSettings>() {
            prop_assert_eq!(source.to_string().parse(), Ok(source));
        }
    }
}
