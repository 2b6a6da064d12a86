// What is wrong with a file, by its syntax alone:  node audit.ts <source> <findings.json> [<source> <findings.json> …]
import { readFileSync, writeFileSync } from "node:fs";
import ts from "typescript";
import { type Bound, bindingsOf, meaning } from "./bindings.ts";
import type { Finding, RuleId } from "./rules.ts";

/** What is known of a file before its nodes are looked at. */
interface Known {
  readonly bound: ReadonlyMap<string, Bound>;
  /** Names that hold a part of a request, by the function that declares them. */
  readonly requested: ReadonlyMap<ts.Node, ReadonlySet<string>>;
}

/** All findings of one file, in the order of their places. */
export function audit(name: string, text: string): Finding[] {
  const file = ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true);
  const findings: Finding[] = [];
  const report = (rule: RuleId, start: number, end: number, message: string): void => {
    const from = file.getLineAndCharacterOfPosition(start);
    const to = file.getLineAndCharacterOfPosition(end);
    findings.push({
      rule,
      startLine: from.line + 1,
      startColumn: from.character + 1,
      endLine: to.line + 1,
      endColumn: to.character + 1,
      message,
    });
  };
  const { diagnostics = [] } = ts.transpileModule(text, {
    fileName: name,
    reportDiagnostics: true,
    compilerOptions: { allowJs: true, target: ts.ScriptTarget.Latest },
  });
  const wrong = diagnostics[0];
  if (wrong?.start !== undefined) {
    const message = ts.flattenDiagnosticMessageText(wrong.messageText, " ");
    report("not-parsed", wrong.start, wrong.start + (wrong.length ?? 0), message);
    return findings;
  }
  const known: Known = { bound: bindingsOf(file), requested: requestedNames(file) };
  const visit = (node: ts.Node): void => {
    for (const [rule, check] of CHECKS) {
      const message = check(node, known);
      if (message !== undefined) report(rule, node.getStart(), node.getEnd(), message);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return findings;
}

type Check = (node: ts.Node, known: Known) => string | undefined;

const CHECKS: readonly (readonly [RuleId, Check])[] = [
  ["code-from-text", codeFromText],
  ["path-from-request", pathFromRequest],
  ["secret", secret],
  ["shell-command", shellCommand],
];

function shellCommand(node: ts.Node, { bound }: Known): string | undefined {
  if (!ts.isCallExpression(node)) return undefined;
  const called = meaning(node.expression, bound);
  const variable = node.arguments.some(
    (one) => !ts.isFunctionLike(one) && !isOptions(one) && !isConstant(one),
  );
  if (!called?.startsWith("child_process.") || !variable) return undefined;
  const name = called.slice("child_process.".length);
  if (/^exec(?:Sync)?$/.test(name)) {
    const [command] = node.arguments;
    return command && !isConstant(command)
      ? `${name} runs a shell over text that is not constant`
      : undefined;
  }
  const options = node.arguments.find(isOptions);
  const shell = options?.properties.find((one) => one.name?.getText() === "shell");
  if (shell === undefined || /:\s*false$/.test(shell.getText())) return undefined;
  return `${name} is told to use a shell over words that are not constant`;
}

function codeFromText(node: ts.Node, { bound }: Known): string | undefined {
  if (!ts.isCallExpression(node) && !ts.isNewExpression(node)) return undefined;
  const given = node.arguments ?? [];
  const name = ts.isIdentifier(node.expression) ? node.expression.text : "";
  if (name === "eval" || name === "Function") {
    return given.every(isConstant) ? undefined : `${name} runs text that is not constant`;
  }
  const [code] = given;
  const called = meaning(node.expression, bound);
  if (!/^vm\.(?:runIn\w+|compileFunction|Script)$/.test(called ?? "")) return undefined;
  return code && !isConstant(code) ? `${called} runs text that is not constant` : undefined;
}

function pathFromRequest(node: ts.Node, { bound, requested }: Known): string | undefined {
  if (!ts.isCallExpression(node)) return undefined;
  const called = meaning(node.expression, bound) ?? "";
  if (!/^(?:path(?:\.\w+)?\.(?:join|resolve)|fs[./])/.test(called)) return undefined;
  // Of a function of fs the first argument is the path; the others are data.
  const paths = called.startsWith("path") ? node.arguments : node.arguments.slice(0, 1);
  const from = paths.find((one) => isRequested(one, requested));
  return from && `${called} gets ${from.getText()}, a part of a request`;
}

/** Says nothing of the string: a finding is read by more people than the code. */
function secret(node: ts.Node): string | undefined {
  if (!ts.isStringLiteral(node) && !ts.isNoSubstitutionTemplateLiteral(node)) return undefined;
  const { text } = node;
  if (!/^(?=.*\d)(?=.*[A-Za-z])[\w+/=-]{24,200}$/.test(text)) return undefined;
  const letters = new Map<string, number>();
  for (const letter of text) letters.set(letter, (letters.get(letter) ?? 0) + 1);
  // An alphabet has each letter once; of random text as long hardly any has.
  if (letters.size === text.length) return undefined;
  let bits = 0;
  for (const count of letters.values())
    bits -= (count / text.length) * Math.log2(count / text.length);
  const isHex = /^[0-9a-f]{32,}$/i.test(text);
  if (bits < (isHex ? 3.2 : 4.2)) return undefined;
  return `a string of ${text.length} characters with ${bits.toFixed(1)} bits in each`;
}

function isOptions(node: ts.Node): node is ts.ObjectLiteralExpression {
  return ts.isObjectLiteralExpression(node);
}

function isConstant(node: ts.Node): boolean {
  if (ts.isBinaryExpression(node)) return isConstant(node.left) && isConstant(node.right);
  if (ts.isArrayLiteralExpression(node)) return node.elements.every(isConstant);
  return ts.isStringLiteralLike(node) || ts.isNumericLiteral(node);
}

const PART_OF_REQUEST =
  /^(?:ctx\.)?req(?:uest)?\.(?:body|cookies|headers|originalUrl|params|path|query|url)\b/;

function isRequested(node: ts.Node, requested: Known["requested"]): boolean {
  if (ts.isPropertyAccessExpression(node) && PART_OF_REQUEST.test(node.getText())) return true;
  // The base name of whatever it is has no folders.
  if (ts.isCallExpression(node) && /(?:^|\.)basename$/.test(node.expression.getText()))
    return false;
  if (ts.isIdentifier(node)) {
    for (let at = node.parent; at !== undefined; at = at.parent) {
      if (requested.get(at)?.has(node.text)) return true;
    }
  }
  return ts.forEachChild(node, (child) => isRequested(child, requested) || undefined) ?? false;
}

/** Variables that are declared with a part of a request, or with one that was before. */
function requestedNames(file: ts.SourceFile): ReadonlyMap<ts.Node, ReadonlySet<string>> {
  const requested = new Map<ts.Node, Set<string>>();
  const visit = (node: ts.Node): void => {
    if (
      ts.isVariableDeclaration(node) &&
      node.initializer &&
      isRequested(node.initializer, requested)
    ) {
      const scope =
        ts.findAncestor(node, (at) => ts.isFunctionLike(at) || ts.isSourceFile(at)) ?? file;
      const names = requested.get(scope) ?? new Set();
      requested.set(scope, names);
      for (const name of namesIn(node.name)) names.add(name);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return requested;
}

function namesIn(target: ts.BindingName): string[] {
  if (ts.isIdentifier(target)) return [target.text];
  return target.elements.flatMap((one) => (ts.isBindingElement(one) ? namesIn(one.name) : []));
}

function main(args: readonly string[]): void {
  const { dependencies } = JSON.parse(
    readFileSync(new URL("package.json", import.meta.url), "utf8"),
  );
  if (ts.version !== dependencies.typescript) {
    throw new Error(
      `typescript is ${ts.version}; package.json, a part of the recipe, says ${dependencies.typescript}`,
    );
  }
  for (let at = 0; at + 1 < args.length; at += 2) {
    const [source = "", to = ""] = args.slice(at, at + 2);
    writeFileSync(to, `${JSON.stringify(audit(source, readFileSync(source, "utf8")), null, 1)}\n`);
  }
}

if (import.meta.main) main(process.argv.slice(2));
