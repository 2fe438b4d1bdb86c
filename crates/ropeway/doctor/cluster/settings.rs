//! What a pod's server is told to do, from its arguments, variables and mounted configuration.

use serde_json::Value;

use super::state::{ClusterState, items};

/// What a container's server is told: by its arguments, its variables and its configuration file, which
/// win in this order.
pub(super) struct Settings<'a> {
    words: Vec<&'a str>,
    variables: &'a [Value],
    file: toml::Table,
}

impl<'a> Settings<'a> {
    pub(super) fn new(state: &ClusterState, pod: &Value, container: &'a Value) -> Self {
        let words = items(&container["args"]).iter().filter_map(Value::as_str).collect();
        let mut settings =
            Self { words, variables: items(&container["env"]), file: toml::Table::new() };
        let path = settings.option("config");
        settings.file =
            path.and_then(|path| file(state, pod, container, &path)).unwrap_or_default();
        settings
    }

    /// The value of an option with this long name.
    pub(super) fn option(&self, name: &str) -> Option<String> {
        let flag = format!("--{name}");
        let variable = format!("ROPEWAY_{}", name.to_uppercase().replace('-', "_"));
        let mut pairs = self.words.windows(2);
        let behind = pairs.find(|pair| pair[0] == flag).map(|pair| pair[1]);
        let joined = self.words.iter().find_map(|word| word.strip_prefix(&format!("{flag}=")));
        let variable = self.variables.iter().find(|v| v["name"] == variable.as_str());
        let variable = variable.and_then(|v| v["value"].as_str());
        let file = self.file.get(name).and_then(toml::Value::as_str);
        behind.or(joined).or(variable).or(file).map(str::to_owned)
    }

    /// The value of a variable that is no option.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.iter().find(|variable| variable["name"] == name)?["value"].as_str()
    }

    /// The model: the first path that is no option's value, else the option.
    pub(super) fn model(&self) -> Option<String> {
        let bare = self.words.windows(2).find(|pair| {
            let is_value = pair[0].starts_with("--") && !pair[0].contains('=');
            pair[1].starts_with('/') && !is_value
        });
        bare.map(|pair| pair[1].to_owned()).or_else(|| self.option("model"))
    }
}

/// A configuration file that a ConfigMap brings into the container.
fn file(state: &ClusterState, pod: &Value, container: &Value, path: &str) -> Option<toml::Table> {
    let (mount, name_in_map) = items(&container["volumeMounts"]).iter().find_map(|mount| {
        let folder = mount["mountPath"].as_str()?.trim_end_matches('/');
        Some((mount, path.strip_prefix(folder)?.strip_prefix('/')?))
    })?;
    let volume = items(&pod["spec"]["volumes"]).iter().find(|v| v["name"] == mount["name"])?;
    let map = &volume["configMap"]["name"];
    let map = state.all("configmaps").iter().find(|m| m["metadata"]["name"] == *map)?;
    map["data"][name_in_map].as_str()?.parse().ok()
}
