//! Held to the vectors of RFC 7516 and RFC 7518, against itself, and against everything that could be changed.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::{KeyPair, KeyPairComponents, KeySize};
use proptest::prelude::*;

use super::*;

fn b64(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).expect("base64url")
}

/// RFC 7516 appendix A.1: RSA-OAEP and A256GCM.
#[test]
fn the_example_of_rfc_7516_opens() {
    const N: &str = "oahUIoWw0K0usKNuOR6H4wkf4oBUXHTxRvgb48E-BVvxkeDNjbC4he8rUWcJoZmds2h7M70imEVhRU5djINXtqllXI4DFqcI1DgjT9LewND8MW2Krf3Spsk_ZkoFnilakGygTwpZ3uesH-PFABNIUYpOiN15dsQRkgr0vEhxN92i2asbOenSZeyaxziK72UwxrrKoExv6kc5twXTq4h-QChLOln0_mtUZwfsRaMStPs6mS6XrgxnxbWhojf663tuEQueGC-FCMfra36C9knDFGzKsNa7LZK2djYgyD3JR_MB_4NUJW_TqOQtwHYbxevoJArm-L5StowjzGy-_bq6Gw";
    const D: &str = "kLdtIj6GbDks_ApCSTYQtelcNttlKiOyPzMrXHeI-yk1F7-kpDxY4-WY5NWV5KntaEeXS1j82E375xxhWMHXyvjYecPT9fpwR_M9gV8n9Hrh2anTpTD93Dt62ypW3yDsJzBnTnrYu1iwWRgBKrEYY46qAZIrA2xAwnm2X7uGR1hghkqDp0Vqj3kbSCz1XyfCs6_LehBwtxHIyh8Ripy40p24moOAbgxVw3rxT_vlt3UVe4WO3JkJOzlpUf-KTVI2Ptgm-dARxTEtE-id-4OJr0h-K-VFs3VSndVTIznSxfyrj8ILL6MG_Uv8YAu7VILSB3lOW085-4qE3DzgrTjgyQ";
    const P: &str = "1r52Xk46c-LsfB5P442p7atdPUrxQSy4mti_tZI3Mgf2EuFVbUoDBvaRQ-SWxkbkmoEzL7JXroSBjSrK3YIQgYdMgyAEPTPjXv_hI2_1eTSPVZfzL0lffNn03IXqWF5MDFuoUYE0hzb2vhrlN_rKrbfDIwUbTrjjgieRbwC6Cl0";
    const Q: &str = "wLb35x7hmQWZsWJmB_vle87ihgZ19S8lBEROLIsZG4ayZVe9Hi9gDVCOBmUDdaDYVTSNx_8Fyw1YYa9XGrGnDew00J28cRUoeBB_jKI1oma0Orv1T9aXIWxKwd4gvxFImOWr3QRL9KEBRzk2RatUBnmDZJTIAfwTs0g68UZHvtc";
    const DP: &str = "ZK-YwE7diUh0qR1tR7w8WHtolDx3MZ_OTowiFvgfeQ3SiresXjm9gZ5KLhMXvo-uz-KUJWDxS5pFQ_M0evdo1dKiRTjVw_x4NyqyXPM5nULPkcpU827rnpZzAJKpdhWAgqrXGKAECQH0Xt4taznjnd_zVpAmZZq60WPMBMfKcuE";
    const DQ: &str = "Dq0gfgJ1DdFGXiLvQEZnuKEN0UUmsJBxkjydc3j4ZYdBiMRAy86x0vHCjywcMlYYg4yoC4YZa9hNVcsjqA3FeiL19rk8g6Qn29Tt0cj8qqyFpz9vNDBUfCAiJVeESOjJDZPYHdHY8v1b-o-Z2X5tvLx-TCekf7oxyeKDUqKWjis";
    const QI: &str = "VIMpMYbPf47dT1w_zDUXfPimsSegnMOA1zTaX7aGk_8urY6R8-ZW1FxU7AlWAyLWybqq6t16VFd7hQd0y6flUK4SlOydB61gwanOsXGOAOv82cHq0E3eL4HrtZkUuKvnPrMnsUUFlfUdybVzxyjz9JF_XyaY14ardLSjf4L_FNY";
    const TOKEN: &str = "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.OKOawDo13gRp2ojaHV7LFpZcgV7T6DVZKTyKOMTYUmKoTCVJRgckCL9kiMT03JGeipsEdY3mx_etLbbWSrFr05kLzcSr4qKAq7YN7e9jwQRb23nfa6c9d-StnImGyFDbSv04uVuxIp5Zms1gNxKKK2Da14B8S4rzVRltdYwam_lDp5XnZAYpQdb76FdIKLaVmqgfwX7XWRxv2322i-vDxRfqNzo_tETKzpVLzfiwQyeyPGLBIO56YJ7eObdv0je81860ppamavo35UgoRdbYaBcoh9QcfylQr66oc6vFWXRcZ_ZT2LawVCWTIy3brGPi6UklfCpIMfIjf7iGdXKHzg.48V1_ALb6US04U3b.5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6jiSdiwkIr3ajwQzaBtQD_A.XFBoMYUZodetZdvTiFvSkQ";
    let components = KeyPairComponents {
        public_key: PublicKeyComponents {
            n: b64(N),
            e: b64("AQAB"),
        },
        d: b64(D),
        p: b64(P),
        q: b64(Q),
        dP: b64(DP),
        dQ: b64(DQ),
        qInv: b64(QI),
    };
    let pair = KeyPair::from_components(&components).expect("a key");
    let pkcs8 = pair.as_der().expect("PKCS#8");
    let key = PrivateDecryptingKey::from_pkcs8(pkcs8.as_ref()).expect("a key");
    let sealed = Sealed::parse(TOKEN).expect("parses");
    let text = sealed.open(&Opener::Rsa(key)).expect("opens");
    assert_eq!(
        text.as_slice(),
        b"The true sign of intelligence is not knowledge but imagination."
    );
}

/// RFC 7518 appendix C: the key that both sides agree on.
#[test]
fn the_key_agreement_of_rfc_7518_comes_out() {
    let alice = b64("0_NxaRPUMQoAJt50Gz8YiTr8gRTwyEaCumd-MToTmIo");
    let alice = PrivateKey::from_private_key(&ECDH_P256, &alice).expect("a key");
    let bob = json!({
        "kty": "EC", "crv": "P-256",
        "x": "weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ",
        "y": "e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck"
    });
    let header = json!({ "apu": "QWxpY2U", "apv": "Qm9i" });
    let header = header.as_object().expect("an object");
    let bob = point(&bob).expect("a point");
    let key = agree(&alice, &bob, KeyAlg::EcdhEs, ContentAlg::A128Gcm, header).expect("agreed");
    assert_eq!(URL_SAFE_NO_PAD.encode(&key), "VqqN6vgjbSBcIijNcacQGg");
    assert_eq!(
        public_jwk(&alice).expect("a key")["x"],
        "gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0"
    );
}

/// RFC 7518 appendix B.1: A128CBC-HS256.
#[test]
fn the_cbc_example_of_rfc_7518_comes_out() {
    let key: Vec<u8> = (0..32).collect();
    let text = b"A cipher system must not be required to be secret, and it must be able to fall into the hands of the enemy without inconvenience";
    let iv = hex::decode("1af38c2dc2b96ffdd86694092341bc04").expect("hexadecimal");
    let authenticated = b"The second principle of Auguste Kerckhoffs";
    let (ciphertext, tag) =
        encrypt(ContentAlg::A128CbcHs256, &key, &iv, authenticated, text).expect("encrypts");
    assert_eq!(
        hex::encode(ciphertext),
        "c80edfa32ddf39d5ef00c0b468834279a2e46a1b8049f792f76bfe54b903a9c9\
         a94ac9b47ad2655c5f10f9aef71427e2fc6f9b3f399a221489f16362c7032336\
         09d45ac69864e3321cf82935ac4096c86e133314c54019e8ca7980dfa4b9cf1b\
         384c486f3a54c51078158ee5d79de59fbd34d848b3d69550a67646344427ade5\
         4b8851ffb598f7f80074b9473c82e2db"
    );
    assert_eq!(hex::encode(tag), "652c3fa36b0a7c5b3219fab3a30bc1c4");
}

/// A key of each kind: what encrypts for it, what opens, and the algorithms that it is for.
fn pairs() -> Vec<(Recipient, Opener, [KeyAlg; 2])> {
    let rsa = PrivateDecryptingKey::generate(KeySize::Rsa2048).expect("made");
    let ec = PrivateKey::generate(&ECDH_P256).expect("made");
    let public = Recipient::from_jwk(&public_jwk(&ec).expect("a key")).expect("a key");
    vec![
        (
            Recipient::Rsa(rsa.public_key()),
            Opener::Rsa(rsa),
            [KeyAlg::RsaOaep, KeyAlg::RsaOaep256],
        ),
        (
            public,
            Opener::P256(ec),
            [KeyAlg::EcdhEs, KeyAlg::EcdhEsA256Kw],
        ),
    ]
}

#[test]
fn what_is_sealed_opens_by_every_algorithm_and_not_when_changed() {
    let header = || {
        let header = json!({ "cty": "JWT", "kid": "k" });
        header.as_object().expect("an object").clone()
    };
    for (recipient, opener, algs) in pairs() {
        for (alg, enc) in algs
            .into_iter()
            .flat_map(|alg| ContentAlg::ALL.map(|enc| (alg, enc)))
        {
            for length in [0, 1, 15, 16, 17, 1000] {
                let text = vec![b'x'; length];
                let token = seal(&recipient, (alg, enc), header(), &text).expect("sealed");
                let sealed = Sealed::parse(&token).expect("parses");
                assert_eq!(sealed.header["cty"], "JWT");
                assert_eq!(sealed.header["alg"], alg.as_str());
                assert_eq!(*sealed.open(&opener).expect("opens"), text);
            }
            let token = seal(&recipient, (alg, enc), header(), b"secret").expect("sealed");
            let parts: Vec<Vec<u8>> = token.split('.').map(b64).collect();
            for part in 0..5 {
                for change in 0..parts[part].len() {
                    let mut changed = parts.clone();
                    changed[part][change] ^= 1;
                    let changed: Vec<String> =
                        changed.iter().map(|p| URL_SAFE_NO_PAD.encode(p)).collect();
                    let changed = changed.join(".");
                    let opened = Sealed::parse(&changed).and_then(|sealed| sealed.open(&opener));
                    assert_eq!(opened.err(), Some(JweError), "{alg:?} {part} {change}");
                }
            }
        }
    }
}

#[test]
fn what_is_not_served_is_refused() {
    let mut pairs = pairs();
    let (ec, opener, _) = pairs.pop().expect("two");
    let (rsa, other, _) = pairs.pop().expect("two");
    let enc = ContentAlg::A256Gcm;
    assert!(seal(&ec, (KeyAlg::RsaOaep, enc), Map::new(), b"").is_err());
    assert!(seal(&rsa, (KeyAlg::EcdhEs, enc), Map::new(), b"").is_err());
    let token = seal(&ec, (KeyAlg::EcdhEs, enc), Map::new(), b"").expect("sealed");
    assert!(Sealed::parse(&token).expect("parses").open(&other).is_err());
    let (protected, rest) = token.split_once('.').expect("parts");
    let good: Value = serde_json::from_slice(&b64(protected)).expect("JSON");
    let with = |name: &str, value: Value| {
        let mut header = good.clone();
        header[name] = value;
        format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
    };
    for (name, value) in [
        ("alg", json!("RSA1_5")),
        ("alg", json!("dir")),
        ("alg", json!("none")),
        ("alg", json!("A256KW")),
        ("alg", json!("PBES2-HS256+A128KW")),
        ("enc", json!("A192GCM")),
        ("enc", Value::Null),
        ("zip", json!("DEF")),
        ("crit", json!(["exp"])),
    ] {
        assert!(Sealed::parse(&with(name, value)).is_err(), "{name}");
    }
    for epk in [
        Value::Null,
        json!({"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"}),
        // Not on the curve: agreeing with it would tell of the private key.
        json!({"kty": "EC", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode([1; 32]), "y": URL_SAFE_NO_PAD.encode([2; 32])}),
    ] {
        let token = with("epk", epk);
        let opened = Sealed::parse(&token).and_then(|sealed| sealed.open(&opener));
        assert_eq!(opened.err(), Some(JweError));
    }
    for token in [
        "",
        "....",
        "a.b.c.d",
        &format!("{token}."),
        &"x".repeat(70_000),
    ] {
        assert!(Sealed::parse(token).is_err());
    }
    for jwk in [
        json!({}),
        json!({"kty": "oct", "k": "AA"}),
        json!({"kty": "RSA", "n": "AQ", "e": "AQAB"}),
    ] {
        assert!(Recipient::from_jwk(&jwk).is_err(), "{jwk}");
    }
}

proptest! {
    #[test]
    fn any_text_is_answered(token in "[A-Za-z0-9_.-]{0,200}") {
        let _ = Sealed::parse(&token);
    }
}
