//! What `template.yaml` says of a plugin: its function, its role, and on EKS how the cluster knows it.

use prodrome_plugin::Plugin;
use std::fmt::Write as _;

/// What the entry depends on.
pub(super) struct Declared<'a> {
    name: &'a str,
    about: &'a str,
    asks_outside: bool,
    settings: Vec<&'a str>,
}

impl<'a> Declared<'a> {
    /// A new one, which asks nothing but the cluster.
    pub(super) const fn new(name: &'a str) -> Self {
        Self { name, about: "What it finds out, in a line.", asks_outside: false, settings: Vec::new() }
    }
}

impl<'a> From<&'a Plugin> for Declared<'a> {
    fn from(plugin: &'a Plugin) -> Self {
        Self {
            name: plugin.name(),
            about: plugin.describe(),
            asks_outside: plugin.outside().is_some(),
            settings: plugin.settings().iter().map(|(name, _)| *name).collect(),
        }
    }
}

/// The entry, with an empty line at its end.
pub(super) fn entry(plugin: &Declared<'_>) -> String {
    let Declared { name, about, .. } = plugin;
    let id = camel(name, '-');
    let mut more = String::new();
    if plugin.asks_outside {
        more.push_str(
            "          OUTSIDE_NETWORKS: !Ref OutsideNetworks\n          OUTSIDE_CA: !Ref OutsideCa\n",
        );
    }
    for setting in &plugin.settings {
        writeln!(more, "          {setting}: !Ref {}", camel(&setting.to_lowercase(), '_'))
            .expect("writing to a string succeeds");
    }
    format!(
        r#"  Plugin{id}Function:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: !Sub ${{AWS::StackName}}-plugin-{name}
      Description: "{about}"
      CodeUri: target/lambda/plugin-{name}
      MemorySize: 256
      Timeout: !Ref TimeoutSeconds
      Role: !GetAtt Plugin{id}Role.Arn
      LoggingConfig: {{ LogGroup: !Ref PluginLogGroup }}
      VpcConfig: !If
        - InVpc
        - {{ SubnetIds: !Ref VpcSubnetIds, SecurityGroupIds: !Ref VpcSecurityGroupIds }}
        - !Ref AWS::NoValue
      Environment:
        Variables:
          PRODROME_FUNCTION: plugin-{name}
          LOG_LEVEL: !Ref LogLevel
          CLUSTER_SCOPE: !Ref ClusterScope
          CLUSTER_ENDPOINT: !Ref ClusterEndpoint
          CLUSTER_CA: !Ref ClusterCa
          CLUSTER_NAME: !Ref ClusterName
          CLUSTER_TOKEN_PARAMETER: !Ref ClusterTokenParameter
          CLUSTER_KUBECONFIG: !Ref ClusterKubeconfig
          CLUSTER_CONTEXT: !Ref ClusterContext
          CLUSTERS_PATH: !Ref ClustersPath
{more}
  Plugin{id}Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - {{ Effect: Allow, Principal: {{ Service: lambda.amazonaws.com }}, Action: sts:AssumeRole }}
      ManagedPolicyArns:
        - !Ref PluginPolicy
        - !If [HasClusterToken, !Ref PluginTokenPolicy, !Ref AWS::NoValue]
        - !If [HasClustersPath, !Ref PluginClustersPolicy, !Ref AWS::NoValue]
        - !If [HasClusterSecretsKey, !Ref PluginSecretsKeyPolicy, !Ref AWS::NoValue]
        - !If [InVpc, !Sub "arn:${{AWS::Partition}}:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole", !Ref AWS::NoValue]

  Plugin{id}Access:
    Type: AWS::EKS::AccessEntry
    Condition: OnEks
    Properties:
      ClusterName: !Ref ClusterName
      PrincipalArn: !GetAtt Plugin{id}Role.Arn
      KubernetesGroups: [prodrome-plugins, prodrome-plugin-{name}]

"#
    )
}

/// `disk-usage` becomes `DiskUsage`.
fn camel(words: &str, between: char) -> String {
    let capital = |word: &str| {
        let mut chars = word.chars();
        chars.next().map(|c| c.to_ascii_uppercase()).into_iter().chain(chars).collect::<String>()
    };
    words.split(between).map(capital).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_says_of_each_plugin_what_it_declares() {
        let template =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../template.yaml")).unwrap();
        for plugin in prodrome_local::plugins().iter() {
            let entry = entry(&plugin.into());
            assert!(template.contains(&entry), "template.yaml has not, or not so:\n{entry}");
        }
    }
}
