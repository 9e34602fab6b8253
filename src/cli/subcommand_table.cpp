#include <array>

#include "cli/subcommand.hpp"
#include "cli/subcommands.hpp"

namespace aphex::cli {
namespace {

constexpr std::array kTable{
    SubcommandEntry{"init", "write aphex-config.yaml for an existing CDK application",
                    "  aphex init\n"
                    "  aphex init --environment dev --force\n",
                    make_init},
    SubcommandEntry{"validate", "check aphex-config.yaml and show every problem",
                    "  aphex validate\n"
                    "  aphex validate --strict\n"
                    "  aphex validate other.yaml --format sarif > aphex.sarif\n",
                    make_validate},
    SubcommandEntry{"plan", "show what a run would do, and in which order",
                    "  aphex plan\n"
                    "  aphex plan --steps\n"
                    "  aphex plan --format mermaid\n",
                    make_plan_command},
    SubcommandEntry{"schema", "print the JSON Schema of aphex-config.yaml, for editors",
                    "  aphex schema > aphex-config.schema.json\n"
                    "  aphex schema --server > aphex-server.schema.json\n",
                    make_schema},
    SubcommandEntry{
        "synth", "write the pipeline's own stack, for the cdk command line",
        "  aphex synth --cluster-name arbiter\n"
        "  aphex synth --explain-iam            every right, and the step that needs it\n"
        "  cdk deploy --app \"aphex synth\"\n"
        "  cdk diff --app \"aphex synth\" -c clusterName=arbiter\n",
        make_synth},
    SubcommandEntry{"manifests", "print the pipeline's Kubernetes objects as YAML",
                    "  aphex manifests > pipeline.yaml\n"
                    "  aphex manifests | kubectl apply --server-side --field-manager=aphex -f -\n",
                    make_manifests},
    SubcommandEntry{"sandbox", "start, stop and look at the local AWS",
                    "  aphex sandbox start\n"
                    "  aphex sandbox status\n"
                    "  aphex sandbox cluster add dev --kubeconfig ~/.kube/config\n"
                    "  aphex sandbox reset\n",
                    make_sandbox},
    SubcommandEntry{"run", "take a commit through the whole pipeline",
                    "  aphex run --sandbox                 the commit checked out, on a local AWS\n"
                    "  aphex run --sandbox --worktree      with changes not yet committed\n"
                    "  aphex run --commit 3f2a1b0          another commit\n"
                    "  aphex run --log-format json         structured logs on standard error\n",
                    make_run},
    SubcommandEntry{"runs", "list runs, or show one with its stages and steps",
                    "  aphex runs\n"
                    "  aphex runs 12\n"
                    "  aphex runs --all --format json\n",
                    make_runs},
    SubcommandEntry{"logs", "print a run's logs",
                    "  aphex logs                     of the latest run\n"
                    "  aphex logs 12 --stage build\n"
                    "  aphex logs --follow\n",
                    make_logs},
    SubcommandEntry{"outputs", "print what the deployed stacks gave out",
                    "  aphex outputs\n"
                    "  aphex outputs 12 --environment dev --format json\n",
                    make_outputs},
    SubcommandEntry{"cancel", "end a run that is going or waiting",
                    "  aphex cancel\n"
                    "  aphex cancel 12\n",
                    make_cancel},
    SubcommandEntry{"resume", "go on with a failed, cancelled or interrupted run",
                    "  aphex resume\n"
                    "  aphex resume 12\n",
                    make_resume},
    SubcommandEntry{"approve", "show what a run would change, and approve or reject it",
                    "  aphex approve                          the one that waits\n"
                    "  aphex approve 12 --show\n"
                    "  aphex approve 12 --reject --comment \"not on a Friday\"\n"
                    "  aphex approve --workflow shop-x7k2p --namespace argo\n",
                    make_approve},
    SubcommandEntry{"serve", "take GitHub's webhooks and run what is pushed",
                    "  aphex serve --config aphex-server.yaml --check\n"
                    "  aphex serve --config aphex-server.yaml\n",
                    make_serve},
    SubcommandEntry{"backup", "copy the state directory into one file, while it is in use",
                    "  aphex backup /var/backups/aphex.tar.gz\n", make_backup},
    SubcommandEntry{"restore", "bring a state directory back from a backup",
                    "  aphex restore /var/backups/aphex.tar.gz\n"
                    "  aphex restore aphex.tar.gz --state-dir /var/lib/aphex --force\n",
                    make_restore},
    SubcommandEntry{"token", "make, list and revoke what the server knows its callers by",
                    "  aphex token create ci --role run --expires 90d\n"
                    "  aphex token list\n"
                    "  aphex token revoke ci\n",
                    make_token},
    SubcommandEntry{"audit", "print what was done with the server, and by whom",
                    "  aphex audit\n"
                    "  aphex audit --limit 500 --format json\n",
                    make_audit},
    SubcommandEntry{"notify", "send a test message by the server's channels",
                    "  aphex notify test\n"
                    "  aphex notify test --channel team --config aphex-server.yaml\n",
                    make_notify},
    SubcommandEntry{"doctor", "check tools, credentials and accounts, and say how to mend each",
                    "  aphex doctor\n"
                    "  aphex doctor --sandbox\n",
                    make_doctor},
    SubcommandEntry{"stage", "execute one stage of a plan in the pod of a workflow",
                    "  aphex stage --clone                      the init container\n"
                    "  aphex stage --plan /aphex/plan.json      the stage itself\n"
                    "  aphex stage --exit                       when the workflow has ended\n",
                    make_stage},
    SubcommandEntry{"completion", "print completions for bash, zsh or fish",
                    "  source <(aphex completion bash)\n", make_completion},
    SubcommandEntry{"credentials", "credentials of a grant, for credential_process",
                    "  aphex credentials GRANT\n", make_credentials, Visibility::hidden},
    SubcommandEntry{"queued-run", "one entry of the server's queue",
                    "  aphex queued-run 12 --config aphex-server.yaml\n", make_queued_run,
                    Visibility::hidden},
    SubcommandEntry{"git-credential", "git's credential helper of a stage's clone",
                    "  aphex git-credential get\n", make_git_credential, Visibility::hidden},
};

}  // namespace

std::span<const SubcommandEntry> subcommand_table() {
  return kTable;
}

}  // namespace aphex::cli
