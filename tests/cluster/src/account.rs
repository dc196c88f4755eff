use crate::cluster::Cluster;
use serde_json::json;
use std::path::{Path, PathBuf};

/// A service account, as a pod would have one.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its name to the API server: `system:serviceaccount:NAMESPACE:NAME`.
    pub user: String,
    /// Its namespace.
    pub namespace: String,
    /// Its token.
    pub token: String,
    kubeconfig: PathBuf,
}

impl Account {
    /// A file by which a client becomes this account, in the account's namespace.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// A client by that file.
    pub async fn client(&self) -> kube::Client {
        crate::cluster::client(&self.kubeconfig).await
    }
}

impl Cluster {
    /// A service account, made where there is none. Its namespace must exist.
    pub async fn account(&self, namespace: &str, name: &str) -> Account {
        let accounts = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
        if self.find(&format!("{accounts}/{name}")).await.is_none() {
            self.create(&accounts, &json!({ "metadata": { "name": name } })).await;
        }
        let request = json!({ "spec": { "expirationSeconds": 3600 } });
        let answer = self.create(&format!("{accounts}/{name}/token"), &request).await;
        let token = answer["status"]["token"].as_str().expect("an answer has the token").to_owned();
        let kubeconfig = self.write_kubeconfig(&format!("{namespace}-{name}"), &token, namespace);
        let user = format!("system:serviceaccount:{namespace}:{name}");
        Account { user, namespace: namespace.to_owned(), token, kubeconfig }
    }

    /// What an account may write in its namespace: the lines of `kubectl auth can-i --list` that name such a verb.
    pub async fn writes_of(&self, account: &Account) -> Vec<String> {
        let Account { user, namespace, .. } = account;
        let asked = ["auth", "can-i", "--list", "-n", namespace, &format!("--as={user}")];
        let may = self.kubectl(&asked).await;
        let writes =
            |line: &&str| ["create", "update", "patch", "delete"].iter().any(|verb| line.contains(verb));
        // Everybody may ask who he is.
        may.lines().filter(writes).filter(|line| !line.contains("selfsubject")).map(str::to_owned).collect()
    }

    /// Allows an account something everywhere: `[("", ["pods"], ["list", "watch"])]`.
    pub async fn allow(&self, account: &Account, rules: &[(&str, &[&str], &[&str])]) {
        let rules: Vec<_> = rules
            .iter()
            .map(|(group, resources, verbs)| json!({ "apiGroups": [group], "resources": resources, "verbs": verbs }))
            .collect();
        let path = "/apis/rbac.authorization.k8s.io/v1";
        let role = json!({ "metadata": { "generateName": "test-" }, "rules": rules });
        let role = self.create(&format!("{path}/clusterroles"), &role).await;
        let name = &role["metadata"]["name"];
        let binding = json!({
            "metadata": { "name": name },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name },
            "subjects": [{ "kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": account.user }],
        });
        self.create(&format!("{path}/clusterrolebindings"), &binding).await;
    }
}
