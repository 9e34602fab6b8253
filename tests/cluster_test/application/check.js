// The pipeline's tests of an environment: the outputs are there, as variables and as a file.
const { readFileSync } = require("node:fs");

const outputs = JSON.parse(readFileSync(process.env.APHEX_OUTPUTS_FILE, "utf8"));
for (const [stack, values] of Object.entries(outputs)) {
  for (const [key, value] of Object.entries(values)) {
    const variable = `APHEX_OUTPUT_${stack}_${key}`.toUpperCase();
    if (process.env[variable] !== value) throw new Error(`${variable} is not ${value}`);
    console.log(`CHECK ${process.env.APHEX_ENVIRONMENT} ${stack}.${key} ${value}`);
  }
}
console.log(`CHECK made ${readFileSync("dist/made.txt", "utf8").trim()}`);
