//! What is special about ipc.

use std::io::ErrorKind;

use seaworthy_core::{Endpoint, IpcPath, Listener, Network, StreamOptions};
use seaworthy_sim::SimNetwork;

use crate::place::{Pair, error_of, on_both_carriers, on_every_network, read_up_to, write_all};

on_every_network! {
    ipc a_wildcard_is_a_file_of_its_own_each_time;
    ipc an_abstract_name_carries_bytes_and_is_refused_when_nobody_listens;
}

async fn a_wildcard_is_a_file_of_its_own_each_time<N: Network>(pair: Pair<N>) {
    let (first, second) = (pair.listen().local_endpoint(), pair.listen().local_endpoint());
    let both = [pair.listen(), pair.listen()].map(|listener| listener.local_endpoint());
    assert!(matches!(first, Endpoint::Ipc(IpcPath::File(_))), "{first}");
    assert!(matches!(second, Endpoint::Ipc(IpcPath::File(_))), "{second}");
    assert_ne!(both[0], both[1]);
}

async fn an_abstract_name_carries_bytes_and_is_refused_when_nobody_listens<N: Network>(pair: Pair<N>) {
    let name = Endpoint::Ipc(IpcPath::Abstract(format!("seaworthy-{}", pair.near.random())));
    let options = StreamOptions::default();
    let connect = || pair.near.connect(&name, &options);
    assert_eq!(error_of(connect().await).kind(), ErrorKind::ConnectionRefused);
    let listener = pair.near.listen(&name, &options).unwrap();
    assert_eq!(listener.local_endpoint(), name);
    let near = connect().await.unwrap();
    let far = listener.accept().await.unwrap();
    write_all(&near, "psst").await.unwrap();
    assert_eq!(read_up_to(&far, 4).await.unwrap(), "psst");
}

on_both_carriers! {
    a_host_sees_only_its_own_files;
}

async fn a_host_sees_only_its_own_files(pair: Pair<SimNetwork>) {
    let place = "ipc:///run/mine".parse().unwrap();
    let _listener = pair.far.listen(&place, &StreamOptions::default()).unwrap();
    let error = error_of(pair.near.connect(&place, &StreamOptions::default()).await);
    assert_eq!(error.kind(), ErrorKind::NotFound);
}
