//! `tls.certificate`: with which certificate a port speaks TLS.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::types::Type;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_rustls::TlsConnector;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use super::connect::{NoConnection, Place, within};
use super::tcp::at_a_port;
use crate::action::common::child::plain;
use crate::action::common::{describe, pem};
use crate::action::{Action, Arguments, Context, Evidence, GroundCall, Outcome, Simulated};
use crate::digest;
use crate::value::{Answer, Value};

pub(super) struct Certificate;

/// What a healthy production's certificate has left.
const SIMULATED_LEFT: Duration = Duration::from_hours(24 * 60);

#[async_trait]
impl Action for Certificate {
    fn signature(&self) -> Signature {
        let described = describe::read(
            "tls",
            "certificate",
            "The certificate with which a port speaks TLS, trusted or not.\n\n`names` are the hosts and addresses that it is \
             for; `left` is how long it is valid still, nothing where it has run out; `not_after` says when that is, \
             `digest` is the SHA-256 of the certificate. `trusted` says whether its chain leads to an authority that is \
             trusted, for this name and now, and `reason` what is wrong otherwise.",
        );
        at_a_port(described)
            .takes("name", Type::Host, "The name that is asked for and has to be in it; the host where it is not said.")
            .ca()
            .gives(Type::record(
                "Certificate",
                &[
                    ("names", Type::list(Type::Text)),
                    ("left", Type::Duration),
                    ("not_after", Type::Text),
                    ("digest", Type::Digest),
                    ("trusted", Type::Bool),
                    ("reason", Type::Text),
                ],
            ))
            .example(r#"check "the certificate lasts": tls.certificate("127.0.0.1", port: 443, name: "shop.example").left > 14d"#)
            .done()
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        match look(context, arguments).await {
            Ok(evidence) => Outcome::Done(evidence),
            Err(reason) => Outcome::failed(reason),
        }
    }

    fn simulate(&self, call: &GroundCall, production: &mut dyn Simulated) -> Option<Answer> {
        if production.reads_stopped(call) {
            return Some(Err(crate::value::Unanswered::new("nothing listens there")));
        }
        let seen = Seen {
            names: Vec::new(),
            left: SIMULATED_LEFT,
            not_after: "simulated".to_owned(),
            digest: format!("sha256:{}", "0".repeat(64)),
        };
        Some(Ok(seen.value(&Ok(()))))
    }
}

async fn look(context: &Context, arguments: &Arguments) -> Result<Evidence, String> {
    let place = Place::of(arguments);
    let named = arguments.text("name").unwrap_or(&place.host).to_owned();
    let name =
        ServerName::try_from(named.clone()).map_err(|_| format!("{named} is no name that a certificate can have"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let trusting = trusting(context, arguments.text("ca").map(Path::new), &provider)?;
    let stream = place.connect(context).await.map_err(|why| match why {
        NoConnection::Refused => format!("nothing listens at {}", place.shown()),
        NoConnection::Unknown(reason) => reason,
    })?;
    let witness = Arc::new(Witness {
        trusting,
        seen: Mutex::new(None),
    });
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&witness) as Arc<dyn ServerCertVerifier>)
        .with_no_client_auth();
    let shaken = within(
        context,
        &place.shown(),
        TlsConnector::from(Arc::new(config)).connect(name, stream),
    )
    .await?;
    let seen = witness.seen.lock().map(|mut seen| seen.take()).unwrap_or_default();
    let Some((certificate, is_trusted)) = seen else {
        let why = shaken
            .err()
            .map_or_else(String::new, |error| format!(": {}", plain(&error)));
        return Err(format!("{} does not speak TLS{why}", place.shown()));
    };
    let seen = Seen::of(&certificate)?;
    let trust = if is_trusted.is_ok() { "trusted" } else { "not trusted" };
    let summary = format!("{} until {}, {trust}", seen.names.join(", "), seen.not_after);
    Ok(Evidence::value(seen.value(&is_trusted), summary))
}

/// Who judges a chain: the authorities of a file, or those of the system.
fn trusting(
    context: &Context,
    ca: Option<&Path>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, String> {
    let Some(ca) = ca else {
        let of_system = rustls_platform_verifier::Verifier::new(Arc::clone(provider));
        let of_system = of_system.map_err(|error| format!("the authorities of this system cannot be read: {error}"))?;
        return Ok(Arc::new(of_system));
    };
    let ca = context.working_directory.join(ca);
    let mut roots = RootCertStore::empty();
    for found in pem::authorities(&ca)? {
        roots.add(found).map_err(|error| format!("{}: {error}", ca.display()))?;
    }
    let judge = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build();
    Ok(judge.map_err(|error| error.to_string())?)
}

/// Sees a certificate and how it is judged, and lets every handshake through: nothing is sent over it.
#[derive(Debug)]
struct Witness {
    trusting: Arc<dyn ServerCertVerifier>,
    seen: Mutex<Option<(CertificateDer<'static>, Result<(), String>)>>,
}

impl Witness {
    /// A port that cannot prove that the certificate is its own is trusted by nobody.
    fn distrust(&self, error: &rustls::Error) {
        if let Ok(mut seen) = self.seen.lock()
            && let Some((_, judged)) = seen.as_mut()
        {
            *judged = Err(error.to_string());
        }
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let judged = self.trusting.verify_server_cert(certificate, between, name, ocsp, now);
        if let Ok(mut seen) = self.seen.lock() {
            *seen = Some((
                certificate.clone().into_owned(),
                judged.map(|_| ()).map_err(|error| error.to_string()),
            ));
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let verified = self.trusting.verify_tls12_signature(message, certificate, signed);
        verified.inspect_err(|error| self.distrust(error))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let verified = self.trusting.verify_tls13_signature(message, certificate, signed);
        verified.inspect_err(|error| self.distrust(error))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.trusting.supported_verify_schemes()
    }
}

/// What a certificate says.
struct Seen {
    names: Vec<String>,
    left: Duration,
    not_after: String,
    digest: String,
}

impl Seen {
    fn of(der: &CertificateDer<'_>) -> Result<Self, String> {
        let unreadable = |error: x509_cert::der::Error| format!("its certificate cannot be read: {error}");
        let read = x509_cert::Certificate::from_der(der).map_err(unreadable)?;
        let told = read.tbs_certificate();
        let found = told.get_extension::<SubjectAltName>().map_err(unreadable)?;
        let names = found.map(|(_, names)| names.0).unwrap_or_default();
        let until = told.validity().not_after.to_unix_duration();
        let not_after = i64::try_from(until.as_secs()).ok();
        let not_after = not_after.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Ok(Self {
            names: names.iter().filter_map(name).collect(),
            left: until.saturating_sub(now.unwrap_or_default()),
            not_after: not_after.map_or_else(|| "a time without end".to_owned(), |at| at.to_string()),
            digest: digest::sha256(der),
        })
    }

    fn value(self, is_trusted: &Result<(), String>) -> Value {
        let reason = is_trusted.as_ref().err().cloned().unwrap_or_default();
        Value::record([
            ("names", Value::List(self.names.into_iter().map(Value::Text).collect())),
            (
                "left",
                Value::Duration(u64::try_from(self.left.as_millis()).unwrap_or(u64::MAX)),
            ),
            ("not_after", Value::Text(self.not_after)),
            ("digest", Value::Digest(self.digest)),
            ("trusted", Value::Bool(is_trusted.is_ok())),
            ("reason", Value::Text(reason)),
        ])
    }
}

/// A host or an address for which a certificate is.
fn name(found: &GeneralName) -> Option<String> {
    match found {
        GeneralName::DnsName(name) => Some(name.to_string()),
        GeneralName::IpAddress(bytes) => {
            let bytes = bytes.as_bytes();
            let four = <[u8; 4]>::try_from(bytes).map(|bytes| std::net::IpAddr::from(bytes).to_string());
            let six = <[u8; 16]>::try_from(bytes).map(|bytes| std::net::IpAddr::from(bytes).to_string());
            four.or(six).ok()
        }
        _ => None,
    }
}
