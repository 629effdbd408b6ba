//! Members as processes; a shell stands in for the program.

use std::process::Command;
use std::time::Duration;

use grid_lab::process::{Member, ProcessError, Signal};

const SOON: Duration = Duration::from_secs(20);

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

/// Waits until the process of a member is in this state, as the system tells it.
async fn in_state(member: &Member, state: &str) {
    let path = format!("/proc/{}/stat", member.process().unwrap());
    let is_so = async {
        loop {
            let stat = std::fs::read_to_string(&path).unwrap();
            if stat.rsplit(") ").next().unwrap().starts_with(state) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, is_so).await.unwrap();
}

#[tokio::test]
async fn a_member_is_started_paused_resumed_and_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut member = Member::new(3, folder.path());
    assert!(matches!(
        member.signal(Signal::Kill),
        Err(ProcessError::NotRunning { member: 3 })
    ));
    let script = "echo hello; echo \"ready name=m3 grpc=127.0.0.1:1408\"; exec sleep 600";
    member.start(shell(script)).unwrap();
    let said = member.ready(SOON).await.unwrap();
    assert_eq!(said["grpc"], "127.0.0.1:1408");
    member.signal(Signal::Stop).unwrap();
    in_state(&member, "T").await;
    member.signal(Signal::Continue).unwrap();
    in_state(&member, "S").await;
    assert!(!member.has_failed());
    member.signal(Signal::Kill).unwrap();
    assert!(!member.ended(SOON).await.unwrap(), "killed is not well");
    assert_eq!(member.process(), None);
}

#[tokio::test]
async fn a_member_that_is_asked_to_stop_ends_well() {
    let folder = tempfile::tempdir().unwrap();
    let mut member = Member::new(1, folder.path());
    let script = "trap 'kill $!; exit 0' TERM; sleep 600 & echo ready; wait";
    member.start(shell(script)).unwrap();
    member.ready(SOON).await.unwrap();
    member.signal(Signal::Terminate).unwrap();
    assert!(member.ended(SOON).await.unwrap());
    // It can be started again, and its log goes on.
    member
        .start(shell("echo again >&2; echo ready; exec sleep 600"))
        .unwrap();
    member.ready(SOON).await.unwrap();
    assert!(std::fs::read_to_string(member.log()).unwrap().contains("again"));
}

#[tokio::test]
async fn a_member_that_does_not_come_up_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let mut member = Member::new(1, folder.path());
    member.start(shell("echo the port is taken >&2; exit 3")).unwrap();
    let error = member.ready(SOON).await.unwrap_err().to_string();
    assert!(
        error.contains("exit status: 3") && error.contains("the port is taken"),
        "{error}"
    );
    member.start(shell("exec sleep 600")).unwrap();
    let late = member.ready(Duration::from_millis(50)).await;
    assert!(matches!(late, Err(ProcessError::Late { .. })));
}
