// What a command of the user finds of the cluster's: prints the answer to each thing it tries.
const { existsSync, readFileSync } = require("node:fs");
const https = require("node:https");

const folder = "/var/run/secrets/kubernetes.io/serviceaccount";
const namespace = process.argv[2];

function ask(method, path, token, body) {
  const headers = { "Content-Type": "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  return new Promise((resolve) => {
    const request = https.request(
      { host: process.env.KUBERNETES_SERVICE_HOST, port: process.env.KUBERNETES_SERVICE_PORT,
        path, method, headers, rejectUnauthorized: false },
      (answer) => { answer.resume(); resolve(answer.statusCode); });
    request.on("error", (error) => resolve(error.code));
    request.end(body);
  });
}

async function main() {
  const file = `${folder}/token`;
  const token = existsSync(file) ? readFileSync(file, "utf8") : "";
  console.log(`PROBE token ${token ? "found" : "none"}`);
  const core = `/api/v1/namespaces/${namespace}`;
  const argo = `/apis/argoproj.io/v1alpha1/namespaces/${namespace}`;
  const asked = { secrets: `${core}/secrets`, pods: `${core}/pods`,
    templates: `${argo}/workflowtemplates`, workflows: `${argo}/workflows`,
    others: "/api/v1/namespaces/kube-system/secrets" };
  for (const name of process.argv.slice(3)) asked[name] = `${argo}/workflowtemplates/${name}`;
  for (const [name, path] of Object.entries(asked)) {
    console.log(`PROBE get ${name} ${await ask("GET", path, token)}`);
  }
}

main();
