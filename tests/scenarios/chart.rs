//! The chart: what it renders is what Kubernetes takes and what the server reads.

use serde_json::{Value, json};
use tests::{chart::Chart, missing::here, need};

/// The least that an operator says.
fn least() -> Value {
    json!({
        "issuer": "https://login.example.org",
        "database": { "secret": "whorl-database" },
        "vault": { "bucket": "whorl-templates", "kmsKeyId": "alias/whorl" },
        "aws": { "region": "eu-west-1" },
    })
}

/// Everything turned on.
fn most() -> Value {
    json!({
        "issuer": "https://login.example.org",
        "replicaCount": 3,
        "image": { "repository": "example.org/whorl", "tag": "1.2.3", "pullSecrets": [{ "name": "pull" }] },
        "fullnameOverride": "sign-in",
        "database": { "secret": "whorl-database", "key": "uri", "connections": 20 },
        "vault": { "bucket": "whorl-templates", "kmsKeyId": "alias/whorl" },
        "aws": { "region": "eu-west-1", "endpointUrl": "https://s3.example.org", "pathStyle": true },
        "models": { "existingClaim": "models" },
        "trustedProxies": ["10.0.0.0/8"],
        "metrics": { "allow": ["10.0.0.0/8"] },
        "extraConfig": "[session]\nlifetime_s = 3600\n\n[[client]]\nid = \"app\"\nredirect_uris = [\"https://app.example.org/cb\"]\n",
        "extraEnv": [{ "name": "RUST_LOG", "value": "debug" }],
        "serviceAccount": { "annotations": { "eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/whorl" } },
        "service": { "type": "LoadBalancer", "annotations": { "a/b": "c" }, "sessionAffinity": "ClientIP" },
        "ingress": {
            "enabled": true, "className": "nginx", "host": "login.example.org", "tlsSecret": "login-tls",
            "annotations": { "nginx.ingress.kubernetes.io/affinity": "cookie" },
        },
        "autoscaling": { "enabled": true },
        "networkPolicy": {
            "metricsFrom": [{ "namespaceSelector": { "matchLabels": { "name": "monitoring" } } }],
            "ingressFrom": [{ "namespaceSelector": { "matchLabels": { "name": "ingress" } } }],
            "extraEgress": [{ "ports": [{ "port": 8443, "protocol": "TCP" }] }],
        },
        "podAnnotations": { "note": "yes" },
        "podLabels": { "team": "identity" },
        "nodeSelector": { "kubernetes.io/arch": "amd64" },
        "tolerations": [{ "key": "dedicated", "operator": "Exists", "effect": "NoSchedule" }],
        "affinity": { "podAntiAffinity": { "preferredDuringSchedulingIgnoredDuringExecution": [{
            "weight": 1,
            "podAffinityTerm": {
                "topologyKey": "kubernetes.io/hostname",
                "labelSelector": { "matchLabels": { "app.kubernetes.io/name": "whorl" } },
            },
        }] } },
        "topologySpreadConstraints": [{
            "maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": { "matchLabels": { "app.kubernetes.io/name": "whorl" } },
        }],
        "priorityClassName": "high",
    })
}

fn document(documents: &[(String, String)], file: &str) -> String {
    let found = documents.iter().find(|(name, _)| name == file);
    found
        .unwrap_or_else(|| panic!("{file} renders nothing"))
        .1
        .clone()
}

#[test]
fn kubernetes_takes_what_the_chart_renders() {
    let chart = need!(Chart::open(&here().join("../helm")));
    for own in [least(), most()] {
        let values = chart.values(&own);
        chart
            .check_values(&values)
            .expect("values that the schema takes");
        let mut documents = chart.render(&values).expect("rendered");
        documents.retain(|(name, _)| name != "NOTES.txt");
        chart.validate(&documents).expect("what the API takes");

        let deployment = chart
            .parse(&document(&documents, "deployment.yaml"))
            .expect("YAML");
        let pod = &deployment["spec"]["template"]["spec"];
        assert_eq!(
            pod["enableServiceLinks"],
            json!(false),
            "services' variables would be configuration"
        );
        let container = &pod["containers"][0];
        assert_eq!(
            container["securityContext"]["readOnlyRootFilesystem"],
            json!(true)
        );
        assert_eq!(
            container["readinessProbe"]["httpGet"]["path"],
            json!("/readyz")
        );
        assert!(
            !deployment.to_string().contains("postgres://"),
            "the URL comes from the Secret"
        );
        let selector = &deployment["spec"]["selector"]["matchLabels"];
        for (label, value) in selector.as_object().expect("labels") {
            assert_eq!(
                &deployment["spec"]["template"]["metadata"]["labels"][label],
                value
            );
        }
    }
}

#[test]
fn the_rendered_configuration_is_toml_over_the_commented_default() {
    let chart = need!(Chart::open(&here().join("../helm")));
    let default = include_str!("../../config/whorl.toml")
        .parse::<toml::Table>()
        .expect("the default");
    for own in [least(), most()] {
        let documents = chart.render(&chart.values(&own)).expect("rendered");
        let map = chart
            .parse(&document(&documents, "configmap.yaml"))
            .expect("YAML");
        let text = map["data"]["whorl.toml"].as_str().expect("a file");
        let config: toml::Table = text.parse().unwrap_or_else(|e| panic!("{e}\n{text}"));
        assert_eq!(config["issuer"].as_str(), Some("https://login.example.org"));
        assert_eq!(config["vault"]["key"].as_str(), Some("kms"));
        // Every name stands in the default too: the server refuses those that it does not know.
        for (section, value) in &config {
            let known = default
                .get(section)
                .or_else(|| (section == "client").then_some(value));
            let known = known.unwrap_or_else(|| panic!("{section} is not in config/whorl.toml"));
            for name in value.as_table().into_iter().flat_map(toml::Table::keys) {
                assert!(
                    known.get(name).is_some(),
                    "{section}.{name} is not in config/whorl.toml"
                );
            }
        }
    }
}

#[test]
fn the_schema_refuses_what_cannot_work() {
    let chart = need!(Chart::open(&here().join("../helm")));
    let wrong = [
        (json!({ "issuer": "http://login.example.org" }), "issuer"),
        (json!({ "database": { "secret": "" } }), "database/secret"),
        (json!({ "replicaCount": "two" }), "replicaCount"),
        (json!({ "vault": { "bukket": "x" } }), "vault"),
        (
            json!({ "metrics": { "allow": ["everyone"] } }),
            "metrics/allow/0",
        ),
        (json!({ "ingress": { "enabled": true } }), "ingress"),
    ];
    for (mutation, path) in wrong {
        let mut values = chart.values(&least());
        for (key, value) in mutation.as_object().expect("an object") {
            let section = &mut values[key];
            match (section.as_object_mut(), value.as_object()) {
                (Some(section), Some(value)) => section.extend(value.clone()),
                _ => *section = value.clone(),
            }
        }
        let error = chart
            .check_values(&values)
            .expect_err("a violation")
            .to_string();
        assert!(error.starts_with(path), "{mutation}: {error}");
    }
}

#[test]
fn a_wrong_type_in_a_document_is_noticed() {
    let chart = need!(Chart::open(&here().join("../helm")));
    let values = chart.values(&most());
    let mut documents = chart.render(&values).expect("rendered");
    documents.retain(|(name, _)| name == "poddisruptionbudget.yaml");
    documents[0].1.push_str("  replicas: two\n");
    let error = chart
        .validate(&documents)
        .expect_err("not the API's")
        .to_string();
    assert!(error.contains("replicas"), "{error}");
}
