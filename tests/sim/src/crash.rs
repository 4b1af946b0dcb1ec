//! Both sides' view of a crash.

use std::io::ErrorKind;
use std::time::Duration;

use seaworthy_core::{Listener, Network, Stream, StreamOptions};
use seaworthy_sim::{Backend, CrashKind, Sim, SimNetwork, SimStream};

use crate::place::{Pair, control, error_of, on_both_carriers, pattern, read_to_end, read_up_to, write_all};

on_both_carriers! {
    a_killed_process_ends_its_streams_in_an_orderly_way;
    a_killed_process_with_unread_bytes_resets_its_streams;
    a_killed_process_refuses_connections;
    a_killed_process_sends_what_it_wrote;
    a_host_without_power_is_silent_and_resets_when_it_is_back;
    a_blocked_writer_learns_of_a_crash;
    a_restarted_host_listens_at_its_old_port;
    an_ipc_file_outlives_its_process_and_refuses;
}

const SECOND: Duration = Duration::from_secs(1);

/// A stream from near to a task of far, which holds its end until far crashes.
async fn held_by_far(pair: &Pair<SimNetwork>, use_it: impl AsyncFnOnce(&SimStream) + 'static) -> SimStream {
    let listener = pair.listen();
    let place = listener.local_endpoint();
    pair.far.spawn("holder", async move {
        let stream = listener.accept().await.unwrap();
        use_it(&stream).await;
        std::future::pending::<()>().await;
    });
    pair.near.connect(&place, &StreamOptions::default()).await.unwrap()
}

async fn a_killed_process_ends_its_streams_in_an_orderly_way(pair: Pair<SimNetwork>) {
    let (control, _, far) = control(&pair);
    let near = held_by_far(&pair, async |_| {}).await;
    pair.sleep(SECOND).await;
    control.crash(far, CrashKind::Process);
    assert!(!control.is_up(far));
    assert_eq!(control.tasks(far), [""; 0]);
    assert_eq!(read_to_end(&near).await.unwrap(), "");
}

async fn a_killed_process_with_unread_bytes_resets_its_streams(pair: Pair<SimNetwork>) {
    let (control, _, far) = control(&pair);
    let near = held_by_far(&pair, async |_| {}).await;
    write_all(&near, "unread").await.unwrap();
    pair.sleep(SECOND).await;
    control.crash(far, CrashKind::Process);
    assert_eq!(read_to_end(&near).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(write_all(&near, "more").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
}

async fn a_killed_process_refuses_connections(pair: Pair<SimNetwork>) {
    let (control, _, far) = control(&pair);
    let listener = pair.listen();
    let place = listener.local_endpoint();
    pair.far.spawn("holder", async move {
        let _listener = listener;
        std::future::pending::<()>().await;
    });
    drop(pair.near.connect(&place, &StreamOptions::default()).await.unwrap());
    control.crash(far, CrashKind::Process);
    let error = error_of(pair.near.connect(&place, &StreamOptions::default()).await);
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

async fn a_killed_process_sends_what_it_wrote(pair: Pair<SimNetwork>) {
    let (control, _, far) = control(&pair);
    let bytes = pattern(60_000);
    let sent = bytes.clone();
    let near = held_by_far(&pair, async move |stream| write_all(stream, sent).await.unwrap()).await;
    pair.sleep(Duration::from_millis(3)).await;
    control.crash(far, CrashKind::Process);
    assert!(read_to_end(&near).await.unwrap() == bytes);
}

async fn a_host_without_power_is_silent_and_resets_when_it_is_back(pair: Pair<SimNetwork>) {
    let (control, _, far) = control(&pair);
    let near = held_by_far(&pair, async |_| {}).await;
    pair.sleep(SECOND).await;
    control.crash(far, CrashKind::Power);
    write_all(&near, "anyone?").await.unwrap();
    let reading = Box::pin(read_up_to(&near, 1));
    let Err(reading) = pair.within(100 * SECOND, reading).await else { panic!("the dead spoke") };
    control.restart(far);
    assert!(control.is_up(far));
    assert_eq!(reading.await.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

async fn a_blocked_writer_learns_of_a_crash(pair: Pair<SimNetwork>) {
    let (control, _, far) = control(&pair);
    let near = held_by_far(&pair, async |_| {}).await;
    let writing = Box::pin(write_all(&near, pattern(1 << 20)));
    let Err(writing) = pair.within(SECOND, writing).await else { panic!("nobody read") };
    control.crash(far, CrashKind::Process);
    let Ok(outcome) = pair.within(SECOND, writing).await else { panic!("not told") };
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

async fn a_restarted_host_listens_at_its_old_port(pair: Pair<SimNetwork>) {
    let (control, _, far) = control(&pair);
    let listener = pair.listen();
    let place = listener.local_endpoint();
    pair.far.spawn("holder", async move {
        let _listener = listener;
        std::future::pending::<()>().await;
    });
    for kind in [CrashKind::Process, CrashKind::Power] {
        let _open = pair.near.connect(&place, &StreamOptions::default()).await;
        control.crash(far, kind);
        control.restart(far);
        // The program of far did not listen; what is left of the old listener must not either.
        let error = error_of(pair.near.connect(&place, &StreamOptions::default()).await);
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }
}

async fn an_ipc_file_outlives_its_process_and_refuses(pair: Pair<SimNetwork>) {
    let (control, _, far) = control(&pair);
    let place = "ipc:///run/test".parse().unwrap();
    let listener = pair.far.listen(&place, &StreamOptions::default()).unwrap();
    pair.far.spawn("holder", async move {
        let _listener = listener;
        std::future::pending::<()>().await;
    });
    drop(pair.far.connect(&place, &StreamOptions::default()).await.unwrap());
    control.crash(far, CrashKind::Process);
    let error = error_of(pair.far.connect(&place, &StreamOptions::default()).await);
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    // A stale file is replaced.
    let listener = pair.far.listen(&place, &StreamOptions::default()).unwrap();
    drop(pair.far.connect(&place, &StreamOptions::default()).await.unwrap());
    drop(listener.accept().await.unwrap().shutdown().await);
}

#[test]
fn a_host_that_crashes_before_anything_happens_stays_down() {
    for backend in [Backend::Warp, Backend::Turmoil] {
        let sim = Sim::builder(1).backend(backend).build();
        sim.host("late", |_| std::future::pending());
        let control = sim.control();
        let late = control.host("late").unwrap();
        control.crash(late, CrashKind::Process);
        sim.run(SECOND).unwrap();
        assert!(!control.is_up(late), "{backend:?}");
        control.restart(late);
        sim.run(SECOND).unwrap();
        assert!(control.is_up(late), "{backend:?}");
    }
}
