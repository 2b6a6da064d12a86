// Which names of a file are Node's modules, and functions of them.
import ts from "typescript";

/** A function of a module, `child_process.exec`; or all of it, `child_process`. */
export type Bound = string;

const MODULES = new Set(["child_process", "fs", "fs/promises", "path", "vm"]);

/** Names as imports, `require` and `promisify` bind them anywhere in the file. */
export function bindingsOf(file: ts.SourceFile): ReadonlyMap<string, Bound> {
  const bound = new Map<string, Bound>();
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) bindImport(node, bound);
    else if (ts.isVariableDeclaration(node) && node.initializer) {
      const value = meaning(node.initializer, bound);
      if (value !== undefined) bindName(node.name, value, bound);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return bound;
}

/** What an expression is, if it is one of Node's modules or a function of one. */
export function meaning(node: ts.Expression, bound: ReadonlyMap<string, Bound>): Bound | undefined {
  if (ts.isIdentifier(node)) return bound.get(node.text);
  if (ts.isAwaitExpression(node)) return meaning(node.expression, bound);
  if (ts.isPropertyAccessExpression(node)) {
    const of = meaning(node.expression, bound);
    return of && `${of}.${node.name.text}`;
  }
  if (!ts.isCallExpression(node)) return undefined;
  const [first] = node.arguments;
  if (first === undefined) return undefined;
  const callee = node.expression.getText();
  if (/^(?:require|import)$/.test(callee) && ts.isStringLiteral(first)) return moduleOf(first.text);
  // What it returns takes the same arguments.
  return /(?:^|\.)promisify$/.test(callee) ? meaning(first, bound) : undefined;
}

function moduleOf(specifier: string): Bound | undefined {
  const name = specifier.replace(/^node:/, "");
  return MODULES.has(name) ? name : undefined;
}

function bindImport(
  { importClause, moduleSpecifier }: ts.ImportDeclaration,
  bound: Map<string, Bound>,
): void {
  const name = ts.isStringLiteral(moduleSpecifier) ? moduleOf(moduleSpecifier.text) : undefined;
  if (name === undefined || importClause === undefined) return;
  if (importClause.name) bound.set(importClause.name.text, name);
  const named = importClause.namedBindings;
  if (named === undefined) return;
  if (ts.isNamespaceImport(named)) bound.set(named.name.text, name);
  else
    for (const one of named.elements)
      bound.set(one.name.text, `${name}.${(one.propertyName ?? one.name).text}`);
}

function bindName(target: ts.BindingName, value: Bound, bound: Map<string, Bound>): void {
  if (ts.isIdentifier(target)) bound.set(target.text, value);
  else if (ts.isObjectBindingPattern(target)) {
    for (const { propertyName, name } of target.elements) {
      if (ts.isIdentifier(name))
        bound.set(name.text, `${value}.${(propertyName ?? name).getText()}`);
    }
  }
}
