// Reads {"before", "after"} a line, answers with what the CDK's comparison says, one line each:
// {"resources": {id: "added" | "removed" | "modified" | "replaced" | "may"},
//  "statements": {"added": [...], "removed": [...]}, "rules": {...}, "attachments": {...}}.
const readline = require('node:readline');
const { fullDiff } = require('@aws-cdk/cloudformation-diff');

function resources(diff) {
  const found = {};
  diff.resources.forEachDifference((id, change) => {
    if (change.isAddition) found[id] = 'added';
    else if (change.isRemoval) found[id] = 'removed';
    else {
      const impact = change.changeImpact;
      found[id] = impact === 'WILL_REPLACE' ? 'replaced' : impact === 'MAY_REPLACE' ? 'may'
        : 'modified';
    }
  });
  return found;
}

const texts = (targets) => targets.values.map((value) => (targets.not ? '!' : '') + value).sort();
const statement = (item) => ({ effect: item.effect, principals: texts(item.principals),
                               actions: texts(item.actions), resources: texts(item.resources),
                               condition: item.condition !== undefined });
const json = (items) => items.map(statement);

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const { before, after } = JSON.parse(line);
  const diff = fullDiff(before, after);
  console.log(JSON.stringify({
    resources: resources(diff),
    statements: { added: json(diff.iamChanges.statements.additions),
                  removed: json(diff.iamChanges.statements.removals) },
    attachments: { added: diff.iamChanges.managedPolicies.additions.length,
                   removed: diff.iamChanges.managedPolicies.removals.length },
    rules: { added: diff.securityGroupChanges.ingress.additions.length
               + diff.securityGroupChanges.egress.additions.length,
             removed: diff.securityGroupChanges.ingress.removals.length
               + diff.securityGroupChanges.egress.removals.length },
  }));
});
