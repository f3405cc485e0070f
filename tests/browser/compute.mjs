// Runs the page's own computation without a browser: standard input is {scripts, expression, given}, and what the expression
// makes of `given`, with the scripts before it, is printed as JSON.
import { readFileSync } from "node:fs";
import vm from "node:vm";

const { scripts, expression, given } = JSON.parse(readFileSync(0, "utf8"));
globalThis.given = given;
const code = [...scripts.map((path) => readFileSync(path, "utf8")), `JSON.stringify((${expression}))`].join("\n");
process.stdout.write(vm.runInThisContext(code));
