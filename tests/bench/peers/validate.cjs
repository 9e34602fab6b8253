// As validate.py, in Node: node validate.cjs SCHEMA CONFIGURATION
const fs = require('node:fs');
const path = require('node:path');
const yaml = require('js-yaml');
const Ajv = require('ajv/dist/2020').default;

const [schemaFile, file] = process.argv.slice(2);
const schema = JSON.parse(fs.readFileSync(schemaFile, 'utf8'));
const configuration = yaml.load(fs.readFileSync(file, 'utf8'));
const validate = new Ajv({ allErrors: true, strict: false }).compile(schema);
const problems = validate(configuration) ? [] : validate.errors.map((error) => error.message);

function order(stacks) {
  const needs = new Map(stacks.map((stack) => [stack.name, stack.dependsOn ?? []]));
  const done = new Set();
  const open = new Set();
  const visit = (name) => {
    if (done.has(name)) return;
    if (open.has(name)) problems.push(`cycle at ${name}`);
    open.add(name);
    for (const need of needs.get(name)) {
      if (!needs.has(need)) problems.push(`unknown ${need}`);
      else if (!open.has(need)) visit(need);
    }
    open.delete(name);
    done.add(name);
  };
  for (const name of needs.keys()) visit(name);
  return [...done];
}

const seen = new Set();
for (const environment of configuration.environments) {
  if (seen.has(environment.name)) problems.push(`environment ${environment.name} is there twice`);
  seen.add(environment.name);
  for (const stack of environment.stacks) {
    if (!fs.statSync(path.join(path.dirname(file), stack.path)).isFile()) problems.push(stack.path);
  }
  console.log(environment.name, ...order(environment.stacks));
}
console.error(problems.join('\n'));
process.exit(problems.length ? 1 : 0);
