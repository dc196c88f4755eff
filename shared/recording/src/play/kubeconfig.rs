/// A kubeconfig for a server that asks for no credentials.
pub(super) fn text(url: &str) -> String {
    format!(
        "\
apiVersion: v1
kind: Config
current-context: recording
clusters:
- name: recording
  cluster:
    server: {url}
contexts:
- name: recording
  context:
    cluster: recording
    user: recording
users:
- name: recording
  user: {{}}
"
    )
}
