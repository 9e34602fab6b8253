#!/usr/bin/env bash
# The example's pipeline as a sensible engineer writes it for one environment: clone, build, test,
# synthesize, deploy the stacks in order, test what was deployed.
#   pipeline.sh REPOSITORY COMMIT DIRECTORY     (the AWS variables come from the environment)
# Prints the seconds of each part on standard output.
set -euo pipefail
readonly repository=$1 commit=$2 work=$3
readonly account=111122223333 region=us-east-1
readonly stacks=(ArchonInfrastructureStack ArchonKnowledgeBaseStack ArchonAgentStack
  ArchonMonitoringDashboard)
export CI=true AWS_REGION=$region CDK_DEFAULT_ACCOUNT=$account CDK_DEFAULT_REGION=$region
export CDK_DISABLE_CLI_TELEMETRY=true

part() {
  local name=$1 begin=$EPOCHREALTIME
  shift
  "$@" >&2
  LC_ALL=C awk -v a="$begin" -v b="$EPOCHREALTIME" -v n="$name" \
    'BEGIN { printf "%8.2f %s\n", b - a, n }'
}

clone() {
  git clone -q "$repository" "$work"
  git -C "$work" checkout -q "$commit"
}

synthesize() {
  npx cdk synth --quiet --no-notices --output cdk.out -c environment=dev -c account=$account \
    -c region=$region
}

deploy() {
  mkdir -p outputs
  local stack
  for stack in "${stacks[@]}"; do
    npx cdk deploy "$stack" --app cdk.out --exclusively --require-approval never --no-notices \
      --outputs-file "outputs/$stack.json"
  done
  node -e 'const fs = require("fs"); fs.writeFileSync("outputs.json", JSON.stringify(
    Object.assign({}, ...fs.readdirSync("outputs").map((f) => JSON.parse(
      fs.readFileSync("outputs/" + f))))))'
}

integration_tests() {
  APHEX_OUTPUTS_FILE=$work/outputs.json npm run test:integration
}

part clone clone
cd "$work"
part "npm ci" npm ci --no-audit --no-fund
part "npm run build" npm run build
part "npm test" npm test
part synthesize synthesize
part deploy deploy
part "integration tests" integration_tests
