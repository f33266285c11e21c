/**
 * Questions about pieces of TypeScript, which the compiler's parser has made into a tree.
 *
 * @module
 */

// deno-lint-ignore no-import-prefix -- nothing but this optional tool may depend on a package
import ts from "npm:typescript@6.0.3";

/** Calls a function for a piece and for all pieces in it. Comments are none. */
export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}

/** Whether a word refers to something, as opposed to a member's name, such as `b` in `a.b`. */
export function isReference(word: ts.Identifier): boolean {
  const { parent } = word;
  if (ts.isPropertyAccessExpression(parent)) return parent.name !== word;
  if (ts.isQualifiedName(parent)) return parent.right !== word;
  if (ts.isBindingElement(parent)) return parent.propertyName !== word;
  if (ts.isMetaProperty(parent) || ts.isNamedTupleMember(parent)) return false;
  const isMember = ts.isPropertyAssignment(parent) || ts.isClassElement(parent) ||
    ts.isTypeElement(parent) || ts.isEnumMember(parent);
  return !(isMember && parent.name === word);
}

/** Whether a word is a member's name and a reference at the same time, as in `{ word }`. */
export function isShorthand({ parent }: ts.Identifier): boolean {
  return ts.isShorthandPropertyAssignment(parent) ||
    ts.isBindingElement(parent) && ts.isObjectBindingPattern(parent.parent) &&
      parent.propertyName === undefined && parent.dotDotDotToken === undefined;
}

/** The names that a statement gives to its module. */
export function declaredNames(statement: ts.Statement): ts.Identifier[] {
  if (!ts.isVariableStatement(statement)) {
    const { name } = statement as ts.DeclarationStatement;
    return name !== undefined && ts.isIdentifier(name) ? [name] : [];
  }
  const namesIn = (name: ts.BindingName): ts.Identifier[] =>
    ts.isIdentifier(name)
      ? [name]
      : name.elements.flatMap((element) =>
        ts.isBindingElement(element) ? namesIn(element.name) : []
      );
  return statement.declarationList.declarations.flatMap(({ name }) => namesIn(name));
}

/** The names that are given inside of a statement, and mean nothing outside of it. */
export function namesInside(statement: ts.Statement): Set<string> {
  const names = new Set<string>();
  walk(statement, (node) => {
    const isBinding = ts.isVariableDeclaration(node) || ts.isParameter(node) ||
      ts.isBindingElement(node) || ts.isFunctionLike(node) || ts.isClassLike(node);
    if (isBinding && node.name && ts.isIdentifier(node.name)) names.add(node.name.text);
  });
  for (const { text } of declaredNames(statement)) names.delete(text);
  return names;
}

/** The statement of a module in which a piece stands. */
export function statementOf(node: ts.Node): ts.Statement {
  while (!ts.isSourceFile(node.parent)) node = node.parent;
  return node as ts.Statement;
}

/** Whether a statement is a type, of which nothing is left when the module runs. */
export function isType(statement: ts.Statement): boolean {
  return ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement);
}

/** Whether a statement only says what comes from other modules, or goes to them. */
export function isPassage(statement: ts.Statement): boolean {
  return ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement);
}

/** Whether a statement does something when the module is loaded, besides giving names. */
export function hasEffect(statement: ts.Statement): boolean {
  return !isPassage(statement) && !isType(statement) && !ts.isVariableStatement(statement) &&
    !ts.isFunctionDeclaration(statement) && !ts.isClassDeclaration(statement) &&
    !ts.isEnumDeclaration(statement);
}

/** The file that a statement imports, as it is written there; with or without mere types. */
export function importedFile(statement: ts.Statement, types: boolean): string | undefined {
  if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) return undefined;
  const { moduleSpecifier } = statement;
  if (moduleSpecifier === undefined || !ts.isStringLiteral(moduleSpecifier)) return undefined;
  if (!moduleSpecifier.text.startsWith(".")) return undefined;
  const isOfTypes = ts.isImportDeclaration(statement)
    ? statement.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
    : statement.isTypeOnly;
  return types || !isOfTypes ? moduleSpecifier.text : undefined;
}

/** Something that a package or Deno supplies. */
export interface Import {
  /** Where it comes from, such as `node:util`. */
  module: string;
  /** What it is called there, or `default`, or `*`. */
  name: string;
  /** It was imported as a type. */
  onlyType: boolean;
}

/** What an import's declaration stands for, unless it comes from a file. */
export function importOf(declaration: ts.Declaration): Import | undefined {
  const statement = statementOf(declaration);
  if (!ts.isImportDeclaration(statement) || importedFile(statement, true) !== undefined) return;
  const module = (statement.moduleSpecifier as ts.StringLiteral).text;
  const isOfTypes = statement.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
  if (ts.isNamespaceImport(declaration)) return { module, name: "*", onlyType: isOfTypes };
  if (!ts.isImportSpecifier(declaration)) {
    return { module, name: "default", onlyType: isOfTypes };
  }
  const name = (declaration.propertyName ?? declaration.name).text;
  return { module, name, onlyType: isOfTypes || declaration.isTypeOnly };
}

/** The script in `new URL("./script.ts", import.meta.url)`; undefined for anything else. */
export function scriptBeside(node: ts.Node): string | undefined {
  if (!ts.isNewExpression(node) || node.expression.getText() !== "URL") return undefined;
  const [path, base] = node.arguments ?? [];
  if (path === undefined || !ts.isStringLiteral(path) || !path.text.endsWith(".ts")) return;
  return base?.getText() === "import.meta.url" ? path.text : undefined;
}

/** Where a statement begins, with the comments that belong to it. */
export function startOf(statement: ts.Statement): number {
  const { text } = statement.getSourceFile();
  const comments = ts.getLeadingCommentRanges(text, statement.getFullStart()) ?? [];
  // The first comment of a file may be about the file.
  const own = comments.filter(({ pos, end }) =>
    !/^\/\*\*[^]*@module\b/.test(text.slice(pos, end)) && !text.slice(pos, end).startsWith("///")
  );
  if (statement.getFullStart() === 0 && isPassage(statement)) return statement.getStart();
  return own[0]?.pos ?? statement.getStart();
}

/** Where a statement ends, with the comment behind it. */
export function endOf(statement: ts.Statement): number {
  const { text } = statement.getSourceFile();
  return ts.getTrailingCommentRanges(text, statement.end)?.at(-1)?.end ?? statement.end;
}
