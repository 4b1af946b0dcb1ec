//! Peers that break every rule: they lose their own connection, and everybody else is served all the while.

use seaworthy::Options;
use seaworthy::limits::PENDING_HANDSHAKES_MAX;
use seaworthy::monitor::Event;
use seaworthy_sim::SeededRng;

use super::fixture::{Fixture, MS, Place, SECOND, disconnection, event, play, sockets::*, text};
use super::raw::{COMMAND, Ending, LONG, MORE, RawPeer, encoded_command, encoded_frame, greeting, hello};

/// A good peer of a PULL that has been connected before the bad ones come.
struct Good {
    pull: Pull,
    peer: RawPeer,
    endpoint: seaworthy::Endpoint,
    said: u32,
}

impl Good {
    async fn new(stage: &Fixture, options: Options) -> Self {
        let pull: Pull = stage.server.open_with(options);
        let endpoint = stage.server.bind(&pull);
        let peer = RawPeer::connect_as(&stage.other, &endpoint, "PUSH").await;
        Self { pull, peer, endpoint, said: 0 }
    }

    /// Shows that the socket still serves who was there, and who comes now.
    async fn is_served(&mut self, stage: &Fixture) {
        let serving = async {
            self.said += 1;
            let word = self.said.to_string();
            self.peer.say_message([&word]).await;
            assert_eq!(text(&self.pull.recv().await.expect("a PULL receives")), [word]);
            let newcomer = RawPeer::connect_as(&stage.other, &self.endpoint, "PUSH").await;
            newcomer.say_message(["new"]).await;
            assert_eq!(text(&self.pull.recv().await.expect("a PULL receives")), ["new"]);
        };
        stage.within(SECOND, serving).await.expect("good peers are served within a second");
    }
}

async fn bad(place: &Place, endpoint: &seaworthy::Endpoint, said: &[u8]) -> RawPeer {
    let peer = RawPeer::connect(place, endpoint).await;
    let _ = peer.try_say(said).await;
    peer
}

#[test]
fn nonsense_instead_of_a_handshake_ends_the_connection_of_who_says_it() {
    play(|stage| async move {
        let mut good = Good::new(&stage, Options::default()).await;
        let endpoint = good.endpoint.clone();
        let wrong_mechanism = {
            let mut octets = greeting(1);
            octets[12..17].copy_from_slice(b"CURVE");
            octets.to_vec()
        };
        let ready_in_pieces =
            [&greeting(1)[..], &[COMMAND, 200, 5], b"READY\x0bSocket-Type\xff\xff\xff\xff"].concat();
        let ready_too_large = [&greeting(1)[..], &[COMMAND | LONG], &(1u64 << 40).to_be_bytes()].concat();
        for said in [
            b"GET / HTTP/1.1\r\nHost: server\r\n\r\n".to_vec(),
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS client hello, more or less".to_vec(),
            vec![0; 100],
            vec![0xff; 100],
            wrong_mechanism,
            [&greeting(1)[..], &encoded_frame(0, b"a message before READY")].concat(),
            [&greeting(1)[..], &encoded_command("HELLO", b"of another mechanism")].concat(),
            [&greeting(1)[..], &encoded_command("READY", b"\0\0\0\0\0")].concat(),
            [&greeting(1)[..], &encoded_command("READY", b"\x0bSocket-Type\0\0\0\x04NONE")].concat(),
            [&greeting(1)[..], &encoded_frame(COMMAND, b"")].concat(),
            [&greeting(1)[..], &encoded_frame(COMMAND | MORE, b"\x05READY")].concat(),
            [&greeting(1)[..], &encoded_frame(0xf8, b"\x05READY")].concat(),
            [ready_in_pieces, vec![b'x'; 300]].concat(),
            ready_too_large,
            hello("SUB", &[]),
            hello("NONSENSE", &[]),
            hello("PUSH\0", &[]),
        ] {
            let mut watch = good.pull.monitor();
            let mut peer = bad(&stage.client, &endpoint, &said).await;
            let failed = event(&mut watch, |event| matches!(event, Event::HandshakeFailed { .. }));
            stage.within(2 * SECOND, failed).await.unwrap_or_else(|| panic!("{said:?} was accepted"));
            peer.end().await;
            good.is_served(&stage).await;
        }
        Ok(())
    });
}

#[test]
fn nonsense_after_the_handshake_ends_the_connection_of_who_says_it() {
    play(|stage| async move {
        let mut good = Good::new(&stage, Options::default()).await;
        let endpoint = good.endpoint.clone();
        let announced = |length: u64, flags: u8| [&[flags | LONG], &length.to_be_bytes()[..]].concat();
        for said in [
            announced(1 << 62, 0),
            announced((1 << 63) - 1, MORE),
            announced(u64::MAX, 0),
            announced(1 << 62, COMMAND),
            announced(10 << 20, COMMAND),
            encoded_frame(0x80, b""),
            encoded_frame(0x08, b""),
            encoded_frame(COMMAND | MORE, b"\x04PING\0\0"),
            encoded_frame(COMMAND, b""),
            encoded_frame(COMMAND, b"\0"),
            encoded_frame(COMMAND, b"\xffPING"),
            encoded_command("PING", b""),
            encoded_command("ERROR", b"\x04oops"),
        ] {
            let mut watch = good.pull.monitor();
            let mut peer = RawPeer::connect_as(&stage.client, &endpoint, "PUSH").await;
            peer.say(&said).await;
            // Good peers come and go, too.
            let ended = async { while disconnection(&mut watch).await == "closed by the peer" {} };
            stage.within(2 * SECOND, ended).await.unwrap_or_else(|| panic!("{said:?} was accepted"));
            peer.end().await;
            good.is_served(&stage).await;
        }
        Ok(())
    });
}

#[test]
fn commands_that_nobody_knows_and_pongs_nobody_asked_for_are_ignored() {
    play(|stage| async move {
        let pull: Pull = stage.server.open();
        let peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&pull), "PUSH").await;
        for command in ["WHATEVER", "PONG", "SUBSCRIBE", "CANCEL", "READY"] {
            peer.say_command(command, b"data").await;
        }
        peer.say_frame(MORE, b"a command").await;
        peer.say_command("WHATEVER", b"").await;
        peer.say_frame(0, b"between frames").await;
        assert_eq!(text(&pull.recv().await?), ["a command", "between frames"]);
        Ok(())
    });
}

#[test]
fn random_bytes_at_any_stage_of_a_connection_harm_nobody_else() {
    for seed in 0..60 {
        play(move |stage| async move {
            let mut rng = SeededRng::new(seed, "hostile");
            let mut good = Good::new(&stage, Options::default()).await;
            let endpoint = good.endpoint.clone();
            for _ in 0..5 {
                let mut said = hello("PUSH", &[]);
                said.extend(encoded_frame(MORE, b"begun"));
                said.truncate(rng.between(0, said.len() as u64) as usize);
                let noise = rng.between(1, 400);
                said.extend((0..noise).map(|_| rng.next_u64() as u8));
                let peer = bad(&stage.client, &endpoint, &said).await;
                if rng.chance(0.5) {
                    peer.reset()
                } else {
                    drop(peer)
                }
                stage.pass(3 * MS).await;
                // Noise may happen to be a message.
                while good.pull.try_recv().is_ok() {}
            }
            good.is_served(&stage).await;
            Ok(())
        });
    }
}

#[test]
fn a_message_without_end_is_cut_off_at_the_limit_of_frames() {
    play(|stage| async move {
        let mut good = Good::new(&stage, Options::default()).await;
        let mut watch = good.pull.monitor();
        let peer = RawPeer::connect_as(&stage.client, &good.endpoint, "PUSH").await;
        let frames = encoded_frame(MORE, b"").repeat(1000);
        let talking = async { while peer.try_say(&frames).await.is_ok() {} };
        let (reason, ()) = futures_util::join!(disconnection(&mut watch), talking);
        assert!(reason.contains("65536 frames"), "{reason}");
        good.is_served(&stage).await;
        Ok(())
    });
}

#[test]
fn a_message_of_as_many_frames_as_are_allowed_passes() {
    play(|stage| async move {
        let pull: Pull = stage.server.open();
        let peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&pull), "PUSH").await;
        let mut said = encoded_frame(MORE, b"").repeat(65_535);
        said.extend(encoded_frame(0, b""));
        peer.say(&said).await;
        assert_eq!(pull.recv().await?.len(), 65_536);
        Ok(())
    });
}

#[test]
fn a_frame_may_be_as_large_as_maxmsgsize_and_not_one_byte_larger() {
    for (size, passes) in [(99, true), (100, true), (101, false), (1 << 20, false)] {
        play(move |stage| async move {
            let pull: Pull = stage.server.open_with(Options::default().maxmsgsize(100));
            let mut watch = pull.monitor();
            let peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&pull), "PUSH").await;
            let _ = peer.try_say(&encoded_frame(0, &vec![b'm'; size])).await;
            if passes {
                assert_eq!(pull.recv().await?.byte_len(), size);
            } else {
                let reason = disconnection(&mut watch).await;
                assert!(
                    reason.contains(&format!("{size} bytes")) && reason.contains("limit of 100"),
                    "{reason}"
                );
            }
            Ok(())
        });
    }
}

#[test]
fn a_peer_that_dribbles_one_byte_at_a_time_is_served_and_delays_nobody() {
    play(|stage| async move {
        let mut good = Good::new(&stage, Options::default()).await;
        let peer = RawPeer::connect(&stage.client, &good.endpoint).await;
        let mut said = hello("PUSH", &[]);
        said.extend(super::raw::encoded_message(["slow", "but", "sure"]));
        let last = said.split_off(said.len() - 1);
        for byte in said {
            peer.say(&[byte]).await;
            good.is_served(&stage).await;
        }
        peer.say(&last).await;
        assert_eq!(text(&good.pull.recv().await?), ["slow", "but", "sure"]);
        Ok(())
    });
}

#[test]
fn half_a_greeting_is_waited_for_no_longer_than_handshake_ivl() {
    for length in [0, 1, 10, 11, 63, 64] {
        play(move |stage| async move {
            let mut good = Good::new(&stage, Options::default().handshake_ivl(5 * SECOND)).await;
            let mut peer = bad(&stage.client, &good.endpoint, &greeting(1)[..length]).await;
            let began = stage.now();
            good.is_served(&stage).await;
            peer.end().await;
            assert!((4900..=5100).contains(&(stage.now() - began).as_millis()));
            Ok(())
        });
    }
}

#[test]
fn connections_that_never_begin_a_handshake_keep_nobody_out() {
    play(|stage| async move {
        let mut good = Good::new(&stage, Options::default()).await;
        let mut silent = Vec::new();
        for number in 0..2 * PENDING_HANDSHAKES_MAX {
            silent.push(RawPeer::connect(&stage.client, &good.endpoint).await);
            if number % 50 == 0 {
                good.is_served(&stage).await;
            }
        }
        good.is_served(&stage).await;
        // Their number is bounded: the eldest had to go.
        stage.pass(SECOND).await;
        let drivers = stage.control.tasks(stage.server.id).iter().filter(|task| **task == "driver").count();
        assert!(drivers <= PENDING_HANDSHAKES_MAX + 2, "{drivers}");
        assert!(matches!(silent[0].end().await, Ending::Closed | Ending::Broken(_)));
        Ok(())
    });
}

#[test]
fn a_flood_of_pings_whose_answers_are_not_read_harms_nobody_else() {
    play(|stage| async move {
        let mut good = Good::new(&stage, Options::default()).await;
        let peer = RawPeer::connect_as(&stage.client, &good.endpoint, "PUSH").await;
        let pings = encoded_command("PING", b"\0\0sixteen bytes...").repeat(1000);
        for _ in 0..50 {
            stage.within(SECOND, peer.say(&pings)).await;
            good.is_served(&stage).await;
        }
        Ok(())
    });
}

#[test]
fn a_flood_of_subscriptions_harms_nobody_else() {
    play(|stage| async move {
        let publisher: Pub = stage.server.open();
        let endpoint = stage.server.bind(&publisher);
        let mut good = RawPeer::connect_as(&stage.other, &endpoint, "SUB").await;
        good.say_command("SUBSCRIBE", b"good").await;
        good.barrier().await;
        let mut flood = RawPeer::connect_as(&stage.client, &endpoint, "SUB").await;
        let mut said = Vec::new();
        for number in 0..5_000u32 {
            said.extend(encoded_command(
                "SUBSCRIBE",
                format!("{number}").repeat(1 + number as usize % 9).as_bytes(),
            ));
        }
        flood.say(&said).await;
        flood.barrier().await;
        publisher.send("good news").await?;
        good.expect_message(["good news"]).await;
        let mut watch = publisher.monitor();
        drop(flood);
        disconnection(&mut watch).await;
        publisher.send("good end").await?;
        good.expect_message(["good end"]).await;
        Ok(())
    });
}

#[test]
fn a_topic_longer_than_a_command_may_be_ends_the_connection() {
    play(|stage| async move {
        let publisher: Pub = stage.server.open();
        let mut watch = publisher.monitor();
        let peer = RawPeer::connect_as(&stage.client, &stage.server.bind(&publisher), "SUB").await;
        let _ = peer.try_say(&encoded_command("SUBSCRIBE", &vec![b't'; (1 << 20) + 1])).await;
        let reason = disconnection(&mut watch).await;
        assert!(reason.contains("exceeds the limit of 1048576"), "{reason}");
        Ok(())
    });
}

#[test]
fn a_peer_that_reads_nothing_at_all_keeps_nobody_from_being_served() {
    play(|stage| async move {
        let dealer: Dealer = stage.server.open_with(Options::default().sndhwm(2));
        let endpoint = stage.server.bind(&dealer);
        let mut deaf = RawPeer::connect_as(&stage.client, &endpoint, "DEALER").await;
        deaf.barrier().await;
        let mut good = RawPeer::connect_as(&stage.other, &endpoint, "DEALER").await;
        good.barrier().await;
        let body = "b".repeat(100_000);
        let sending = async {
            for _ in 0..200 {
                dealer.send(body.clone()).await?;
            }
            Ok::<_, seaworthy::Error>(())
        };
        let reading = async {
            let mut count = 0;
            while stage.within(SECOND, good.message()).await.is_some() {
                count += 1;
            }
            count
        };
        let (sent, count) = futures_util::join!(sending, reading);
        sent?;
        assert!(count > 180, "{count}");
        Ok(())
    });
}
