//! The mechanism that options ask for, and options that ask for none or for several.

use std::rc::Rc;
use std::sync::Arc;

use seaworthy_core::Options;
#[cfg(feature = "curve")]
use seaworthy_zmtp::mechanism::{CurveClient, CurveServer, curve_public};
use seaworthy_zmtp::mechanism::{Mechanism, Null, PlainClient, PlainServer};

use super::Authenticates;

/// How a socket's connections are secured.
pub(crate) struct Security {
    /// What both ends have to use.
    pub(crate) mechanism: Arc<dyn Mechanism>,
    /// Whether it draws keys and nonces.
    pub(crate) needs_random: bool,
    pub(crate) authenticator: Rc<dyn Authenticates>,
}

impl Security {
    /// What `options` ask for, which have no [`faults`].
    pub(crate) fn new(options: &Options, authenticator: Rc<dyn Authenticates>) -> Self {
        let (mechanism, needs_random) = mechanism(options);
        Self { mechanism, needs_random, authenticator }
    }
}

fn mechanism(options: &Options) -> (Arc<dyn Mechanism>, bool) {
    if options.plain_server {
        return (Arc::new(PlainServer::default()), false);
    }
    if !options.plain_username.is_empty()
        && let Some(client) = PlainClient::new(options.plain_username.clone(), options.plain_password.clone())
    {
        return (Arc::new(client), false);
    }
    #[cfg(feature = "curve")]
    if let Some(secret) = &options.curve_secretkey {
        return match options.curve_serverkey {
            Some(server) => (Arc::new(CurveClient::new(server, secret.clone())), true),
            None => (Arc::new(CurveServer::new(secret.clone()).authenticating()), true),
        };
    }
    // RFC 27 has a domain in every request; without one NULL asks nobody, as in libzmq.
    let null = if options.zap_domain.is_empty() { Null::default() } else { Null::authenticating() };
    (Arc::new(null), false)
}

/// The option that cannot be used as it is, and why: what is meant to secure a socket and would not.
pub(crate) fn faults(options: &Options) -> Option<(&'static str, &'static str)> {
    let plain_client = !options.plain_username.is_empty();
    let curve_client = options.curve_serverkey.is_some();
    let roles = [
        ("plain_server", options.plain_server),
        ("plain_username", plain_client),
        ("curve_server", options.curve_server),
        ("curve_serverkey", curve_client),
    ];
    let mut chosen = roles.into_iter().filter(|(_, is_set)| *is_set);
    if let (Some(_), Some((second, _))) = (chosen.next(), chosen.next()) {
        return Some((second, "another mechanism or role is chosen already, and a socket has one"));
    }
    if options.plain_username.len() > 255 {
        return Some(("plain_username", "it is longer than 255 bytes"));
    }
    if options.plain_password.expose().len() > 255 {
        return Some(("plain_password", "it is longer than 255 bytes"));
    }
    if !plain_client && !options.plain_password.expose().is_empty() {
        return Some(("plain_password", "there is no plain_username that it belongs to"));
    }
    if options.zap_domain.len() > 255 {
        return Some(("zap_domain", "it is longer than 255 bytes"));
    }
    if options.plain_server && options.zap_enforce_domain && options.zap_domain.is_empty() {
        return Some((
            "zap_enforce_domain",
            "plain_server cannot ask about its clients without a zap_domain",
        ));
    }
    let curve = options.curve_server || curve_client;
    if !curve && options.curve_secretkey.is_some() {
        return Some((
            "curve_secretkey",
            "neither curve_server nor curve_serverkey is set: nothing would be encrypted",
        ));
    }
    if !curve && options.curve_publickey.is_some() {
        return Some((
            "curve_publickey",
            "neither curve_server nor curve_serverkey is set: nothing would be encrypted",
        ));
    }
    curve.then(|| curve_faults(options)).flatten()
}

#[cfg(feature = "curve")]
fn curve_faults(options: &Options) -> Option<(&'static str, &'static str)> {
    let Some(secret) = &options.curve_secretkey else {
        return Some(("curve_secretkey", "it is missing: CURVE needs a key pair at both ends"));
    };
    let differs = options.curve_publickey.is_some_and(|public| public != curve_public(secret));
    differs.then_some(("curve_publickey", "it does not belong to curve_secretkey"))
}

#[cfg(not(feature = "curve"))]
fn curve_faults(options: &Options) -> Option<(&'static str, &'static str)> {
    let option = if options.curve_server { "curve_server" } else { "curve_serverkey" };
    Some((option, "this build is without the feature curve"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refuses(options: Options, option: &str) {
        assert_eq!(faults(&options).map(|(option, _)| option), Some(option));
    }

    #[track_caller]
    fn takes(options: Options, mechanism: &str, is_server: bool) {
        assert_eq!(faults(&options), None);
        let (taken, _) = super::mechanism(&options);
        assert_eq!((taken.name(), taken.is_server()), (mechanism, is_server));
    }

    #[test]
    fn options_choose_one_mechanism_and_role() {
        let default = Options::default;
        takes(default(), "NULL", false);
        takes(default().zap_domain("test"), "NULL", false);
        takes(default().plain_server(true), "PLAIN", true);
        takes(default().plain_username("ann"), "PLAIN", false);
        takes(default().plain_username("ann").plain_password("secret"), "PLAIN", false);
        refuses(default().plain_server(true).plain_username("ann"), "plain_username");
        refuses(default().plain_password("secret"), "plain_password");
        refuses(default().plain_username("x".repeat(256)), "plain_username");
        refuses(default().plain_username("ann").plain_password("x".repeat(256)), "plain_password");
        refuses(default().zap_domain("x".repeat(256)), "zap_domain");
        refuses(default().plain_server(true).zap_enforce_domain(true), "zap_enforce_domain");
        takes(default().plain_server(true).zap_enforce_domain(true).zap_domain("test"), "PLAIN", true);
    }

    #[test]
    #[cfg(feature = "curve")]
    fn curve_needs_keys_that_belong_together_and_a_role() {
        use seaworthy_core::{CurvePublicKey, CurveSecretKey};

        let default = Options::default;
        let (secret, other) = ([7; 32], CurvePublicKey::from([8; 32]));
        let public = curve_public(&CurveSecretKey::from(secret));
        let server = || default().curve_server(true).curve_secretkey(secret);
        takes(server(), "CURVE", true);
        takes(server().curve_publickey(public), "CURVE", true);
        refuses(server().curve_publickey(other), "curve_publickey");
        refuses(default().curve_server(true), "curve_secretkey");
        let client = || default().curve_serverkey(other).curve_secretkey(secret);
        takes(client(), "CURVE", false);
        refuses(default().curve_serverkey(other), "curve_secretkey");
        refuses(client().curve_server(true), "curve_serverkey");
        refuses(client().plain_server(true), "curve_serverkey");
        refuses(server().plain_username("ann"), "curve_server");
        // Keys without a role would look like encryption, and be none.
        refuses(default().curve_secretkey(secret), "curve_secretkey");
        refuses(default().curve_publickey(other), "curve_publickey");
    }

    #[test]
    #[cfg(not(feature = "curve"))]
    fn without_the_feature_curve_is_refused_by_name() {
        refuses(Options::default().curve_server(true).curve_secretkey([7; 32]), "curve_server");
    }
}
