//! The Helm chart, rendered and validated without Helm or a cluster.
//!
//! `gtmpl-ng` speaks Go's template language; the few functions of Helm's that the chart uses stand here. The Python environment reads `values.yaml` and holds the schemas: that of
//! the values (`values.schema.json`) and those of Kubernetes' own API.

use std::{
    cell::RefCell,
    collections::HashMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, anyhow, bail, ensure};
use gtmpl_ng::{Context, Func, FuncError, Template, Value};
use serde_json::{Map, Value as Json, json};

use crate::missing::{Missing, python_program};

/// A chart's folder and what validates it.
#[derive(Debug)]
pub struct Chart {
    folder: PathBuf,
    python: PathBuf,
    validator: PathBuf,
    values: Json,
}

impl Chart {
    /// Reads a chart's default values.
    pub fn open(folder: &Path) -> Result<Self, Missing> {
        let validator = python_program("kubernetes-validate")?;
        // The interpreter beside it has PyYAML and jsonschema, which the validator stands on.
        let python = validator.with_file_name("python");
        let mut chart = Self {
            folder: folder.to_owned(),
            python,
            validator,
            values: Json::Null,
        };
        let text = fs::read_to_string(folder.join("values.yaml")).unwrap_or_default();
        let script = "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)";
        let json = chart
            .python(script, &text)
            .and_then(|json| Ok(serde_json::from_str(&json)?));
        chart.values = json.map_err(|e| {
            Missing::new(
                format!("values.yaml is not read: {e:#}"),
                "tests/setup mends the Python environment",
            )
        })?;
        Ok(chart)
    }

    /// The default values with `own` over them.
    #[must_use]
    pub fn values(&self, own: &Json) -> Json {
        let mut values = self.values.clone();
        merge(&mut values, own);
        values
    }

    /// Holds values to `values.schema.json`.
    ///
    /// # Errors
    /// The first violation, as `path: what is wrong`.
    pub fn check_values(&self, values: &Json) -> anyhow::Result<()> {
        let schema = fs::read_to_string(self.folder.join("values.schema.json"))?;
        let schema: Json = serde_json::from_str(&schema)?;
        let script = "import json, sys, jsonschema\n\
            d = json.load(sys.stdin)\n\
            jsonschema.Draft7Validator.check_schema(d['schema'])\n\
            e = jsonschema.exceptions.best_match(jsonschema.Draft7Validator(d['schema']).iter_errors(d['values']))\n\
            print('/'.join(map(str, e.absolute_path)) + ': ' + e.message if e else '')";
        let input = json!({ "schema": schema, "values": values }).to_string();
        let violation = self.python(script, &input)?;
        ensure!(violation.trim().is_empty(), "{}", violation.trim());
        Ok(())
    }

    /// Renders every template with these values: the documents by the names of their files.
    pub fn render(&self, values: &Json) -> anyhow::Result<Vec<(String, String)>> {
        let mut sources = Vec::new();
        for entry in fs::read_dir(self.folder.join("templates"))? {
            let path = entry?.path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            sources.push((name, fs::read_to_string(&path)?));
        }
        sources.sort();
        SOURCES.with_borrow_mut(|s| s.clone_from(&sources));
        let dot = dot(values);
        let mut documents = Vec::new();
        for (name, _) in sources.iter().filter(|(name, _)| !name.starts_with('_')) {
            let text = render(name, dot.clone()).map_err(|e| anyhow!("{name}: {e}"))?;
            if !text.trim().is_empty() {
                documents.push((name.clone(), text));
            }
        }
        Ok(documents)
    }

    /// Holds rendered documents to the schemas of Kubernetes' API.
    pub fn validate(&self, documents: &[(String, String)]) -> anyhow::Result<()> {
        let mut file = tempfile::Builder::new().suffix(".yaml").tempfile()?;
        for (name, text) in documents {
            writeln!(file, "---\n# {name}\n{text}")?;
        }
        let output = Command::new(&self.validator)
            .args(["-k", KUBERNETES, "--strict"])
            .arg(file.path())
            .output()?;
        let said = [output.stdout, output.stderr].concat();
        ensure!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&said)
        );
        Ok(())
    }

    /// A rendered document as JSON.
    pub fn parse(&self, document: &str) -> anyhow::Result<Json> {
        let script = "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)";
        Ok(serde_json::from_str(&self.python(script, document)?)?)
    }

    fn python(&self, script: &str, input: &str) -> anyhow::Result<String> {
        let mut child = Command::new(&self.python)
            .args(["-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| self.python.display().to_string())?;
        child
            .stdin
            .take()
            .context("invariant: piped")?
            .write_all(input.as_bytes())?;
        let output = child.wait_with_output()?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8(output.stdout)?)
    }
}

fn merge(under: &mut Json, over: &Json) {
    match (under, over) {
        (Json::Object(under), Json::Object(over)) => {
            for (key, value) in over {
                merge(under.entry(key).or_insert(Json::Null), value);
            }
        }
        (under, over) => *under = over.clone(),
    }
}

/// What a template calls `.`, but for what the cluster would add.
fn dot(values: &Json) -> Value {
    to_value(&json!({
        "Values": values,
        "Release": { "Name": "login", "Namespace": "identity", "Service": "Helm" },
        "Chart": { "Name": "whorl", "Version": "0.1.0", "AppVersion": "0.1.0" },
    }))
}

thread_local! {
    /// The templates at hand, for `include`: a template function is a plain function and carries nothing.
    static SOURCES: RefCell<Vec<(String, String)>> = const { RefCell::new(Vec::new()) };
}

fn render(name: &str, dot: Value) -> Result<String, FuncError> {
    let failed = |e: &dyn std::fmt::Display| FuncError::from(anyhow!("{name}: {e}"));
    let mut template = Template::default();
    template.add_funcs(&FUNCTIONS);
    for (file, text) in SOURCES.with_borrow(Clone::clone) {
        template.add_template(file, text).map_err(|e| failed(&e))?;
    }
    template
        .parse(format!("{{{{ template {name:?} . }}}}"))
        .map_err(|e| failed(&e))?;
    template.render(&Context::from(dot)).map_err(|e| failed(&e))
}

const FUNCTIONS: [(&str, Func); 11] = [
    ("include", include),
    ("toYaml", to_yaml),
    ("toJson", to_json),
    ("nindent", nindent),
    ("indent", indent),
    ("quote", quote),
    ("default", default),
    ("trunc", trunc),
    ("trimSuffix", trim_suffix),
    ("sha256sum", digest),
    ("required", required),
];

fn include(arguments: &[Value]) -> Result<Value, FuncError> {
    let [name, dot] = take("include", arguments)?;
    render(&text(name), dot.clone()).map(Value::from)
}

fn to_json(arguments: &[Value]) -> Result<Value, FuncError> {
    let [value] = take("toJson", arguments)?;
    Ok(Value::from(from_value(value).to_string()))
}

fn to_yaml(arguments: &[Value]) -> Result<Value, FuncError> {
    let [value] = take("toYaml", arguments)?;
    Ok(Value::from(yaml(&from_value(value)).join("\n")))
}

/// The lines of a value in YAML's block style; strings as JSON writes them, which YAML reads.
fn yaml(value: &Json) -> Vec<String> {
    let below = |mark: &str, value: &Json| {
        let lines = yaml(value).into_iter().enumerate();
        let indent = " ".repeat(mark.len());
        lines
            .map(|(n, line)| format!("{}{line}", if n == 0 { mark } else { &indent }))
            .collect::<Vec<_>>()
    };
    let nests = |value: &Json| match value {
        Json::Object(map) => !map.is_empty(),
        Json::Array(items) => !items.is_empty(),
        _ => false,
    };
    match value {
        Json::Object(map) if nests(value) => map
            .iter()
            .flat_map(|(key, value)| {
                let key = Json::from(key.as_str());
                if nests(value) {
                    let mut lines = vec![format!("{key}:")];
                    lines.extend(yaml(value).into_iter().map(|line| format!("  {line}")));
                    lines
                } else {
                    vec![format!("{key}: {value}")]
                }
            })
            .collect(),
        Json::Array(items) if nests(value) => {
            items.iter().flat_map(|item| below("- ", item)).collect()
        }
        plain => vec![plain.to_string()],
    }
}

fn nindent(arguments: &[Value]) -> Result<Value, FuncError> {
    indent(arguments).map(|indented| Value::from(format!("\n{}", text(&indented))))
}

fn indent(arguments: &[Value]) -> Result<Value, FuncError> {
    let [width, value] = take("indent", arguments)?;
    let width = text(width)
        .parse()
        .map_err(|_| FuncError::UnableToConvertFromValue)?;
    let indent = " ".repeat(width);
    let lines: Vec<_> = text(value)
        .lines()
        .map(|line| format!("{indent}{line}"))
        .collect();
    Ok(Value::from(lines.join("\n")))
}

fn quote(arguments: &[Value]) -> Result<Value, FuncError> {
    let [value] = take("quote", arguments)?;
    Ok(Value::from(Json::from(text(value)).to_string()))
}

fn default(arguments: &[Value]) -> Result<Value, FuncError> {
    let [otherwise, value] = take("default", arguments)?;
    let empty = match value {
        Value::NoValue | Value::Nil | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) | Value::Map(map) => map.is_empty(),
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Bool(true) | Value::Function(_) => false,
    };
    Ok(if empty {
        otherwise.clone()
    } else {
        value.clone()
    })
}

fn trunc(arguments: &[Value]) -> Result<Value, FuncError> {
    let [length, value] = take("trunc", arguments)?;
    let length = text(length)
        .parse()
        .map_err(|_| FuncError::UnableToConvertFromValue)?;
    Ok(Value::from(
        text(value).chars().take(length).collect::<String>(),
    ))
}

fn trim_suffix(arguments: &[Value]) -> Result<Value, FuncError> {
    let [suffix, value] = take("trimSuffix", arguments)?;
    let value = text(value);
    Ok(Value::from(
        value.strip_suffix(&text(suffix)).unwrap_or(&value),
    ))
}

fn digest(arguments: &[Value]) -> Result<Value, FuncError> {
    let [value] = take("sha256sum", arguments)?;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text(value).as_bytes());
    Ok(Value::from(
        digest
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>(),
    ))
}

fn required(arguments: &[Value]) -> Result<Value, FuncError> {
    let [message, value] = take("required", arguments)?;
    match value {
        Value::NoValue | Value::Nil => Err(anyhow!("{message}").into()),
        Value::String(text) if text.is_empty() => Err(anyhow!("{message}").into()),
        value => Ok(value.clone()),
    }
}

fn take<'a, const N: usize>(
    name: &str,
    arguments: &'a [Value],
) -> Result<&'a [Value; N], FuncError> {
    arguments
        .try_into()
        .map_err(|_| FuncError::ExactlyXArgs(name.to_owned(), N))
}

fn text(value: &Value) -> String {
    value.to_string()
}

fn to_value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::Array(items.iter().map(to_value).collect()),
        Json::Object(map) => {
            let entries: HashMap<_, _> =
                map.iter().map(|(k, v)| (k.clone(), to_value(v))).collect();
            Value::Map(entries)
        }
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Value::from(whole),
            None => Value::from(number.as_f64().unwrap_or_default()),
        },
    }
}

fn from_value(value: &Value) -> Json {
    match value {
        Value::NoValue | Value::Nil | Value::Function(_) => Json::Null,
        Value::Bool(truth) => Json::Bool(*truth),
        Value::String(text) => Json::from(text.as_str()),
        Value::Array(items) => items.iter().map(from_value).collect(),
        Value::Object(map) | Value::Map(map) => Json::Object(
            map.iter()
                .map(|(k, v)| (k.clone(), from_value(v)))
                .collect::<Map<_, _>>(),
        ),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Json::from(whole),
            None => number.as_f64().map_or(Json::Null, Json::from),
        },
    }
}

/// The release of Kubernetes whose schemas the chart is held to.
const KUBERNETES: &str = "1.34";
