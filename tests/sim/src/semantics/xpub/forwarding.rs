//! An XPUB and an XSUB make a forwarder.

use futures_util::join;
use seaworthy::Options;

use super::super::fixture::{MS, frames, handshake, play, sockets::*};
use super::{beside, expect};

/// Between two sockets in both directions, as a proxy does, for as long as they live.
async fn forward(front: &XSub, back: &XPub) {
    let down = async {
        while let Ok(message) = front.recv().await {
            back.send(message).await.expect("an XPUB always sends");
        }
    };
    let up = async {
        while let Ok(message) = back.recv().await {
            front.send(message).await.expect("an XSUB always sends");
        }
    };
    join!(down, up);
}

#[test]
fn a_forwarder_passes_subscriptions_up_and_messages_down_and_ends_what_nobody_wants() {
    // libzmq's test_sub_forward, with subscribers that come and go.
    play(|stage| async move {
        let (front, back): (XSub, XPub) = (stage.server.open(), stage.server.open());
        let (front_end, back_end) = (stage.server.bind(&front), stage.server.bind(&back));
        let mut watch = back.monitor();
        let publisher: XPub = stage.other.open();
        publisher.connect(front_end)?;
        let script = async {
            let subs: [Sub; 2] = [stage.client.open(), stage.client.open()];
            for sub in &subs {
                sub.subscribe("A")?;
                sub.connect(&back_end)?;
                handshake(&mut watch).await;
            }
            expect(&publisher, &["+A"]).await?;
            stage.pass(10 * MS).await;
            publisher.send("B").await?;
            publisher.send(["A", "body"]).await?;
            for sub in subs {
                assert_eq!(sub.recv().await?, frames(["A", "body"]));
                stage.never(publisher.recv()).await;
                drop(sub);
            }
            expect(&publisher, &["-A"]).await?;
            Ok(())
        };
        beside(script, forward(&front, &back)).await
    });
}

#[test]
fn a_manual_forwarder_can_pass_on_each_subscriber_by_itself() {
    // libzmq's test_xpub_proxy_unsubscribe_on_disconnect.
    play(|stage| async move {
        let front: XSub = stage.server.open();
        let back: XPub = stage.server.open_with(Options::default().xpub_manual(true));
        let (front_end, back_end) = (stage.server.bind(&front), stage.server.bind(&back));
        let publisher: XPub = stage.other.open();
        publisher.connect(front_end)?;
        let subs: [Sub; 2] = [stage.client.open(), stage.client.open()];
        for sub in &subs {
            sub.subscribe("1")?;
            sub.connect(&back_end)?;
            let notice = back.recv().await?;
            back.subscribe("1")?;
            front.send(notice).await?;
        }
        expect(&publisher, &["+1"]).await?;
        publisher.send(["1", "X"]).await?;
        back.send(front.recv().await?).await?;
        for sub in subs {
            assert_eq!(sub.recv().await?, frames(["1", "X"]));
        }
        for _ in 0..2 {
            let notice = back.recv().await?;
            back.unsubscribe("1")?;
            front.send(notice).await?;
        }
        expect(&publisher, &["-1"]).await?;
        publisher.send(["1", "X"]).await?;
        stage.never(front.recv()).await;
        Ok(())
    });
}
