//! Each option has a test that shows what it does. This is the list; what is not shown elsewhere is shown here.
//!
//! | option | shown by |
//! |---|---|
//! | `sndhwm`, `sndhwm_bytes`, `rcvhwm`, `rcvhwm_bytes`, `rcvbuf_pending` | `high_water_marks` |
//! | `linger` | `linger` |
//! | `sndtimeo`, `rcvtimeo` | `timeouts` |
//! | `reconnect_ivl`, `reconnect_ivl_max`, `connect_timeout`, `immediate` | `reconnect` |
//! | `handshake_ivl` | `reconnect` (both sides), `hostile_peers` |
//! | `heartbeat_ivl`, `heartbeat_timeout`, `heartbeat_ttl` | `heartbeats` |
//! | `maxmsgsize` | `hostile_peers` |
//! | `routing_id`, `router_mandatory`, `router_handover`, `probe_router` | `router` |
//! | `req_correlate`, `req_relaxed` | `request_reply` |
//! | `xpub_nodrop` | `publish_subscribe` |
//! | `connections_max` | here |
//! | `stream.sndbuf`, `stream.rcvbuf`, `stream.backlog` | here |

use seaworthy::{Context, DealerSocket, Error, Network, Options, StreamOptions};
use seaworthy_sim::SimNetwork;

use super::fixture::{SECOND, play, sockets::*};
use super::raw::{RawListener, RawPeer, encoded_message};

#[test]
fn a_receive_buffer_of_the_kernel_is_as_large_as_rcvbuf_says() {
    let mut said = Vec::new();
    for rcvbuf in [4096, 400_000] {
        let total = std::rc::Rc::new(std::cell::Cell::new(0));
        let count = std::rc::Rc::clone(&total);
        play(move |stage| async move {
            let mut stream = StreamOptions::default();
            stream.rcvbuf = Some(rcvbuf);
            let pull: Pull = stage.server.open_with(Options::default().rcvhwm(1).stream(stream));
            let peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&pull), "PUSH").await;
            let message = encoded_message([&"m".repeat(998)]);
            while stage.within(10 * SECOND, peer.say(&message)).await.is_some() {
                count.set(count.get() + message.len());
            }
            Ok(())
        });
        said.push(total.get());
    }
    let more = said[1] as isize - said[0] as isize;
    assert!((300_000..600_000).contains(&more), "{said:?}");
}

#[test]
fn a_send_buffer_of_the_kernel_is_as_large_as_sndbuf_says() {
    let mut taken = Vec::new();
    for sndbuf in [4096, 400_000] {
        let total = std::rc::Rc::new(std::cell::Cell::new(0));
        let count = std::rc::Rc::clone(&total);
        play(move |stage| async move {
            let mut stream = StreamOptions::default();
            stream.sndbuf = Some(sndbuf);
            let listener = RawListener::bind(&stage.server, 1);
            let push: Push = stage
                .client
                .open_with(Options::default().sndhwm(1).stream(stream).linger(std::time::Duration::ZERO));
            push.connect(stage.server.at(1))?;
            let mut peer = listener.accept_as("PULL").await;
            peer.barrier().await;
            while stage.within(10 * SECOND, push.send(vec![0u8; 10_000])).await.is_some() {
                count.set(count.get() + 10_000);
            }
            Ok(())
        });
        taken.push(total.get());
    }
    let more = taken[1] as isize - taken[0] as isize;
    assert!((300_000..500_000).contains(&more), "{taken:?}");
}

#[test]
fn as_many_connections_wait_to_be_accepted_as_backlog_says() {
    for backlog in [1, 5] {
        play(move |stage| async move {
            let mut stream = StreamOptions::default();
            stream.backlog = backlog;
            let pull: Pull = stage.server.open_with(Options::default().stream(stream));
            let endpoint = stage.server.bind(&pull);
            // The listener's task stands still; the kernel goes on.
            stage.control.pause(stage.server.id);
            let mut waiting = Vec::new();
            while let Some(Ok(stream)) = stage
                .within(SECOND / 2, stage.client.network().connect(&endpoint, &StreamOptions::default()))
                .await
            {
                waiting.push(stream);
                assert!(waiting.len() < 20, "no limit");
            }
            // Linux lets one more in than asked for.
            assert!((backlog as usize..=backlog as usize + 1).contains(&waiting.len()), "{}", waiting.len());
            stage.control.resume(stage.server.id);
            Ok(())
        });
    }
}

#[test]
fn values_that_cannot_be_used_are_refused_by_the_name_of_their_option() {
    play(|stage| async move {
        let context = Context::with_network(stage.server.network());
        let stream = |change: fn(&mut StreamOptions)| {
            let mut options = StreamOptions::default();
            change(&mut options);
            Options::default().stream(options)
        };
        for (options, name) in [
            (Options::default().routing_id("x".repeat(256)), "routing_id"),
            (Options::default().routing_id(&b"\0abcd"[..]), "routing_id"),
            (Options::default().heartbeat_ttl(std::time::Duration::from_millis(6_553_501)), "heartbeat_ttl"),
            (Options::default().heartbeat_ivl(std::time::Duration::from_nanos(1)), "heartbeat_ivl"),
            (Options::default().heartbeat_ivl(std::time::Duration::from_micros(999)), "heartbeat_ivl"),
            (
                Options::default().heartbeat_timeout(std::time::Duration::from_micros(999)),
                "heartbeat_timeout",
            ),
            (stream(|options| options.sndbuf = Some(0)), "sndbuf"),
            (stream(|options| options.rcvbuf = Some(0)), "rcvbuf"),
        ] {
            match DealerSocket::<SimNetwork>::with_options(&context, options) {
                Err(error @ Error::InvalidOption { option, .. }) => {
                    assert_eq!(option, name);
                    assert!(error.to_string().starts_with(&format!("option {name}: ")), "{error}");
                }
                other => panic!("{other:?}"),
            }
        }
        let options = Options::default().routing_id("x".repeat(255));
        assert_eq!(
            DealerSocket::<SimNetwork>::with_options(&context, options)?.options().routing_id.len(),
            255
        );
        let longest = std::time::Duration::from_millis(6_553_500);
        let dealer: Dealer = stage.server.open_with(Options::default().heartbeat_ttl(longest));
        assert_eq!(dealer.options().heartbeat_ttl, longest);
        Ok(())
    });
}

#[test]
fn options_that_a_socket_type_does_not_have_are_refused_and_those_that_it_has_are_not() {
    /// A way to set an option, its name, and the socket types that have it.
    type Row = (fn(Options) -> Options, &'static str, &'static [&'static str]);
    const ROWS: [Row; 13] = [
        (|options| options.routing_id("name"), "routing_id", &["REQ", "DEALER", "ROUTER"]),
        (|options| options.probe_router(true), "probe_router", &["REQ", "DEALER", "ROUTER"]),
        (|options| options.router_mandatory(true), "router_mandatory", &["ROUTER"]),
        (|options| options.router_handover(true), "router_handover", &["ROUTER"]),
        (|options| options.req_correlate(true), "req_correlate", &["REQ"]),
        (|options| options.req_relaxed(true), "req_relaxed", &["REQ"]),
        (|options| options.xpub_nodrop(true), "xpub_nodrop", &["PUB", "XPUB"]),
        (|options| options.xpub_welcome_msg("W"), "xpub_welcome_msg", &["PUB", "XPUB"]),
        (|options| options.xpub_verbose(true), "xpub_verbose", &["XPUB"]),
        (|options| options.xpub_verboser(true), "xpub_verboser", &["XPUB"]),
        (|options| options.xpub_manual(true), "xpub_manual", &["XPUB"]),
        (|options| options.xpub_manual_last_value(true), "xpub_manual_last_value", &["XPUB"]),
        (|options| options.xsub_verbose_unsubscribe(true), "xsub_verbose_unsubscribe", &["XSUB"]),
    ];
    /// Makes a socket and throws it away.
    type Make = fn(&Context<SimNetwork>, Options) -> Result<(), Error>;
    const TYPES: [(&str, Make); 11] = [
        ("PUSH", |context, options| Push::with_options(context, options).map(drop)),
        ("PULL", |context, options| Pull::with_options(context, options).map(drop)),
        ("DEALER", |context, options| Dealer::with_options(context, options).map(drop)),
        ("ROUTER", |context, options| Router::with_options(context, options).map(drop)),
        ("REQ", |context, options| Req::with_options(context, options).map(drop)),
        ("REP", |context, options| Rep::with_options(context, options).map(drop)),
        ("PUB", |context, options| Pub::with_options(context, options).map(drop)),
        ("SUB", |context, options| Sub::with_options(context, options).map(drop)),
        ("XPUB", |context, options| XPub::with_options(context, options).map(drop)),
        ("XSUB", |context, options| XSub::with_options(context, options).map(drop)),
        ("PAIR", |context, options| Pair::with_options(context, options).map(drop)),
    ];
    play(|stage| async move {
        let context = Context::with_network(stage.server.network());
        for (set, name, types) in ROWS {
            for (socket_type, make) in TYPES {
                match make(&context, set(Options::default())) {
                    Ok(()) => assert!(types.contains(&socket_type), "{socket_type} took {name}"),
                    Err(Error::InvalidOption { option, .. }) => {
                        assert_eq!(option, name);
                        assert!(!types.contains(&socket_type), "{socket_type} refused {name}");
                    }
                    Err(other) => panic!("{other:?}"),
                }
            }
        }
        Ok(())
    });
}

#[test]
fn req_and_dealer_announce_their_routing_id_and_others_announce_none() {
    play(|stage| async move {
        let named = || Options::default().routing_id("name").linger(std::time::Duration::ZERO);
        let listener = RawListener::bind(&stage.server, 1);
        let announced = async || {
            let mut peer = listener.accept().await;
            peer.say(&super::raw::greeting(1)).await;
            peer.hear(super::raw::GREETING).await;
            peer.frame().await.body
        };
        let dealer: Dealer = stage.client.open_with(named());
        dealer.connect(stage.server.at(1))?;
        assert!(announced().await.ends_with(b"\x08Identity\0\0\0\x04name"));
        drop(dealer);
        let req: Req = stage.client.open_with(named());
        req.connect(stage.server.at(1))?;
        assert!(announced().await.ends_with(b"\x08Identity\0\0\0\x04name"));
        drop(req);
        let push: Push = stage.client.open_with(Options::default().linger(std::time::Duration::ZERO));
        push.connect(stage.server.at(1))?;
        assert!(announced().await.ends_with(b"\x0bSocket-Type\0\0\0\x04PUSH"));
        Ok(())
    });
}

#[test]
fn a_bound_endpoint_has_as_many_connections_as_connections_max_says() {
    play(|stage| async move {
        let pull: Pull = stage.server.open_with(Options::default().connections_max(2));
        let endpoint = stage.server.bind(&pull);
        let mut peers = Vec::new();
        for _ in 0..2 {
            peers.push(RawPeer::connect_as(&stage.client, &endpoint, "PUSH").await);
        }
        stage.pass(SECOND).await;
        assert_eq!(pull.peers(), 2);
        let late: Push = stage.client.open();
        late.connect(endpoint)?;
        late.send("late").await?;
        stage.pass(SECOND).await;
        assert_eq!(pull.peers(), 2);
        stage.never(pull.recv()).await;
        // Nothing is lost: its turn comes.
        drop(peers.pop());
        assert_eq!(pull.recv().await?, "late".into());
        assert_eq!(pull.peers(), 2);
        Ok(())
    });
}

#[test]
fn handshakes_under_way_do_not_get_around_connections_max() {
    play(|stage| async move {
        let pull: Pull = stage.server.open_with(Options::default().connections_max(1));
        let endpoint = stage.server.bind(&pull);
        let pushes: [Push; 5] = std::array::from_fn(|_| stage.client.open());
        for push in &pushes {
            push.connect(endpoint.clone())?;
        }
        stage.pass(SECOND).await;
        assert_eq!(pull.peers(), 1);
        Ok(())
    });
}
